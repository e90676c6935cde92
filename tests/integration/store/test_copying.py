"""From SQLite to PostgreSQL: everything arrives as it was, or nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from runner import datadir
from runner.accounts.model import account_states
from runner.errors import ConfigError, StoreError
from runner.fleet import model as fleet
from runner.materials import model as materials
from runner.tasks import model
from runner.tasks.copying import OF_A_FLEET, ROWS_AT_ONCE, Copied, copy
from runner.tasks.database import Database
from runner.tasks.store import IdempotencyKey, Store
from runner.tasks.types import Ending, NewTask, Outcome, Source
from runner.worker_api import model as worker
from runner.worker_api.store import WorkerStore

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CAPTION = "¡Olé! 🎉 \U0001f469‍\U0001f4bb việt — 'quoted' \"too\" \\ %s :name\nline"
BIG = 2**40
"""An id that a 32 bit column can't hold."""


class Old:
    """The database of a host that has worked for a while, or what it became."""

    def __init__(self, file: Path, url: str = "") -> None:
        self.file = file
        self.database = Database(url or f"sqlite:///{self.file}")
        self.store = Store(self.database)

    def create(self, *serials: str, config: dict[str, Any] | None = None, key: str = "") -> list[int]:
        return self.store.create(
            [NewTask(serial, "ánna", "tiktok", "com.app", NOW, LATER) for serial in serials],
            script_name="post",
            script_config=config or {"captions": CAPTION, "deep": [{"n": BIG, "x": None, "y": 0.1}]},
            source=Source.API,
            retry_limit=2,
            now=NOW,
            idempotency=IdempotencyKey(key, "0" * 64) if key else None,
        ).task_ids

    def run(self, serial: str, *, end: bool = True) -> int:
        """One task with a journal and a screenshot."""
        [task_id] = self.create(serial)
        run = self.store.claim_next(serial, NOW, "local")
        assert run
        step = self.store.open_step(run, "publish", 1, 3, CAPTION, NOW)
        self.store.write_step(run, step, {"notes": [{"message": CAPTION, "n": 1}], "outcome": "ok"})
        self.insert(
            model.artifacts,
            task_id=task_id, attempt=1, step="publish", kind="screenshot", path=f"{task_id}/1.png",
            media_type="image/png", size=12345, created_at=NOW,
        )  # fmt: skip
        self.store.fence(run, NOW)
        if end:
            ending = Ending(Outcome.PUBLISHED, CAPTION, evidence={"ñ": [1, None]})
            self.store.finish(run, ending, NOW)
        return task_id

    def insert(self, table: Any, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(insert(table).values(values))

    def fill(self) -> None:
        """At least one row in every table that SQLite uses."""
        self.run("phone1")
        self.run("phone2", end=False)
        self.create("phone1", "phone3", key="key-ü")
        self.store.beat("local", NOW)
        self.insert(
            account_states,
            serial="phone1", app="tiktok", username="ánna", package="p", state="captcha", since=NOW,
            task_id=1,
        )  # fmt: skip
        self.insert(
            materials.materials,
            id=7, source="library", identity="a" * 64, sha256="a" * 64, name="🎬 vidéo.mp4", kind="video",
            media_type="video/mp4", size=BIG, modified_ns=BIG, duration=12.345678901, caption=CAPTION,
            created_at=NOW, taken_at=LATER, task_id=1,
        )  # fmt: skip
        self.insert(materials.tags, material_id=7, tag="été")
        self.insert(materials.turns, list="b" * 64, account="anna", number=3, task_id=1)
        server = WorkerStore(self.database).add_server("sérver", 3, NOW).server
        self.insert(
            worker.requests,
            id="r1", name="n", website="https://ex.ample", type_request="t", service_type="s", created_at=NOW,
        )  # fmt: skip
        self.insert(
            worker.tasks,
            seq=BIG, id="t1", request_id="r1", server_id=server.id, named=True, service_type="s",
            status="pending", site_name="x", email="x", username=CAPTION, sealed_password="x", about="x",
            config="{}", auction_price=0.1, max_retries=3, created_at=NOW,
        )  # fmt: skip
        self.insert(
            worker.counts, server_id=server.id, request_id="r1", status="pending", service_type="s", tasks=1
        )
        self.insert(
            worker.links,
            id=BIG, upstream="u", upstream_id="ü", retry_count=0, request={"a": CAPTION}, created_at=NOW,
        )  # fmt: skip
        self.insert(worker.reports, link_id=BIG, body={"b": [CAPTION]}, created_at=NOW)


def content(database: Database) -> dict[str, list[Any]]:
    with database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in model.metadata.sorted_tables
            if table not in OF_A_FLEET
        }


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    old = Old(tmp_path / "runner.db")
    yield old
    old.store.close()


def copied(old: Old, url: str) -> Copied:
    old.store.close()
    return copy(old.file, url)


def refused(old: Old, url: str, said: str) -> str:
    """Nothing arrived, and the source is as it was."""
    before = content(old.database)
    with pytest.raises(StoreError, match=said) as refusal:
        copied(old, url)
    assert content(old.database) == before
    assert old.file.exists()
    return str(refusal.value)


def test_everything_arrives_as_it_was(old: Old, postgres_url: str) -> None:
    old.fill()
    before = content(old.database)
    assert all(before.values()), "a table is not covered by this test"
    done = copied(old, postgres_url)
    assert done.rows == {name: len(rows) for name, rows in before.items()}
    assert done.changed_texts == 0
    database = Database(postgres_url)
    assert before.pop("beats") == [("local", NOW)]
    now = content(database)
    assert now.pop("beats") == [("fleet", NOW)]
    assert now == before
    assert Store(database).running("local")[0].task.serial == "phone2"
    database.close()


def test_new_rows_get_ids_that_were_never_used(old: Old, postgres_url: str) -> None:
    old.fill()
    newest = old.create("phone9")[0]
    old.store.delete([newest])
    copied(old, postgres_url)
    new = Old(old.file, postgres_url)
    assert new.create("phone5", "phone6") == [newest + 1, newest + 2]
    task_id = new.run("phone7")
    detail = new.store.detail(task_id)
    assert detail
    assert len(detail.steps) == len(detail.artifacts) == 1
    new.insert(worker.reports, link_id=BIG, body={}, created_at=NOW)
    new.insert(worker.links, upstream="u", upstream_id="next", retry_count=0, request={}, created_at=NOW)
    with new.database.read() as connection:
        assert connection.scalar(select(func.max(worker.links.c.id))) == BIG + 1
    new.store.close()


def test_an_empty_database_is_copied_and_counts_from_one(old: Old, postgres_url: str) -> None:
    done = copied(old, postgres_url)
    assert set(done.rows.values()) == {0}
    store = Store(Database(postgres_url))
    new = NewTask("phone1", "anna", "tiktok", "com.app", NOW, None)
    created = store.create(
        [new], script_name="post", script_config={}, source=Source.API, retry_limit=0, now=NOW
    )
    assert created.task_ids == [1]
    store.close()


def test_more_rows_than_are_copied_at_once(old: Old, postgres_url: str) -> None:
    old.create(*(f"phone{number}" for number in range(ROWS_AT_ONCE + 1)))
    assert copied(old, postgres_url).rows["tasks"] == ROWS_AT_ONCE + 1


def test_the_source_is_set_aside(old: Old, postgres_url: str) -> None:
    old.create("phone1")
    done = copied(old, postgres_url)
    assert done.set_aside
    assert [path.name for path in old.file.parent.glob("*.db*")] == [done.set_aside.name]
    aside = Store(Database(f"sqlite:///{done.set_aside}"))
    assert aside.stats().total == 1
    aside.close()


def test_a_database_that_another_program_has_open_keeps_its_name(old: Old, postgres_url: str) -> None:
    old.create("phone1")
    with old.database.read() as connection:
        connection.execute(text("SELECT count(*) FROM tasks"))
        done = copy(old.file, postgres_url)
    assert done.set_aside is None
    assert old.file.exists()


def test_a_target_with_content_is_refused(old: Old, postgres_url: str) -> None:
    old.fill()
    there = Store(Database(postgres_url))
    new = NewTask("phone1", "anna", "tiktok", "com.app", NOW, None)
    there.create([new], script_name="post", script_config={}, source=Source.API, retry_limit=0, now=NOW)
    refused(old, postgres_url, r"is not empty: it has rows in tasks\.")
    assert there.stats().total == 1
    there.close()


def test_what_a_started_fleet_has_written_is_in_nobodys_way(old: Old, postgres_url: str) -> None:
    old.fill()
    there = Database(postgres_url)
    with there.write() as connection:
        connection.execute(insert(fleet.common).values(key="farm", value="devices: []"))
        connection.execute(insert(model.beats).values(name="local", seen_at=LATER))
    copied(old, postgres_url)
    with there.read() as connection:
        assert connection.scalar(select(fleet.common.c.value)) == "devices: []"
        assert connection.scalar(select(model.beats.c.seen_at)) == NOW
    there.close()


def test_a_row_that_postgresql_cant_keep_leaves_nothing_behind(old: Old, postgres_url: str) -> None:
    old.fill()
    with old.database.write() as connection:
        connection.execute(update(account_states).values(state="x" * 40))
    assert "Nothing was copied" in refused(old, postgres_url, "row of account_states")
    there = Database(postgres_url)
    assert not any(content(there).values())
    there.close()


def test_a_nul_character_is_replaced_and_told(old: Old, postgres_url: str) -> None:
    old.create("phone1", config={"captions": "a\0b"})
    with old.database.write() as connection:
        connection.execute(update(model.tasks).values(remark="adb said \0!"))
    assert copied(old, postgres_url).changed_texts == 1
    store = Store(Database(postgres_url))
    task = store.task(1)
    assert task
    assert (task.remark, task.script_config) == ("adb said ␀!", {"captions": "a\0b"})
    store.close()


def test_a_directory_in_use_is_refused(old: Old, postgres_url: str) -> None:
    old.fill()
    lock = datadir.hold(old.file.parent)
    refused(old, postgres_url, "Another runner uses the data directory")
    lock.release()


def test_what_is_no_source_or_no_target(old: Old, tmp_path: Path, postgres_url: str) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        copy(tmp_path / "none.db", postgres_url)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(ConfigError, match="not a PostgreSQL database"):
        copy(old.file, f"sqlite:///{tmp_path / 'other.db'}")
