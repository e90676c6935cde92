"""Every mistake of a devices.yaml is found at once, at its place, with what to write.

In these texts `¦` stands right before a place where a mistake is expected; it is taken out before loading.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from runner.errors import ConfigError, FileProblem
from runner.farm.loader import load, parse
from runner.farm.model import Device, FarmAccount

HERE = Path("farm/devices.yaml")


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and line:column of each mark."""
    places = []
    while (at := text.find("¦")) >= 0:
        before = text[:at]
        places.append((before.count("\n") + 1, len(before) - before.rfind("\n")))
        text = before + text[at + 1 :]
    return text, places


def problems_of(text: str) -> list[FileProblem]:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), HERE)
    return list(caught.value.problems)


def test_a_full_file_becomes_the_farm() -> None:
    loaded = parse(
        b"""
time_zone: Asia/Ho_Chi_Minh
defaults: {app: instagram, package: com.ss.android.ugc.trill}
api: {plan: Pro, device_limit: 3}
tasks: {auto_retry: 2, retry_delay_seconds: [5, 9]}
data_dir: data
scripts_dir: /abs/scripts
port: 50810
devices:
  - serial: R58N1234567
    name: Desk 1
    group: desk
    tags: [a, b]
    accounts:
      - username: "@first"
        app: tiktok
      - username: second
      - {username: third, app: tiktok, package: com.clone.tiktok, enabled: false}
  - serial: "127.0.0.1:7001"
    package: com.instagram.android.clone
    accounts: [{username: fourth}, {username: fifth, app: tiktok}]
  - address: "phone.lan:5999"
    enabled: false
  - {serial: WITHADDRESS, address: "10.0.0.9:5555"}
""",
        HERE,
    )
    assert loaded.farm.time_zone == ZoneInfo("Asia/Ho_Chi_Minh")
    assert loaded.farm.path == str(HERE)
    assert loaded.farm.devices == (
        Device(
            serial="R58N1234567",
            index=1,
            name="Desk 1",
            group="desk",
            tags=("a", "b"),
            accounts=(
                FarmAccount("first", "tiktok", "com.ss.android.ugc.trill"),
                FarmAccount("second", "instagram", "com.instagram.android"),
                FarmAccount("third", "tiktok", "com.clone.tiktok", enabled=False),
            ),
        ),
        Device(
            serial="127.0.0.1:7001",
            index=2,
            address="127.0.0.1:7001",
            accounts=(
                FarmAccount("fourth", "instagram", "com.instagram.android.clone"),
                FarmAccount("fifth", "tiktok", "com.ss.android.ugc.trill"),
            ),
        ),
        Device(serial="phone.lan:5999", index=3, address="phone.lan:5999", enabled=False),
        Device(serial="WITHADDRESS", index=4, address="10.0.0.9:5555"),
    )
    assert loaded.settings == {
        "api": {"plan": "Pro", "device_limit": 3},
        "tasks": {"auto_retry": 2, "retry_delay_seconds": [5, 9]},
        "data_dir": HERE.parent.resolve() / "data",
        "scripts_dir": Path("/abs/scripts").absolute(),
        "port": 50810,
    }


def test_keys_without_a_value_count_as_left_out() -> None:
    loaded = parse(b"time_zone:\ndevices:\napi:\n", HERE)
    assert loaded.farm.devices == ()
    assert loaded.farm.time_zone.key
    assert loaded.settings == {}


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    loaded = parse("\ufefftime_zone: UTC\r\ndevices:\r\n  - serial: A\r\n".encode(), HERE)
    assert [device.serial for device in loaded.farm.devices] == ["A"]


def test_every_mistake_is_found_at_once() -> None:
    text, places = marked(
        """\
time_zone: ¦Europe/Madird
¦defualts:
  app: tiktok
api:
  plan: ¦business
  device_limit: ¦"3"
port: ¦99999
devices:
  - serial: ¦12345
    ¦nmae: x
    accounts:
      - username: "@bob"
      - username: ¦bob
      - username: mary
        app: ¦tictoc
      - username: ¦not a name
      - ¦app: tiktok
  - serial: A1
    address: ¦1.2.3.4
    tags: [one, ¦2]
  - ¦serial: A1
    enabled: ¦yes
    accounts: ¦bob
  -¦
  - ¦name: only
    accounts: [{username: ¦Bob}]
  - serial: "127.0.0.1:7000"
    ¦serial: A3
  - ¦{serial: A4, address: "127.0.0.1:7000"}
tasks: {auto_retry: ¦11, retry_delay_seconds: ¦[60, 5], queue_order: ¦rnd}
adb: ¦/usr/bin/adb
"""
    )
    found = problems_of(text)
    assert [(problem.line, problem.column) for problem in found] == places
    assert [problem.message for problem in found] == [
        'time_zone: "Europe/Madird" is not an IANA time zone; did you mean "Europe/Madrid"?',
        "defualts is not a known key (did you mean 'defaults'?)",
        "plan must be 'Starter', 'Pro', 'Team' or 'Business', not \"business\" (did you mean 'Business'?)",
        'device_limit must be a whole number, not "3"',
        "port must be 65535 or less, not 99999",
        'serial must be text, not 12345; put it in quotes: "12345"',
        "nmae is not a known key (did you mean 'name'?)",
        'the tiktok account "bob" stands at line 12 already; keep one.',
        "app must be 'tiktok' or 'instagram', not \"tictoc\" (did you mean 'tiktok'?)",
        'username: "not a name" is not a username; write the name only, like "my_account".',
        "username is missing",
        'address: "1.2.3.4" is not host:port; write one like "192.168.1.20:5555".',
        'an entry of tags must be text, not 2; put it in quotes: "2"',
        'the device "A1" stands at line 18 already; keep one.',
        'enabled must be true or false, not "yes"',
        'accounts must be a list, not "bob"',
        "an entry of devices must be a set of keys and values, not nothing",
        "serial is missing; write it as `runner doctor` shows it.",
        'the tiktok account "Bob" stands at line 12 already; keep one.',
        '"serial" stands twice in this block; keep one.',
        'the device "127.0.0.1:7000" stands at line 27 already; keep one.',
        "auto_retry must be 10 or less, not 11",
        "retry_delay_seconds: write the shortest and the longest delay in seconds, like [5, 60].",
        "queue_order must be 'due' or 'random', not \"rnd\" (did you mean 'random'?)",
        'adb must be a set of keys and values, not "/usr/bin/adb"',
    ]
    assert str(found[1]) == f"{HERE}:2:1: defualts is not a known key (did you mean 'defaults'?)"


def test_a_key_that_resembles_none_gets_the_list_of_known_ones() -> None:
    assert "known here: path" in problems_of("adb: {zzz: 1}\n")[0].message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("devices:\n\t- serial: A\n\t- serial: B\n", ["2:1: a tab;", "3:1: a tab;"]),
        ("api:\n  \tplan: Pro\n", ["2:3: a tab;"]),
        (
            "devices:\n  - serial: A\n    accounts: [{username: @bob}]\n",
            ["3:27: not valid YAML: text that begins"],
        ),
        ("a: b: c\n", ["1:5: not valid YAML: a colon where none can be"]),
        (
            "devices:\n  - serial: A\n    name Desk\n    x: 1\n",
            ["3:5: not valid YAML: a key without a colon"],
        ),
        ("time_zone: 'UTC\n", ["1:12: not valid YAML: an opened quote"]),
        ("devices: [\n", ["2:1: not valid YAML: an opened ["]),
        ("devices:\n  - serial: A\n - serial: B\n", ["3:2: not valid YAML: this line's indentation"]),
        ("time_zone: *utc\n", ["1:12: not valid YAML: text that begins with *"]),
        ("time_zone: UTC\n---\napi:\n", ["2:1: not valid YAML: the file must be one YAML document"]),
        ("time_zone: U\x01TC\n", ["1:13: the character U+0001"]),
        ("", ["1:1: the file is empty; write at least"]),
        ("# only a comment\n", ["1:1: the file is empty"]),
        ("- serial: A\n", ["1:1: the file must be made of"]),
        ("just text\n", ["1:1: the file must be made of"]),
        ("time_zone: UTC\ntime_zone: UTC\n", ['2:1: "time_zone" stands twice']),
        ("1: x\n", ["1:4: the key 1 must be text; put it in quotes"]),
    ],
)
def test_what_is_not_this_kind_of_yaml_is_said_at_its_place(text: str, says: list[str]) -> None:
    found = [str(problem).removeprefix(f"{HERE}:") for problem in problems_of(text)]
    assert len(found) == len(says), found
    for problem, start in zip(found, says, strict=True):
        assert problem.startswith(start)


def test_a_file_in_another_encoding_is_said_at_the_byte() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("time_zone: UTC\ndevices:\n  - name: Salón".encode("latin-1"), HERE)
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (3, 14)
    assert "UTF-8" in problem.message


def test_a_username_may_exist_in_both_apps() -> None:
    loaded = parse(
        b"devices: [{serial: A, accounts: [{username: x}]},"
        b" {serial: B, accounts: [{username: x, app: instagram}]}]",
        HERE,
    )
    assert [device.serial for device, _ in loaded.farm.accounts_of("@X")] == ["A", "B"]


def test_a_missing_file_names_itself_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file.* --config"):
        load(tmp_path / "nowhere.yaml")


def test_a_device_of_another_host_is_left_out() -> None:
    farm = parse(
        b"""
name: desk-1
fleet: {lease_seconds: 20}
devices:
  - serial: ANYWHERE
  - {address: "10.0.0.5:5555", host: desk-2}
  - {serial: HERE, host: desk-1}
""",
        HERE,
    ).farm
    assert [device.host for device in farm.devices] == ["", "desk-2", "desk-1"]
    here = farm.for_host("desk-1")
    assert [(device.serial, device.index) for device in here.devices] == [("ANYWHERE", 1), ("HERE", 3)]
    assert here.device("10.0.0.5:5555") is None
    assert farm.device("10.0.0.5:5555") is not None


def test_a_hosts_name_is_checked_at_its_place() -> None:
    text, places = marked('name: ¦"two words"\ndevices:\n  - {serial: A, host: ¦a/b}\n')
    problems = problems_of(text)
    assert [problem[1:3] for problem in problems] == places
    assert "is no host's name" in problems[0].message
