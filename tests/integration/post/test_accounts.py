"""switch_account and match_account on virtual phones, whatever state their accounts are in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.errors import AccountUnusable, WrongAccount
from runner.farm.model import PACKAGES
from runner.script import Account, Result
from scripts.match_account import MatchAccount, MatchAccountConfig
from scripts.switch_account import SwitchAccount, SwitchAccountConfig
from support.script_context import Bench, open_bench
from support.virtual import Phones, StartPhones

FIRST, SECOND, THIRD = (f"demo_001_{number}" for number in (1, 2, 3))


@dataclass
class Rig:
    phones: Phones
    bench: Bench

    def switch(self, username: str, app: str, **config: Any) -> Result:
        account = Account(username, app, PACKAGES[app])
        return self.bench.run(SwitchAccount(), self.phones.serial, SwitchAccountConfig(**config), account)

    def match(self, **config: Any) -> Result:
        return self.bench.run(MatchAccount(), self.phones.serial, MatchAccountConfig(**config), None)

    def active(self, app: str) -> str:
        return str(self.phones.control_all()[0]["active"][app])

    def set(self, username: str, state: str, app: str) -> None:
        self.phones.control("/accounts", method="POST", username=username, app=app, state=state)

    @property
    def mistakes(self) -> list[str]:
        apps = self.phones.farm.farm.phones[0].apps
        return [mistake for package in PACKAGES.values() for mistake in apps[package].mistakes]


@pytest.fixture
def rig(start_phones: StartPhones, tmp_path: Path) -> Iterator[Rig]:
    phones = start_phones(accounts=3)
    with open_bench(phones.serials, tmp_path) as bench:
        yield Rig(phones, bench)


@pytest.mark.parametrize("app", PACKAGES)
def test_the_account_becomes_the_active_one(rig: Rig, app: str) -> None:
    for username in (THIRD, THIRD, SECOND.upper()):
        result = rig.switch(username, app)
        assert rig.active(app) == username.lower()
        assert result.remark == f"The active account is @{username.lower()}."
        assert result.proved == (Account(username, app, PACKAGES[app]),)
    rig.switch(FIRST, app, restart=False)
    assert rig.active(app) == FIRST
    assert rig.mistakes == []


@pytest.mark.parametrize("app", PACKAGES)
def test_an_account_that_is_not_there_is_said_so(rig: Rig, app: str) -> None:
    with pytest.raises(WrongAccount, match=f"has @{FIRST}, @{SECOND}, @{THIRD}"):
        rig.switch("nobody", app)
    assert rig.mistakes == []


STATES = [
    ("tiktok", "blocked", "suspended"),
    ("tiktok", "logged_out", "logged_out"),
    ("instagram", "suspended", "suspended"),
    ("instagram", "disabled", "disabled"),
    ("instagram", "captcha", "captcha"),
    ("instagram", "selfie", "verification"),
    ("instagram", "upload_id", "verification"),
    ("instagram", "logged_out", "logged_out"),
]


@pytest.mark.parametrize(("app", "state", "said"), STATES)
def test_what_the_app_wants_of_one_account_keeps_the_others_usable(
    rig: Rig, app: str, state: str, said: str
) -> None:
    """The first account is the active one, so that its state is what the app shows."""
    rig.set(FIRST, state, app)
    rig.switch(SECOND, app)
    assert rig.active(app) == SECOND
    with pytest.raises(AccountUnusable) as refused:
        rig.switch(FIRST, app)
    assert refused.value.state == said
    rig.switch(THIRD, app)
    assert rig.active(app) == THIRD
    rig.set(FIRST, "ok", app)
    rig.switch(FIRST, app)
    assert rig.active(app) == FIRST
    assert rig.mistakes == []


@pytest.mark.parametrize(("app", "state", "said"), STATES)
def test_an_account_that_is_active_and_unusable_is_said_so(rig: Rig, app: str, state: str, said: str) -> None:
    rig.set(FIRST, state, app)
    with pytest.raises(AccountUnusable) as refused:
        rig.switch(FIRST, app)
    assert refused.value.state == said
    assert rig.mistakes == []


def test_every_account_of_both_apps_is_found(rig: Rig) -> None:
    result = rig.match()
    names = (FIRST, SECOND, THIRD)
    expected = [Account(name, app, PACKAGES[app]) for app in PACKAGES for name in names]
    assert list(result.found) == expected
    assert all(f"@{name}" in result.remark for name in names)
    assert result.proved == ()
    assert rig.active("tiktok") == FIRST
    assert rig.mistakes == []


def test_accounts_are_found_behind_one_that_is_blocked(rig: Rig) -> None:
    rig.set(FIRST, "blocked", "tiktok")
    rig.set(FIRST, "captcha", "instagram")
    assert len(rig.match().found) == 6
    assert rig.mistakes == []


def test_more_accounts_than_a_switcher_shows(start_phones: StartPhones, tmp_path: Path) -> None:
    phones = start_phones(accounts=9)
    with open_bench(phones.serials, tmp_path) as bench:
        rig = Rig(phones, bench)
        for app, package in PACKAGES.items():
            names = [account.username for account in rig.match(packages=[package]).found]
            assert names == [f"demo_001_{number}" for number in range(1, 10)]
            rig.switch(names[-1], app)
            assert rig.active(app) == names[-1]


def test_an_app_that_everybody_is_logged_out_of_has_no_account(rig: Rig) -> None:
    for name in (FIRST, SECOND, THIRD):
        rig.set(name, "logged_out", "tiktok")
    result = rig.match(packages=[PACKAGES["tiktok"]])
    assert result.found == ()
    assert result.remark == f"{PACKAGES['tiktok']}: no account"
