"""The one shape of every answer, and the one place where errors become codes and HTTP statuses.

`{"code": int, "message": str, "data": any}`, errors included. With `api.error_status: envelope` every answer
is HTTP 200, for clients that read the code only.
"""

from __future__ import annotations

import enum
from typing import Any, Generic, Literal, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from runner.errors import InvalidRequest, NotFound, NotLicensed, RunnerError, ScriptMissing, ScriptUnknown
from runner.mistakes import dotted, sentence

log = structlog.get_logger(__name__)

DataT = TypeVar("DataT")


class Code(enum.IntEnum):
    """The first digits of a code are its HTTP status."""

    SUCCESS = 0
    INVALID = 40001
    SCRIPT_MISSING = 40002
    SCRIPT_UNKNOWN = 40003
    TOKEN_REQUIRED = 40101
    NOT_LICENSED = 40301
    CROSS_SITE = 40302
    NOT_FOUND = 40401
    INTERNAL = 50001

    @property
    def http_status(self) -> int:
        return self // 100 or 200


class Envelope(BaseModel, Generic[DataT]):
    """Every answer."""

    code: int = Code.SUCCESS
    message: str = "success"
    data: DataT


_CODES: list[tuple[type[RunnerError], Code]] = [
    (ScriptMissing, Code.SCRIPT_MISSING),
    (ScriptUnknown, Code.SCRIPT_UNKNOWN),
    (InvalidRequest, Code.INVALID),
    (NotFound, Code.NOT_FOUND),
    (NotLicensed, Code.NOT_LICENSED),
]


def failure(
    code: Code, message: str, mode: Literal["http", "envelope"], *, status: int | None = None
) -> JSONResponse:
    """An error's answer. `status` is for the few whose HTTP status says more than their code."""
    http_status = 200 if mode == "envelope" else status or code.http_status
    return JSONResponse({"code": int(code), "message": message, "data": None}, http_status)


def internal_error(request_id: str, mode: Literal["http", "envelope"]) -> JSONResponse:
    """What is wrong stands in the log only."""
    message = (
        f"Something went wrong inside the runner; its log has the details under request id {request_id}."
    )
    return failure(Code.INTERNAL, message, mode)


def install_error_answers(app: FastAPI, mode: Literal["http", "envelope"]) -> None:
    """Answer in the envelope wherever a request ends with an error."""

    def runner_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RunnerError)
        for kind, code in _CODES:
            if isinstance(error, kind):
                return failure(code, _wording(error), mode)
        log.error("request failed", exc_info=error)
        return internal_error(request.state.request_id, mode)

    def refused_by_fastapi(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return failure(Code.INVALID, _first_mistakes(request, error), mode)

    def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        match error.status_code:
            case 404:
                return failure(Code.NOT_FOUND, f"There is nothing at {request.url.path}.", mode)
            case 405:
                message = f"{request.url.path} does not take {request.method}."
                answer = failure(Code.NOT_FOUND, message, mode, status=405)
                answer.headers.update(error.headers or {})
                return answer
            case 400:
                return failure(Code.INVALID, "The body is not valid UTF-8 JSON.", mode)
            case status:
                return failure(Code.INVALID, str(error.detail), mode, status=status)

    app.add_exception_handler(RunnerError, runner_error)
    app.add_exception_handler(RequestValidationError, refused_by_fastapi)
    app.add_exception_handler(HTTPException, http_error)


def _wording(error: RunnerError) -> str:
    field = getattr(error, "field", None)
    text = str(error)
    return f"{field}: {text}" if field and field not in text else text


def _first_mistakes(request: Request, error: RequestValidationError) -> str:
    mistakes: list[Any] = list(error.errors())
    first = mistakes[0]
    where, *rest = first["loc"]
    if where == "body" and first["type"] == "json_invalid":
        return _where_json_breaks(str(error.body), first["loc"][1], first["ctx"]["error"])
    if where == "body" and not rest and first["type"] != "value_error":
        kind = request.headers.get("content-type", "")
        if "json" not in kind:
            return f'The body must be JSON with "Content-Type: application/json", not "{kind or "none"}".'
        return "The body must be a JSON object."
    return "; ".join(_mistake(details) for details in mistakes[:5])


def _mistake(details: Any) -> str:
    location = details["loc"][1:]
    if not location:  # said by runner.api.shapes.Body about the body as a whole
        return str(details["ctx"]["error"])
    return sentence(details, dotted(location))


def _where_json_breaks(body: str, position: int, problem: str) -> str:
    before = body[:position]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"The body is not valid JSON: {problem} at line {line}, column {column}."
