"""Log lines: to stderr, for people on a terminal and as JSON elsewhere; no secret ever.

One pipeline for structlog and for the libraries that use `logging`. What a line is about (request id, task
id, serial) is bound by contextvars where the work begins.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog

_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization|api_?key|cookie", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")
_HIDDEN = "[hidden]"
_NOISY = (
    "PIL",
    "adbutils",
    "alembic",
    "apscheduler",
    "httpcore",
    "httpx",
    "procrastinate",
    "psycopg",
    "uiautomator2",
    "urllib3",
    "uvicorn",
)
"""Libraries whose info lines tell an operator nothing."""


class Redaction:
    """Hides values under telling names, passwords in URLs, and the given secrets wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [secret for secret in secrets if secret]

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in event.items():
            event[key] = self._value(key, value)
        return event

    def _value(self, key: str, value: object) -> object:
        if _SECRET_KEY.search(key) and value:
            return _HIDDEN
        match value:
            case str():
                return self._text(value)
            case dict():
                return {name: self._value(str(name), item) for name, item in value.items()}
            case list() | tuple():
                return [self._value("", item) for item in value]
        return value

    def _text(self, text: str) -> str:
        text = _URL_PASSWORD.sub(rf"\1{_HIDDEN}@", text)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def configure(*, secrets: Iterable[str] = (), level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set up logging for the process. Calling it again replaces the earlier set-up."""
    stream = stream or sys.stderr
    if isinstance(stream, io.TextIOWrapper):  # a Windows console may lack the character
        stream.reconfigure(errors="backslashreplace")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    renderer: structlog.typing.Processor
    if stream.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                Redaction(secrets),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
