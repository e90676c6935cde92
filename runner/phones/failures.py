"""The one place where what adb, adbutils, uiautomator2, sockets and HTTP raise becomes `runner.errors`.

The libraries raise at least AdbError, uiautomator2's own BaseException, OSError, http.client.HTTPException
and EOFError, often bare and often for one and the same event. What is done about them is in `recovery`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import adbutils
from adbutils.errors import AdbTimeout

from runner.errors import (
    ControlMissing,
    PhoneAbsent,
    PhoneError,
    PhoneTimeout,
    PhoneUnauthorized,
    RunnerError,
    TransportLost,
    UiServerError,
)


@contextmanager
def translated(serial: str, *, sent: bool = True) -> Iterator[None]:
    """Whatever the libraries raise inside leaves as a PhoneError (or ControlMissing).

    `sent=False` marks a part of a call in which nothing has been sent to the phone yet.
    """
    try:
        yield
    except PhoneError as error:
        error.serial = error.serial or serial
        error.sent = error.sent and sent
        raise
    except _raised_by_libraries() as error:
        translation = translate(error, serial)
        if isinstance(translation, PhoneError):
            translation.sent = sent
        raise translation from error


def translate(error: Exception, serial: str) -> RunnerError:
    """What this exception of a library means."""
    u2 = sys.modules.get("uiautomator2.exceptions")
    text = str(error) or type(error).__name__
    if isinstance(error, AdbTimeout | TimeoutError):
        return PhoneTimeout(f"The phone did not answer: {text}.", serial=serial)
    if isinstance(error, adbutils.AdbError):
        return _of_adb(text, serial)
    if u2 is not None and isinstance(error, u2.BaseException):
        if isinstance(error, u2.AdbShellError):
            return _of_adb(text, serial)
        if isinstance(error, u2.UiObjectNotFoundError):
            return ControlMissing(f"Nothing on the screen fits the selector: {text}")
        if isinstance(error, u2.AccessibilityServiceAlreadyRegisteredError):
            return UiServerError(
                "Another program drives this phone's screen.",
                serial=serial,
                remedy="Stop it (Appium, another uiautomator2 …): Android lets one at a time.",
            )
        said = " ".join(text.split())[-300:]
        return UiServerError(
            f"The UI server on the phone failed: {type(error).__name__}: {said}", serial=serial
        )
    return TransportLost(f"The connection to the phone broke: {type(error).__name__}: {text}.", serial=serial)


def _of_adb(text: str, serial: str) -> PhoneError:
    """The adb server's refusals, as adb 29 and 36 word them."""
    if "unauthorized" in text or "authorizing" in text:
        return PhoneUnauthorized(serial=serial)
    if "not found" in text or "offline" in text or "no devices" in text:
        return PhoneAbsent(f"The phone is not connected ({text}).", serial=serial)
    return TransportLost(f"adb could not pass the call on: {text}.", serial=serial)


def _raised_by_libraries() -> tuple[type[Exception], ...]:
    u2 = sys.modules.get("uiautomator2.exceptions")
    own = (u2.BaseException,) if u2 is not None else ()
    return (adbutils.AdbError, OSError, HTTPException, EOFError, *own)
