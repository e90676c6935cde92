"""The status flow of a worker task: every change that exists, and who may ask for it.

    pending → queued → running → completed
                          ↓
                        failed → pending        a retry, while retry_count < max_retries
    canceled                                    from pending, queued and running

A worker may start a pending task without having said that it queued it. A pending or queued task that is
given to another server is pending there.
"""

from __future__ import annotations

import enum


class WorkerStatus(enum.StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class ServiceType(enum.StrEnum):
    ENTITY = "entity"
    SOCIAL = "social"
    BLOG20 = "blog20"
    PODCAST = "podcast"
    STACKING = "stacking"
    INDEXING = "indexing"


_NEXT = {
    WorkerStatus.PENDING: {WorkerStatus.QUEUED, WorkerStatus.RUNNING, WorkerStatus.CANCELED},
    WorkerStatus.QUEUED: {WorkerStatus.PENDING, WorkerStatus.RUNNING, WorkerStatus.CANCELED},
    WorkerStatus.RUNNING: {WorkerStatus.COMPLETED, WorkerStatus.FAILED, WorkerStatus.CANCELED},
    WorkerStatus.FAILED: {WorkerStatus.PENDING},
    WorkerStatus.COMPLETED: set(),
    WorkerStatus.CANCELED: set(),
}

WAITING = (WorkerStatus.PENDING, WorkerStatus.QUEUED)
"""Not begun: what a worker asks for by default, and what a silent server loses."""
UNENDED = (*WAITING, WorkerStatus.RUNNING)
"""What takes up room on a server, and what can be canceled."""


def may_become(status: WorkerStatus, wanted: WorkerStatus) -> bool:
    """Whether the flow has this change. Saying the same thing twice is not a change and always allowed."""
    return wanted == status or wanted in _NEXT[status]
