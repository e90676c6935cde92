"""Runs a script on a real phone session without a service: a `Context` whose journal is in memory.

Everything below it is real: `runner.phones.Phones`, its session, the adb server, the virtual phone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from runner.cancel import CancelToken
from runner.farm.model import Device, Farm
from runner.phones.adb import AdbServer
from runner.phones.hierarchy import Hierarchy
from runner.phones.phones import Phones
from runner.phones.screens import Catalog
from runner.phones.session import PhoneSession
from runner.phones.status import PhoneState
from runner.script import Account, Result, Script, ScriptConfig


@dataclass
class Step:
    name: str
    detail: str = ""
    outcome: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


class NamedFiles:
    """The materials of a task that names its files: a bench has no library."""

    def given(self, paths: Sequence[str]) -> list[Path]:
        return [Path(path) for path in paths]


@dataclass
class TestContext:
    """`runner.script.Context`, kept in memory."""

    __test__ = False

    phone: PhoneSession
    config: Any
    account: Account | None
    screens: Catalog
    work_dir: Path
    cancel: CancelToken = field(default_factory=CancelToken)
    materials: Any = field(default_factory=NamedFiles)
    check_published_first: bool = False
    task_id: int = 1
    attempt: int = 1
    rng_seed: int = 7
    journal: list[Step] = field(default_factory=list)
    fenced: int = 0
    loose_notes: list[str] = field(default_factory=list)
    kept: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """Hierarchy and screenshot by why they were kept."""

    @contextmanager
    def step(self, name: str, *, detail: str = "") -> Iterator[Step]:
        self.cancel.check()
        step = Step(name, detail)
        self.journal.append(step)
        began = time.monotonic()
        try:
            yield step
        except Exception:
            step.outcome = "failed"
            raise
        else:
            step.outcome = "ok"
        finally:
            step.seconds = time.monotonic() - began

    def note(self, message: str, **details: Any) -> None:
        self.cancel.check()
        is_open = bool(self.journal) and not self.journal[-1].outcome
        (self.journal[-1].notes if is_open else self.loose_notes).append(message)

    def keep_screen(self, why: str, hierarchy: Hierarchy | None = None) -> None:
        self.cancel.check()
        shown = hierarchy or self.phone.hierarchy()
        self.kept[why] = (shown.xml, self.phone.screenshot())

    def publish(self, tap: Callable[[], None]) -> None:
        self.cancel.check()
        self.fenced += 1
        assert self.fenced == 1, "a run publishes once"
        tap()

    @property
    def steps(self) -> list[str]:
        return [step.name for step in self.journal]

    @property
    def notes(self) -> list[str]:
        return self.loose_notes + [note for step in self.journal for note in step.notes]


@dataclass
class Bench:
    """One farm's phones, ready to run scripts on."""

    phones: Phones
    work_dir: Path
    catalog: Catalog = field(default_factory=Catalog.load)
    contexts: list[TestContext] = field(default_factory=list)

    @property
    def last(self) -> TestContext:
        return self.contexts[-1]

    def run(
        self,
        script: Script[Any],
        serial: str,
        config: ScriptConfig,
        account: Account | None,
        **more: Any,
    ) -> Result:
        """Run it as the executor would; the context stays as `last` whatever happens."""
        cancel = more.pop("cancel", CancelToken())
        with self.phones.session(serial, cancel) as phone:
            context = TestContext(
                phone=phone,
                config=config,
                account=account,
                screens=self.catalog,
                work_dir=self.work_dir,
                cancel=cancel,
                **more,
            )
            self.contexts.append(context)
            return script.run(context)


@contextmanager
def open_bench(serials: list[str], work_dir: Path) -> Iterator[Bench]:
    """The phones of these adb serials, followed until each is ready."""
    devices = tuple(
        Device(serial=serial, index=index, address=serial) for index, serial in enumerate(serials, 1)
    )
    farm = Farm(ZoneInfo("UTC"), devices)
    phones = Phones(lambda: farm, server=AdbServer())
    phones.start()
    try:
        deadline = time.monotonic() + 30
        while any(status.state is not PhoneState.READY for status in phones.snapshot()):
            assert time.monotonic() < deadline, phones.snapshot()
            time.sleep(0.02)
        yield Bench(phones, work_dir)
    finally:
        phones.close()
