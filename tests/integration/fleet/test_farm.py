"""One devices.yaml for all hosts, through the database."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from runner.cancel import CancelToken
from runner.directory import HostInfo
from runner.errors import Cancelled, ConfigError
from runner.farm.holder import FarmHolder
from runner.farm.loader import load
from runner.fleet import model
from runner.fleet.common import FARM, Common
from runner.fleet.directory import FleetDirectory
from runner.fleet.farm import FarmFollower, FarmPublisher
from runner.fleet.membership import Membership
from runner.fleet.settings import FleetSettings
from runner.tasks.database import Database

ONE = "time_zone: UTC  # ¡una línea con emoji 🎬!\r\ndevices: [{serial: A}]\n"
TWO = "time_zone: UTC\ndevices: [{serial: A}, {serial: B}]\n"


class Api:
    """The publishing side of one host."""

    def __init__(self, folder: Path, database: Database, name: str, text: str) -> None:
        self._database = database
        self.file = folder / f"{name}.yaml"
        self.write(text)
        self.holder = FarmHolder(self.file, load(self.file))
        directory = FleetDirectory(database, FleetSettings().lease, lambda: self.holder.farm)
        self.publisher = FarmPublisher(Common(database), self.holder, name, directory.hosts)

    def write(self, text: str) -> None:
        before = self.file.stat().st_mtime_ns if self.file.exists() else 0
        self.file.write_bytes(text.encode())
        os.utime(self.file, ns=(before + 10**9, before + 10**9))

    def publish(self) -> None:
        with self._database.write() as connection:
            self.publisher.publish(connection)

    def tick(self) -> None:
        self.holder.refresh()
        self.publisher.follow()


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.close()


def join(database: Database, name: str, *, url: str = "http://10.0.0.9:50809", instance: str = "i") -> None:
    row = {"name": name, "instance": instance, "home": "", "version": "1", "url": url}
    with database.write() as connection:
        connection.execute(insert(model.hosts).values(**row, started_at=func.now(), seen_at=func.now()))


def test_workers_follow_the_file_of_the_api_host(tmp_path: Path, database: Database) -> None:
    api = Api(tmp_path, database, "api", ONE)
    api.publish()
    followed = tmp_path / "new" / "fleet-devices.yaml"
    follower = FarmFollower(Common(database), followed)
    follower.fetch_first(CancelToken())
    assert followed.read_bytes() == ONE.encode()
    holder = FarmHolder(followed, load(followed))
    assert holder.farm.devices == api.holder.farm.devices

    api.write("devices: 1")
    api.tick()
    assert follower.follow()
    assert not holder.refresh(), "a broken file must not travel"

    api.write(TWO)
    api.tick()
    follower.follow()
    assert holder.refresh()
    assert [device.serial for device in holder.farm.devices] == ["A", "B"]
    assert [path.name for path in followed.parent.iterdir()] == [followed.name]


def test_what_did_not_change_is_not_written_again(tmp_path: Path, database: Database) -> None:
    Common(database).write(FARM, ONE)
    file = tmp_path / "fleet-devices.yaml"
    follower = FarmFollower(Common(database), file)
    follower.follow()
    os.utime(file, ns=(1, 1))
    follower.follow()
    assert file.stat().st_mtime_ns == 1


def test_the_first_farm_is_waited_for(tmp_path: Path, database: Database) -> None:
    common = Common(database)
    follower = FarmFollower(common, tmp_path / "fleet-devices.yaml")
    with pytest.raises(ConfigError, match=r"published a devices\.yaml within 0 s.*runner serve"):
        follower.fetch_first(CancelToken(), 0)
    threading.Timer(0.3, common.write, (FARM, ONE)).start()
    follower.fetch_first(CancelToken(), 20)
    assert (tmp_path / "fleet-devices.yaml").exists()


def test_the_wait_for_the_first_farm_can_be_cancelled(tmp_path: Path, database: Database) -> None:
    stop = CancelToken()
    threading.Timer(0.2, stop.cancel).start()
    with pytest.raises(Cancelled):
        FarmFollower(Common(database), tmp_path / "x.yaml").fetch_first(stop)


def test_a_second_api_host_with_another_file_is_refused(tmp_path: Path, database: Database) -> None:
    Api(tmp_path, database, "first", ONE).publish()
    join(database, "first")
    join(database, "worker", url="")
    with pytest.raises(ConfigError, match="differs from the one that host first publishes"):
        Api(tmp_path, database, "second", TWO).publish()
    assert Common(database).read(FARM) == ONE
    Api(tmp_path, database, "second", ONE).publish()


def test_of_two_api_hosts_that_start_at_once_with_different_files_one_is_refused(
    tmp_path: Path, database: Database
) -> None:
    def member(name: str) -> Membership:
        (tmp_path / name).mkdir()
        url = f"http://{name}:50809"
        lease = FleetSettings().lease
        return Membership(
            database, name=name, data_dir=tmp_path / name, url=url, lease=lease, scripts={"post": True}
        )

    first, second = member("first"), member("second")
    published, go_on = threading.Event(), threading.Event()

    def publish_slowly(joining: Connection) -> None:
        Api(tmp_path, database, "first", ONE).publisher.publish(joining)
        published.set()
        assert go_on.wait(10)

    first.before_joining(publish_slowly)
    second.before_joining(Api(tmp_path, database, "second", TWO).publisher.publish)
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first.join)
        assert published.wait(10)
        two = threads.submit(second.join)
        with pytest.raises(TimeoutError):
            two.result(0.3)
        go_on.set()
        one.result(10)
        with pytest.raises(ConfigError, match="differs from the one that host first publishes"):
            two.result(10)
    assert Common(database).read(FARM) == ONE
    with database.read() as connection:
        assert connection.scalars(select(model.hosts.c.name)).all() == ["first"]
    assert second.lapsed


@pytest.mark.parametrize(("name", "instance"), [("other", ""), ("api", "before")])
def test_a_host_that_left_and_the_host_itself_stand_in_nobodys_way(
    tmp_path: Path, database: Database, name: str, instance: str
) -> None:
    Common(database).write(FARM, ONE)
    join(database, name, instance=instance)
    Api(tmp_path, database, "api", TWO).publish()
    assert Common(database).read(FARM) == TWO


def test_only_a_live_host_with_an_api_publishes(tmp_path: Path, database: Database) -> None:
    Common(database).write(FARM, ONE)
    now = datetime.now(UTC)
    others = [
        HostInfo("silent", False, "1", "http://10.0.0.9:50809", 0.0, now, now),
        HostInfo("worker", True, "1", "", 0.0, now, now),
    ]
    api = Api(tmp_path, database, "api", TWO)
    api.publisher = FarmPublisher(Common(database), api.holder, "api", lambda: others)
    api.publish()
    assert Common(database).read(FARM) == TWO
