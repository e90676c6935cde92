"""The state machine of a task: every change of status that exists, and nothing else.

    start       PENDING → RUNNING     an executor claimed it
    complete    RUNNING → COMPLETED
    fail        RUNNING → FAILED
    stop        RUNNING → FAILED      by the operator
    recover     RUNNING → FAILED      the runner died during the run; found at the next start
    auto-retry  RUNNING → PENDING     failed before the publish tap, and will be tried again by itself
    hand-back   RUNNING → PENDING     gave up its turn before the tap: no phone, or the runner shuts down
    withdraw    PENDING → FAILED      by the operator
    miss        PENDING → FAILED      too late: the runner was off, or the phone did not come
    bar         PENDING → FAILED      its account can't be used
    retry       FAILED  → PENDING     by the operator

The store applies a transition in one transaction, with a row in `status_changes` and one line in the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.tasks.types import Status


@dataclass(frozen=True)
class Transition:
    name: str
    source: Status
    target: Status


START = Transition("start", Status.PENDING, Status.RUNNING)
COMPLETE = Transition("complete", Status.RUNNING, Status.COMPLETED)
FAIL = Transition("fail", Status.RUNNING, Status.FAILED)
STOP = Transition("stop", Status.RUNNING, Status.FAILED)
RECOVER = Transition("recover", Status.RUNNING, Status.FAILED)
AUTO_RETRY = Transition("auto-retry", Status.RUNNING, Status.PENDING)
HAND_BACK = Transition("hand-back", Status.RUNNING, Status.PENDING)
WITHDRAW = Transition("withdraw", Status.PENDING, Status.FAILED)
MISS = Transition("miss", Status.PENDING, Status.FAILED)
BAR = Transition("bar", Status.PENDING, Status.FAILED)
RETRY = Transition("retry", Status.FAILED, Status.PENDING)
