"""What the end of a task means for the files it had.

`runner.tasks.store` calls this in the transaction that ends or deletes the task, so that no kill can come
between the two. Taking files is in `runner.materials.store`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from runner.materials.model import materials
from runner.materials.types import State
from runner.tasks import model
from runner.tasks.types import Outcome

_OUT_OR_NOBODY_KNOWS = (Outcome.PUBLISHED, Outcome.DONE, Outcome.UNKNOWN)
# Done at the end of every run, so it is built once.
_SETTLE = (
    update(materials)
    .where(materials.c.task_id.in_(bindparam("tasks", expanding=True)), materials.c.state == State.CLAIMED)
    .values(state=bindparam("becomes"))
)


def settle(connection: Connection, task_ids: Sequence[int], outcome: Outcome) -> None:
    """These tasks have ended: their files are used, or free again when nothing was published.

    A file that counts as used already stays so: a forced retry that fails says nothing of the attempt before.
    """
    state = State.USED if outcome in _OUT_OR_NOBODY_KNOWS else State.UNUSED
    connection.execute(_SETTLE, {"tasks": list(task_ids), "becomes": state})


def forget(connection: Connection, task_ids: Sequence[int]) -> None:
    """These tasks are about to be deleted. One that still runs behind its publish fence may be publishing."""
    tasks = model.tasks
    # Locked, so that none of them claims another file in between.
    rows = connection.execute(
        select(tasks.c.id, tasks.c.fenced_at).where(tasks.c.id.in_(task_ids)).with_for_update()
    )
    settle(connection, [row.id for row in rows if row.fenced_at], Outcome.UNKNOWN)
    settle(connection, task_ids, Outcome.STOPPED)
