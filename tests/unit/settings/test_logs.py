"""What the process writes to stderr: one JSON object a line off a terminal, and no secret in either form."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys, structlog
from runner.logs import configure

class Terminal:
    write, flush, isatty = sys.stderr.write, sys.stderr.flush, lambda self: True

configure(secrets=["tok-123"], stream=Terminal() if sys.argv[1] == "terminal" else None)
structlog.contextvars.bind_contextvars(request_id="r-1")
structlog.get_logger("runner.example").info(
    "posted", serial="A", caption="¡Hola! 你好", password="pw-123",
    nested={"api_key": "key-123", "url": "postgresql://runner:pw-123@db/farm"}, sent=["Bearer tok-123"],
)
structlog.get_logger("runner.example").debug("not shown")
logging.getLogger("uvicorn.error").warning("with %s", "tok-123")
logging.getLogger("httpx").info("not shown either")
try:
    raise ValueError("tok-123")
except ValueError:
    structlog.get_logger("runner.example").exception("failed")
"""


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_no_secret_reaches_the_log(kind: str) -> None:
    written = run(kind)
    assert "¡Hola! 你好" in written
    assert "ValueError" in written
    assert "not shown" not in written
    for secret in ("tok-123", "pw-123", "key-123"):
        assert secret not in written


def test_off_a_terminal_each_line_is_json_with_its_context() -> None:
    lines = [json.loads(line) for line in run("pipe").splitlines()]
    assert [line["event"] for line in lines] == ["posted", "with [hidden]", "failed"]
    assert {line["request_id"] for line in lines} == {"r-1"}
    assert lines[0]["serial"] == "A"
    assert lines[0]["nested"]["url"] == "postgresql://runner:[hidden]@db/farm"
    assert lines[1]["logger"] == "uvicorn.error"


def run(kind: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr
