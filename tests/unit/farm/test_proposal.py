"""Accounts are added to a devices.yaml in the way it is written, and nothing else of it changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.farm.loader import parse
from runner.farm.model import PACKAGES
from runner.farm.proposal import FoundAccount, Proposal, propose, write

ASIA = "com.ss.android.ugc.trill"
FILE = """\
# my farm
time_zone: UTC   # always

devices:
  # the first
  - serial: "A"
    name: 'Desk 1'
    accounts:
      - username: anna_1   # the oldest
      - username: anna_2
        app: instagram   # pictures
        # no longer used:
        # - username: anna_3

  # the second
  - serial: B
    accounts: [{username: ben_1}, {username: ben_2}]  # short
  - {serial: C, name: "C"}   # shorter
  - serial: D
    package: com.ss.android.ugc.trill

  # the last
  - serial: E
    accounts:
# tasks:
#   auto_retry: 3
port: 1234
"""


def found(serial: str, username: str, app: str = "tiktok", package: str = "") -> FoundAccount:
    return FoundAccount(serial, username, app, package or PACKAGES[app])


def proposed(text: str, *accounts: FoundAccount) -> Proposal:
    return propose(text.encode(), Path("devices.yaml"), accounts)


def added_lines(proposal: Proposal) -> list[str]:
    lines = proposal.diff("devices.yaml").splitlines()[2:]
    assert not [line for line in lines if line.startswith("-")], lines
    return [line[1:] for line in lines if line.startswith("+")]


def test_lines_stand_below_the_accounts_of_their_phone() -> None:
    proposal = proposed(FILE, found("A", "anna_9"), found("A", "12345", "instagram"))
    assert added_lines(proposal) == [
        "      - username: anna_9",
        '      - username: "12345"',
        "        app: instagram",
    ]
    above = proposal.after.partition("      - username: anna_9")[0]
    assert above.endswith("        app: instagram   # pictures\n")


def test_each_way_of_writing_is_added_to_in_its_own() -> None:
    new = [
        found("B", "ben_3"),
        found("C", "cleo_1", "instagram"),
        found("D", "dora_1", package=ASIA),
        found("D", "dora_2"),
        found("E", "emil_1", package=ASIA),
    ]
    proposal = proposed(FILE, *new)
    after = proposal.after
    assert "    accounts: [{username: ben_1}, {username: ben_2}, {username: ben_3}]  # short\n" in after
    assert '  - {serial: C, name: "C", accounts: [{username: cleo_1, app: instagram}]}   # shorter\n' in after
    assert (
        "    package: com.ss.android.ugc.trill\n"
        "    accounts:\n"
        "      - username: dora_1\n"
        "      - username: dora_2\n"
        "        package: com.zhiliaoapp.musically\n"
        "\n"
        "  # the last\n" in after
    )
    assert (
        "    accounts:\n      - username: emil_1\n        package: com.ss.android.ugc.trill\n# tasks:"
        in after
    )
    assert [line for line in FILE.splitlines() if "#" in line and "short" not in line] == [
        line for line in after.splitlines() if "#" in line and "short" not in line
    ]
    farm = parse(after.encode(), Path("devices.yaml")).farm
    for account in new:
        [(device, known)] = farm.accounts_of(account.username)
        assert (device.serial, known.app, known.package) == (account.serial, account.app, account.package)


def test_what_is_there_is_not_proposed_again() -> None:
    accounts = [found("A", "ANNA_1"), found("A", "anna_9"), found("E", "emil")]
    once = proposed(FILE, *accounts)
    assert once.added == tuple(accounts[1:])
    again = proposed(once.after, *accounts)
    assert (again.after, again.added, again.left_out) == (once.after, (), {})
    assert again.diff("devices.yaml") == ""


def test_what_can_not_be_added_is_told_with_its_reason() -> None:
    elsewhere, stranger = found("B", "anna_1"), found("X", "xenia")
    proposal = proposed(FILE, elsewhere, stranger)
    assert proposal.left_out == {
        elsewhere: "it stands at A already",
        stranger: "the phone is not in devices.yaml",
    }
    assert proposal.after == FILE


@pytest.mark.parametrize(
    "text",
    [
        "devices: [{serial: A}]",
        "devices:\n- serial: A\n  accounts:\n  - username: one",
        "devices:\n  -   serial: A\n      accounts: []\n",
        "devices:\r\n  - serial: A\r\n    accounts:\r\n      - username: one  # ok\r\n    name: x\r\n",
        "devices:\r\n  - serial: A\r\n    accounts: [\r\n      {username: one},\r\n    ]\r\n",
        '{"devices": [{"serial": "A", "accounts": [{"username": "one"}]}]}',
    ],
)
def test_any_file_that_is_valid_can_be_added_to(text: str) -> None:
    before = parse(text.encode(), Path("devices.yaml")).farm.devices[0]
    proposal = proposed(text, found("A", "new_1"), found("A", "on", "instagram"))
    [after] = parse(proposal.after.encode(), Path("devices.yaml")).farm.devices
    names = [(account.username, account.app) for account in after.accounts]
    assert names == [
        *((account.username, account.app) for account in before.accounts),
        ("new_1", "tiktok"),
        ("on", "instagram"),
    ]
    if "\r\n" in text:
        assert "\n" not in proposal.after.replace("\r\n", "")


def test_a_shared_list_is_left_to_the_operator() -> None:
    text = "devices:\n  - {serial: B, accounts: &none []}\n  - {serial: C, accounts: *none}\n"
    with pytest.raises(ConfigError, match="Add by hand: new_1 at C"):
        proposed(text, found("C", "new_1"))


def test_a_file_with_mistakes_is_not_touched() -> None:
    with pytest.raises(ConfigError, match="serail"):
        proposed("devices: [{serail: A}]", found("A", "new_1"))


def test_it_is_written_in_one_step_with_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text(FILE, encoding="utf-8")
    if os.name == "posix":
        path.chmod(0o640)
    proposal = propose(path.read_bytes(), path, [found("A", "anna_9")])
    backup = write(path, proposal)
    assert path.read_text(encoding="utf-8") == proposal.after
    assert backup.read_text(encoding="utf-8") == FILE
    assert sorted(each.name for each in tmp_path.iterdir()) == ["devices.yaml", "devices.yaml.bak"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ConfigError, match="changed meanwhile"):
        write(path, proposal)
