"""Two hosts of phones, one API: as an operator sees it."""

from __future__ import annotations

from pathlib import Path

from support.fleet import Fleet
from support.service import config_of
from support.stage import TEST_SCRIPTS, refusal
from support.virtual import LEAKS_SOCKETS, StartPhones
from support.waiting import wait_for

pytestmark = [LEAKS_SOCKETS]


def test_each_task_is_done_on_the_host_of_its_phone(
    fleet: Fleet, start_phones: StartPhones, video: Path
) -> None:
    phones = start_phones(count=4, accounts=2)
    host_of = dict(zip(phones.serials, ["left", "left", "right", "right"], strict=True))
    api = fleet.api(config_of(phones, host_of=host_of))
    workers = {name: fleet.worker(name) for name in ("left", "right")}
    api.phones_ready(*phones.serials)

    ids = api.post(video, serials=phones.serials, enable_multi_account=True)
    tasks = api.ended(*ids, seconds=90)

    assert {task["outcome"] for task in tasks} == {"published"}, tasks
    for phone in phones.farm.farm.phones:
        accounts = [post["account"] for post in phones.posts(phone.serial)]
        assert sorted(accounts) == sorted(dict(phone.settings.accounts)["tiktok"])
    hosts = {host["name"]: host for host in api.call("GET", "hosts")["hosts"]}
    assert set(hosts) == {"office", "left", "right"}
    assert all(host["live"] for host in hosts.values())
    assert [host["is_clock"] for host in hosts.values()].count(True) == 1
    devices = api.call("GET", "devices")["devices"]
    assert {device["serial"]: device["host"] for device in devices} == host_of

    assert workers["right"].stop() == 0
    states = {host["name"]: host["state"] for host in api.call("GET", "hosts")["hosts"]}
    assert states == {"office": "live", "left": "live", "right": "stopped"}
    pinned = f"devices.yaml gives host right phones: {', '.join(phones.serials[2:])}."
    assert pinned in refusal(api.http.delete("hosts/right"), 40001)
    api.config.write_text(config_of(phones, host_of=dict.fromkeys(phones.serials, "left")), encoding="utf-8")
    wait_for(lambda: api.http.delete("hosts/right").json()["code"] == 0, what="the new devices.yaml")
    assert {host["name"] for host in api.call("GET", "hosts")["hosts"]} == {"office", "left"}


def test_a_script_that_is_missing_on_the_phones_host_is_named_with_it(
    fleet: Fleet, start_phones: StartPhones, tmp_path: Path
) -> None:
    phones = start_phones()
    config = config_of(phones) + "  - {serial: UNPLUGGED, host: desk}\n"
    api = fleet.api(config, arguments=("--api-only", "--scripts-dir", str(TEST_SCRIPTS)))
    fleet.worker("desk")
    api.phones_ready(phones.serial)
    [host] = [host for host in api.call("GET", "hosts")["hosts"] if host["name"] == "desk"]
    assert "It has no script act" in host["warnings"][0]

    settings = {"do": [], "log": str(tmp_path / "act.log")}
    act = {"script_name": "act", "script_config": settings}
    [waits], [fails] = (api.create(serials=[serial], **act) for serial in ("UNPLUGGED", phones.serial))

    [failed] = api.ended(fails)
    assert failed["remark"].startswith('before the first step: Host desk has no script "act". Install it')
    wait_for(
        lambda: api.task(waits)["remark"].startswith('waiting: host desk has no script "act". Install it'),
        what="the remark",
    )
