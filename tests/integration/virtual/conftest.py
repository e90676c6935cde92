"""A phone with the small app of `support.tiny_app`, connected to a real adb server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from support.tiny_app import Notes, build_tiny_apps
from support.virtual import Phones, StartPhones

T = TypeVar("T")


class Notebook:
    """One phone, and what its one app really has: the ground truth."""

    def __init__(self, phones: Phones) -> None:
        self.phones = phones

    def read(self, look: Callable[[Notes], T]) -> T:
        app = self.phones.farm.farm.phones[0].apps[Notes.package]
        assert isinstance(app, Notes)
        return self.phones.farm.call(look, app)

    @property
    def text(self) -> str:
        return self.read(lambda app: app.note.text)

    @property
    def events(self) -> list[str]:
        return self.read(lambda app: list(app.events))

    @property
    def saved(self) -> list[str]:
        return self.read(lambda app: list(app.saved))


StartNotes = Callable[..., Notebook]


@pytest.fixture
def start_notes(start_phones: StartPhones) -> StartNotes:
    """Takes the fields of FarmSettings."""
    return lambda **settings: Notebook(start_phones(**{"build_apps": build_tiny_apps, **settings}))


@pytest.fixture
def notes(start_notes: StartNotes) -> Notebook:
    return start_notes()
