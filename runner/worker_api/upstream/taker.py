"""Polls one upstream: takes the tasks that this farm can do, and follows what the upstream wants of them.

Rules: one local task per upstream task for ever; a retry by the upstream retries that same local task, never
by force; what is not for this farm is left alone, and what is for it but can't be done is reported as failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from runner.errors import InvalidRequest, NotFound, StoreError
from runner.farm.model import Farm
from runner.tasks.service import TaskService
from runner.tasks.store import KEPT_KEY
from runner.tasks.types import CreateTasks, Source
from runner.worker_api.flow import WorkerStatus
from runner.worker_api.settings import UpstreamSettings
from runner.worker_api.upstream.client import UpstreamAway, UpstreamClient, UpstreamTask
from runner.worker_api.upstream.links import Link, Links
from runner.worker_api.upstream.mapping import account_for, request_for
from runner.worker_api.upstream.media import MediaAway, MediaCache

log = structlog.get_logger(__name__)

MOST_DOWNLOADS = 5
"""Polls in which a task's media may fail to come before the task is given up."""


class Taker:
    """Used by one thread."""

    def __init__(
        self,
        settings: UpstreamSettings,
        client: UpstreamClient,
        links: Links,
        *,
        tasks: TaskService,
        farm: Callable[[], Farm],
        media: MediaCache,
        stopped: Callable[[], bool],
    ) -> None:
        """A poll ends early when `stopped`."""
        self._settings = settings
        self._client = client
        self._links = links
        self._tasks = tasks
        self._farm = farm
        self._media = media
        self._stopped = stopped
        self._log = log.bind(upstream=settings.name)
        self._downloads: Counter[str] = Counter()
        self._files: dict[str, Path] = {}
        self._missing: set[str] = set()

    def poll(self) -> None:
        """Raises UpstreamAway; what was taken until then stays taken."""
        self._files.clear()
        for link in self._links.unmade():
            self._make(link)
        unbegun = self._links.unbegun()
        listed: set[str] = set()
        for service_type in self._settings.types:
            for page in self._client.waiting(service_type):
                known = self._links.known([task.id for task in page])
                for task in page:
                    if self._stopped():
                        return
                    listed.add(task.id)
                    try:
                        self._consider(task, known.get(task.id))
                    except (UpstreamAway, StoreError):
                        raise
                    except Exception:  # noqa: BLE001 - one task that meets a bug must not keep the others out
                        self._log.exception("a task was left alone", upstream_task=task.id)
        self._let_go(
            {upstream_id: link for upstream_id, link in unbegun.items() if upstream_id not in listed}
        )
        self._follow_cancellations()
        self._links.reopen_retried()

    def _consider(self, task: UpstreamTask, link: Link | None) -> None:
        if link is None:
            self._take(task)
        elif task.retry_count > link.retry_count or not (link.open or link.said):
            self._try_again(task, link)

    def _take(self, task: UpstreamTask, before: Link | None = None) -> None:
        """`before`: the link of a task that could not be taken in an earlier attempt."""
        account = account_for(task, self._settings, self._farm())
        if account is None:
            return
        refusal = ""
        request = {}
        try:
            request = request_for(task, account, self._settings, self._file)
        except MediaAway as error:
            self._downloads[task.id] += 1
            if self._downloads[task.id] < MOST_DOWNLOADS:
                self._log.warning("media can't be had yet", upstream_task=task.id, error=str(error))
                return
            refusal = str(error)
        except InvalidRequest as error:
            refusal = str(error)
        del self._downloads[task.id]
        now = datetime.now(UTC)
        if before is None:
            link = self._links.claim(task.id, task.retry_count, request, now, refusal=refusal)
        else:
            link = self._links.claim_again(before, task.retry_count, request, refusal=refusal)
        if link is None:
            return
        if refusal:
            self._log.warning("a task can't be done", upstream_task=task.id, reason=refusal)
        else:
            self._make(link)

    def _make(self, link: Link) -> None:
        """Make the local task of a claim; made twice it is the same one, by its idempotency key."""
        try:
            created = self._tasks.create(
                CreateTasks(**link.request), source=Source.WORKER, idempotency_key=f"{KEPT_KEY}{link.id}"
            )
        except InvalidRequest as error:
            self._log.warning("a task can't be done", upstream_task=link.upstream_id, reason=str(error))
            self._links.refuse(link, str(error))
            return
        [task_id] = created.task_ids
        self._links.made(link, task_id)
        self._log.info("task taken", upstream_task=link.upstream_id, task=task_id)

    def _try_again(self, task: UpstreamTask, link: Link) -> None:
        if link.task_id is None:
            self._take(task, link)
            return
        try:
            self._tasks.retry(link.task_id)
        except (InvalidRequest, NotFound) as error:
            # It is not failed, or its outcome is unknown, or it was deleted: the upstream is told what it is.
            self._log.info("not retried", upstream_task=task.id, task=link.task_id, reason=str(error))
        self._links.again(link, task.retry_count)

    def _follow_cancellations(self) -> None:
        held = self._links.opened()
        if not held:
            return
        canceled = [
            held[task.id]
            for service_type in self._settings.types
            for page in self._client.canceled(service_type)
            for task in page
            if task.id in held
        ]
        unbegun = self._links.unbegun()
        # A phone that is stopped takes its next task at once: so those that wait are withdrawn first.
        for link in sorted(canceled, key=lambda link: link.upstream_id not in unbegun):
            self._stop(link)
            self._links.close(link, WorkerStatus.CANCELED)

    def _let_go(self, missing: dict[str, Link]) -> None:
        """Stop those that the upstream twice did not list any more: it gave them to somebody else."""
        for upstream_id in missing.keys() & self._missing:
            link = missing[upstream_id]
            self._links.close(link, None)
            self._stop(link)
        self._missing = set(missing)

    def _stop(self, link: Link) -> None:
        if link.task_id is None:
            return
        try:
            self._tasks.stop(link.task_id)
        except (InvalidRequest, NotFound) as error:
            self._log.warning(
                "too late to stop", upstream_task=link.upstream_id, task=link.task_id, reason=str(error)
            )
        else:
            self._log.info("stopped for the upstream", upstream_task=link.upstream_id, task=link.task_id)

    def _file(self, url: str) -> Path:
        if url not in self._files:
            self._files[url] = self._media.fetch(url)
        return self._files[url]
