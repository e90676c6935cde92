"""What the tables of a fleet say of hosts and phones, judged by the database's clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.directory import concerns
from runner.errors import InvalidRequest, NotFound
from runner.farm.loader import parse
from runner.fleet.directory import FleetPhone
from runner.phones.status import PhoneState
from runner.tasks.store import Store
from runner.tasks.types import NewTask, Source
from support.fleet_tables import INFO, SINCE, FleetTables

FARM = parse(
    b"""
time_zone: Asia/Ho_Chi_Minh
devices:
  - serial: C
  - serial: A
  - serial: B
  - {serial: NOWHERE, host: desk-9}
  - {serial: OFF, enabled: false}
""",
    Path("devices.yaml"),
).farm


@pytest.fixture
def fleet(postgres_url: str) -> Iterator[FleetTables]:
    fleet = FleetTables(postgres_url, FARM)
    yield fleet
    fleet.database.close()


def test_an_empty_fleet(fleet: FleetTables) -> None:
    assert fleet.directory.hosts() == []
    assert fleet.directory.phones() == []
    assert {status.state for status in fleet.directory.snapshot()} == {PhoneState.ABSENT}


def test_a_host_is_live_while_it_is_heard_of_and_has_not_left(fleet: FleetTables) -> None:
    fleet.host("here", url="http://10.0.0.1:50809")
    fleet.host("nearly", silent=13)
    fleet.host("silent", silent=16)
    fleet.host("evicted", silent=100, instance="")
    fleet.host("left", instance="", stopped=True)
    hosts = {host.name: host for host in fleet.directory.hosts()}
    assert {name: host.state for name, host in hosts.items()} == {
        "here": "live", "nearly": "live", "silent": "silent", "evicted": "silent", "left": "stopped",
    }  # fmt: skip
    assert [host.name for host in hosts.values() if host.live] == ["here", "nearly"]
    assert (hosts["here"].url, hosts["here"].version) == ("http://10.0.0.1:50809", "1.2.3")
    assert [host.name for host in hosts.values() if host.skewed] == ["here"]
    assert hosts["here"].started_at == SINCE


def test_hosts_tell_their_phones_runs_and_who_is_the_clock(fleet: FleetTables) -> None:
    fleet.host("one")
    fleet.host("two", silent=100)
    fleet.phone("A", "one", "ready")
    fleet.phone("B", "one", "busy")
    fleet.phone("C", "two", "ready")
    fleet.lease("clock", "one", seconds=10)
    fleet.lease("upstreams", "two", seconds=10)
    store = Store(fleet.database)
    new = NewTask("B", "anna", "tiktok", "com.app", SINCE, None)
    store.create([new], script_name="post", script_config={}, source=Source.API, retry_limit=0, now=SINCE)
    assert store.claim_next("B", SINCE, "one")
    one, two = fleet.directory.hosts()
    assert one.phones == {PhoneState.READY: 1, PhoneState.BUSY: 1}
    assert two.phones == {PhoneState.ABSENT: 1}
    assert (one.running, two.running) == (1, 0)
    assert (one.is_clock, two.is_clock) == (True, False)


def test_a_host_without_a_script_that_others_have_is_pointed_out(fleet: FleetTables) -> None:
    fleet.host("one", scripts={"post": True, "act": False})
    fleet.host("two", scripts={"post": True})
    fleet.host("gone", instance="", stopped=True, scripts={"old": True})
    assert concerns(fleet.directory.hosts()) == {
        "one": [],
        "two": ["It has no script act, others do; give all the same (--scripts-dir)."],
        "gone": [],
    }


def test_an_expired_lease_has_no_holder(fleet: FleetTables) -> None:
    fleet.host("one")
    fleet.lease("clock", "one", seconds=-1)
    assert [host.is_clock for host in fleet.directory.hosts()] == [False]


def test_phones_are_told_as_their_host_reported_them(fleet: FleetTables) -> None:
    fleet.phone("B", "one", "quarantined")
    fleet.phone("A", "one", "ready", INFO)
    assert fleet.directory.phones() == [
        FleetPhone("A", "one", PhoneState.READY, "is ready", SINCE, INFO),
        FleetPhone("B", "one", PhoneState.QUARANTINED, "is quarantined", SINCE, None),
    ]


def test_the_snapshot_has_the_order_of_the_farm_and_knows_silence(fleet: FleetTables) -> None:
    fleet.host("one")
    fleet.host("two", silent=100)
    fleet.phone("A", "one", "busy", INFO)
    fleet.phone("B", "two", "ready", INFO)
    fleet.phone("OFF", "one", "ready", INFO)
    fleet.phone("NOT-IN-THE-FARM", "one", "ready")
    c, a, b, nowhere, off = fleet.directory.snapshot()
    assert (a.serial, a.state, a.host, a.info, a.since) == ("A", PhoneState.BUSY, "one", INFO, SINCE)
    silent = next(host for host in fleet.directory.hosts() if host.name == "two")
    assert (b.state, b.host, b.info, b.since) == (PhoneState.ABSENT, "two", INFO, silent.seen_at)
    assert b.reason.startswith("Host two is silent since 20")
    assert b.reason.endswith("+07:00.")
    assert (c.state, c.host, c.reason) == (PhoneState.ABSENT, "", "The hosts of the fleet do not see it.")
    assert (nowhere.host, nowhere.reason) == ("desk-9", "Host desk-9 does not see it.")
    assert (off.state, off.reason) == (PhoneState.ABSENT, "It is disabled in devices.yaml.")
    assert fleet.directory.strangers() == {"X1": "device"}


def test_a_phone_of_a_host_that_was_stopped_says_so(fleet: FleetTables) -> None:
    fleet.host("one", silent=60, instance="", stopped=True)
    fleet.phone("A", "one", "absent")
    assert fleet.directory.snapshot()[1].reason.startswith("Host one was stopped at 20")


def test_a_host_that_is_gone_is_forgotten_with_its_phones(fleet: FleetTables) -> None:
    fleet.host("desk")
    fleet.host("gone", instance="", silent=100)
    fleet.phone("A", "gone", "ready")
    fleet.phone("B", "desk", "ready")
    fleet.directory.forget("gone")
    assert [host.name for host in fleet.directory.hosts()] == ["desk"]
    assert [phone.serial for phone in fleet.directory.phones()] == ["B"]


def test_who_is_up_or_has_something_left_is_not_forgotten(fleet: FleetTables) -> None:
    fleet.host("up")
    fleet.host("fallen-silent", silent=100)
    fleet.host("at-work", instance="")
    fleet.host("desk-9", instance="", stopped=True)
    fleet.phone("A", "at-work", "ready")
    store = Store(fleet.database)
    new = NewTask("A", "anna", "tiktok", "com.app", SINCE, None)
    store.create([new], script_name="post", script_config={}, source=Source.API, retry_limit=0, now=SINCE)
    assert store.claim_next("A", SINCE, "at-work")
    for name, why in (
        ("up", r"Host up is up\. Stop it first"),
        ("fallen-silent", "given up within a minute"),
        ("at-work", "still has 1 running"),
        ("desk-9", r"gives host desk-9 phones: NOWHERE\. Name another `host:`"),
    ):
        with pytest.raises(InvalidRequest, match=why):
            fleet.directory.forget(name)
    with pytest.raises(NotFound, match="no host nobody"):
        fleet.directory.forget("nobody")
    assert len(fleet.directory.hosts()) == 4
    assert [phone.serial for phone in fleet.directory.phones()] == ["A"]


def test_the_skew_of_a_computer_that_is_the_databases(fleet: FleetTables) -> None:
    assert abs(fleet.directory.skew()) < 1
