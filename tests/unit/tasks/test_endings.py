from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runner import errors
from runner.execution import endings
from runner.script import Account, Result
from runner.tasks.types import Ending, Outcome, Source, Status, Task

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TASK = Task(
    id=7,
    batch="b",
    serial="phone1",
    username="anna",
    app="tiktok",
    package="p",
    script_name="post",
    script_config={},
    status=Status.RUNNING,
    outcome=None,
    remark="",
    source=Source.API,
    retry_count=0,
    attempt=1,
    force=False,
    due_at=NOW,
    scheduled_at=None,
    created_at=NOW,
    started_at=NOW,
    ended_at=None,
    fenced_at=None,
    step="caption",
    step_number=2,
    step_count=4,
    post_url="",
    profile_url="",
)


def of_error(error: BaseException, *, fenced: bool = False, cancelled: str = "") -> Ending:
    return endings.of_error(
        TASK, error, place="step 'caption'", fenced=fenced, cancelled=cancelled, time_limit=90
    )


@pytest.mark.parametrize(
    ("fenced", "force", "outcome"),
    [(True, False, Outcome.PUBLISHED), (False, False, Outcome.DONE), (False, True, Outcome.PUBLISHED)],
)
def test_a_result_is_published_if_it_passed_the_fence_or_found_the_post_of_before(
    fenced: bool, force: bool, outcome: Outcome
) -> None:
    ending = endings.of_result(replace(TASK, force=force), Result("r", "u", "p", {"at": NOW}), fenced=fenced)
    own = (Account("anna", "tiktok", "p"),) if outcome is Outcome.PUBLISHED else ()
    assert ending == Ending(outcome, "r", False, "u", "p", {"at": str(NOW)}, proved=own)


@pytest.mark.parametrize("fenced", [True, False])
def test_an_account_that_can_not_be_used_is_told_beside_the_outcome(fenced: bool) -> None:
    ending = of_error(errors.AccountUnusable("It asks to log in.", state="logged_out"), fenced=fenced)
    assert ending.outcome is (Outcome.UNKNOWN if fenced else Outcome.FAILED)
    assert (ending.unusable, ending.retryable) == ("logged_out", False)
    assert of_error(errors.WrongAccount()).unusable == ""


def test_before_the_fence_an_error_is_a_failure_that_names_step_and_cause() -> None:
    ending = of_error(errors.PhoneAbsent("The cable is out.", serial="phone1"))
    assert ending.outcome is Outcome.FAILED
    assert ending.remark.startswith("step 'caption': The cable is out.")
    assert ending.retryable


def test_an_unexpected_error_names_its_place_in_the_code() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        ending = of_error(error)
    assert ending.outcome is Outcome.FAILED
    assert "KeyError: 'x' (test_endings.py:" in ending.remark


@pytest.mark.parametrize(
    "hopeless",
    [
        errors.WrongAccount(),
        errors.AccountUnusable(),
        errors.MediaUnusable(),
        errors.InvalidRequest(),
        errors.ScriptUnknown(),
        errors.AppMissing(),
    ],
)
def test_what_a_person_must_mend_is_not_retried(hopeless: Exception) -> None:
    assert not of_error(hopeless).retryable


@pytest.mark.parametrize(
    "error",
    [
        errors.TransportLost(),
        errors.Cancelled("stopped"),
        errors.StepFailed(),
        ValueError("x"),
        SystemExit(1),
    ],
)
@pytest.mark.parametrize("cancelled", ["", endings.STOPPED, endings.TIME_LIMIT, endings.SHUTDOWN])
def test_after_the_fence_anything_but_the_apps_refusal_is_unknown(
    error: BaseException, cancelled: str
) -> None:
    ending = of_error(error, fenced=True, cancelled=cancelled)
    assert (ending.outcome, ending.retryable) == (Outcome.UNKNOWN, False)
    assert "look at @anna on phone1" in ending.remark
    assert "force" in ending.remark


def test_the_apps_own_refusal_is_told_as_such_and_never_retried_after_the_fence() -> None:
    error = errors.AppRefused("The app says: couldn't upload.")
    assert of_error(error, fenced=True).outcome is Outcome.REFUSED
    assert not of_error(error, fenced=True).retryable
    assert of_error(error).outcome is Outcome.FAILED


def test_a_stopped_run_is_stopped_whatever_error_the_stop_provoked() -> None:
    assert of_error(errors.TransportLost(), cancelled=endings.STOPPED) == Ending(Outcome.STOPPED, "stopped")


def test_the_time_limit_is_a_failure_that_may_be_retried() -> None:
    ending = of_error(errors.Cancelled(endings.TIME_LIMIT), cancelled=endings.TIME_LIMIT)
    assert ending == Ending(
        Outcome.FAILED, "step 'caption': not done within the time limit of 90 s.", retryable=True
    )


def test_a_killed_run_is_judged_by_its_fence() -> None:
    before = endings.of_dead_run(TASK)
    assert (before.outcome, before.retryable) == (Outcome.FAILED, True)
    assert "during step 'caption'; nothing was published" in before.remark
    after = endings.of_dead_run(replace(TASK, fenced_at=NOW))
    assert (after.outcome, after.retryable) == (Outcome.UNKNOWN, False)
    assert "look at @anna" in after.remark
