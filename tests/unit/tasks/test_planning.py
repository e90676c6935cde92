from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import Field

from runner.errors import InvalidRequest
from runner.farm.model import Device, Farm
from runner.script import Context, Planned, Result, Script, ScriptConfig
from runner.tasks.planning import plan
from runner.tasks.types import CreateTasks, NewTask, Source
from support.farms import account, farm, phones

NO_MATERIALS: Any = None
"""The scripts here ask for no files."""
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Config(ScriptConfig):
    upload_wait_time: int = Field(default=30, ge=1)
    captions: str = ""
    material_list: list[str] = Field(default_factory=list)
    mode: str = "share"


class Post(Script[Config]):
    name = "post"
    Config = Config
    needs_account = True
    apps = ("tiktok",)

    def __init__(self) -> None:
        self.checked: list[Planned] = []

    def check(self, config: Config, planned: Planned) -> None:
        self.checked.append(planned)
        if config.captions == "bad":
            raise InvalidRequest("captions: too long.", field="captions", value="bad")

    def run(self, context: Context[Config]) -> Result:
        return Result()


class Reboot(Post):
    name = "reboot"
    needs_account = False
    apps = ()


def request(
    serials: Iterable[str] = (),
    usernames: Iterable[str] = (),
    config: dict[str, Any] | None = None,
    **options: Any,
) -> CreateTasks:
    return CreateTasks(list(serials), list(usernames), "post", config or {}, **options)


def planned(wanted: CreateTasks, on: Farm, script: Post | None = None, seed: int = 1) -> list[NewTask]:
    return plan(
        wanted,
        on,
        script or Post(),
        source=Source.API,
        now=NOW,
        rng=random.Random(seed),
        materials=NO_MATERIALS,
    )


def refused(wanted: CreateTasks, on: Farm, script: Post | None = None) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        planned(wanted, on, script)
    return refusal.value


MIXED = farm(
    Device(
        "phoneA",
        1,
        accounts=(
            account("insta", app="instagram"),
            account("off", enabled=False),
            account("first"),
            account("second"),
        ),
    ),
    Device("phoneB", 2, accounts=(account("third"), account("first", app="instagram"))),
    Device("phoneC", 3, enabled=False, accounts=(account("hidden"),)),
    Device("phoneD", 4, accounts=(account("gram", app="instagram"),)),
)


def test_device_mode_takes_the_first_enabled_account_that_fits_the_script() -> None:
    tasks = planned(request(["phoneB", "phoneA"]), MIXED)
    assert [(task.serial, task.username, task.app) for task in tasks] == [
        ("phoneB", "third", "tiktok"),
        ("phoneA", "first", "tiktok"),
    ]
    assert all(task.due_at == NOW and task.scheduled_at is None for task in tasks)
    assert tasks[0].package == "com.zhiliaoapp.musically"


def test_a_script_without_account_gets_none_unless_all_accounts_are_asked_for() -> None:
    assert [task.username for task in planned(request(["phoneA"]), MIXED, Reboot())] == [""]
    all_accounts = request(["phoneA"], enable_multi_account=True)
    assert [task.username for task in planned(all_accounts, MIXED, Reboot())] == ["insta", "first", "second"]


def test_multi_account_is_one_task_per_enabled_account_in_file_order() -> None:
    tasks = planned(request(["phoneA", "phoneB"], enable_multi_account=True), MIXED)
    assert [task.username for task in tasks] == ["first", "second", "third"]


def test_account_mode_finds_the_phone_and_ignores_a_leading_at_case_and_multi_account() -> None:
    tasks = planned(request(usernames=["@Second", "third"], enable_multi_account=True), MIXED)
    assert [(task.serial, task.username) for task in tasks] == [("phoneA", "second"), ("phoneB", "third")]


def test_a_name_in_both_apps_is_the_one_that_fits_or_the_default_apps() -> None:
    assert planned(request(usernames=["first"]), MIXED)[0].app == "tiktok"
    assert planned(request(usernames=["first"]), MIXED, Reboot())[0].app == "tiktok"


def test_duplicates_count_once() -> None:
    assert [task.serial for task in planned(request(["phoneB", "phoneA", "phoneB"]), MIXED)] == [
        "phoneB",
        "phoneA",
    ]
    assert len(planned(request(usernames=["first", "@first", "FIRST"]), MIXED)) == 1


@pytest.mark.parametrize(
    ("serials", "usernames", "field"), [(["phoneA"], ["first"], "usernames"), ([], [], "serials")]
)
def test_exactly_one_of_serials_and_usernames(serials: list[str], usernames: list[str], field: str) -> None:
    assert refused(request(serials, usernames), MIXED).field == field


def test_every_device_that_can_not_be_used_is_named_with_its_reason() -> None:
    error = refused(request(["phonA", "phoneC", "phoneD", "x", "phoneA"]), MIXED)
    assert error.field == "serials"
    assert error.value == ["phonA", "x", "phoneC", "phoneD"]
    assert '"phonA" (did you mean "phoneA"?), "x"' in str(error)
    assert 'disabled in devices.yaml: "phoneC"' in str(error)
    assert 'without an enabled account that "post" can use (tiktok): "phoneD"' in str(error)


def test_every_account_that_can_not_be_used_is_named_with_its_reason() -> None:
    error = refused(request(usernames=["@frist", "off", "hidden", "gram", "first"]), MIXED)
    assert error.field == "usernames"
    assert error.value == ["@frist", "off", "hidden", "gram"]
    assert '"@frist" (did you mean "first"?)' in str(error)
    assert 'disabled in devices.yaml (the account or its device): "off", "hidden"' in str(error)
    assert 'not an account that "post" can use (tiktok): "gram"' in str(error)


def test_a_thousand_unknown_serials_are_all_named_quickly() -> None:
    serials = [f"phne{index}" for index in range(1000)]
    started = datetime.now(UTC)
    error = refused(request(serials), phones(1000))
    assert datetime.now(UTC) - started < timedelta(seconds=2)
    assert error.value == serials
    assert all(f'"{serial}"' in str(error) for serial in serials)


@pytest.mark.parametrize(
    ("config", "field", "value", "said"),
    [
        ({"upload_wait_time": "soon"}, "script_config.upload_wait_time", "soon", "a whole number"),
        ({"upload_wait_time": 0}, "script_config.upload_wait_time", 0, "1 or more"),
        ({"uplod_wait_time": 5}, "script_config.uplod_wait_time", 5, "upload_wait_time"),
        ({"material_list": ["a", 7]}, "script_config.material_list[1]", 7, "text"),
        ({"captions": "bad"}, "captions", "bad", "too long"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    config: dict[str, Any], field: str, value: object, said: str
) -> None:
    error = refused(request(["phoneA"], config=config), MIXED)
    assert (error.field, error.value) == (field, value)
    assert said in str(error)


def test_all_mistakes_of_a_configuration_are_told_at_once() -> None:
    error = refused(request(["phoneA"], config={"upload_wait_time": "x", "mode": 4, "extra": 1}), MIXED)
    assert all(name in str(error) for name in ("upload_wait_time", "mode", "extra"))


def test_numbers_that_arrive_as_text_are_accepted() -> None:
    assert planned(request(["phoneA"], config={"upload_wait_time": "60"}), MIXED)


def test_the_script_checks_every_task_with_its_account() -> None:
    script = Post()
    planned(request(["phoneA"], enable_multi_account=True), MIXED, script)
    assert [(check.serial, check.account and check.account.username) for check in script.checked] == [
        ("phoneA", "first"),
        ("phoneA", "second"),
    ]


def test_start_time_is_fixed_for_all_tasks() -> None:
    tasks = planned(request(["phoneA", "phoneB"], start_time="18:30"), MIXED)
    instant = datetime(2026, 5, 4, 16, 30, tzinfo=UTC)
    assert {(task.due_at, task.scheduled_at) for task in tasks} == {(instant, instant)}


def test_intervals_space_the_tasks_of_one_device_and_of_no_other() -> None:
    wanted = request(
        ["phone1", "phone2"], enable_multi_account=True, min_interval=5, max_interval=10, start_time="18:30"
    )
    start = datetime(2026, 5, 4, 16, 30, tzinfo=UTC)
    pauses = []
    for seed in range(40):
        tasks = planned(wanted, phones(2, accounts=3), seed=seed)
        assert [task.serial for task in tasks] == ["phone1"] * 3 + ["phone2"] * 3
        for first, second, third in (tasks[:3], tasks[3:]):
            assert first.due_at == start
            pauses += [second.due_at - first.due_at, third.due_at - second.due_at]
    minutes = [pause.total_seconds() / 60 for pause in pauses]
    assert 5 <= min(minutes) < 5.5
    assert 9.5 < max(minutes) <= 10
    assert all(pause.total_seconds() % 1 == 0 for pause in pauses)


def test_an_interval_applies_to_two_accounts_of_one_device_asked_for_by_name() -> None:
    wanted = request(usernames=["first", "third", "second"], min_interval=7, max_interval=7)
    first, third, second = planned(wanted, MIXED)
    assert (first.due_at, first.scheduled_at) == (NOW, None)
    assert third.due_at == NOW
    assert second.due_at == second.scheduled_at == NOW + timedelta(minutes=7)


@pytest.mark.parametrize(
    ("shortest", "longest", "field"),
    [
        (-1, 5, "min_interval"),
        (0, -1, "max_interval"),
        (6, 5, "max_interval"),
        (5, 0, "max_interval"),
        (0, 10**9, "max_interval"),
    ],
)
def test_an_impossible_interval_is_refused(shortest: int, longest: int, field: str) -> None:
    assert refused(request(["phoneA"], min_interval=shortest, max_interval=longest), MIXED).field == field
