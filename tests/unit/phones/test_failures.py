from __future__ import annotations

from http.client import IncompleteRead, RemoteDisconnected

import adbutils
import pytest
from adbutils.errors import AdbTimeout
from uiautomator2 import exceptions as u2

from runner.errors import (
    Cancelled,
    ControlMissing,
    PhoneAbsent,
    PhoneError,
    PhoneTimeout,
    PhoneUnauthorized,
    StorageFull,
    TransportLost,
    UiServerError,
)
from runner.phones.failures import translated


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (adbutils.AdbError("device '1.2.3.4:5' not found"), PhoneAbsent),
        (adbutils.AdbError("device offline"), PhoneAbsent),
        (adbutils.AdbError("no devices/emulators found"), PhoneAbsent),
        (adbutils.AdbError("device unauthorized.\nThis adb server's …"), PhoneUnauthorized),
        (adbutils.AdbError("device still authorizing"), PhoneUnauthorized),
        (adbutils.AdbError("closed"), TransportLost),
        (AdbTimeout("adb read timeout"), PhoneTimeout),
        (TimeoutError("timed out"), PhoneTimeout),
        (ConnectionResetError(104, "Connection reset by peer"), TransportLost),
        (BrokenPipeError(32, "Broken pipe"), TransportLost),
        (RemoteDisconnected("Remote end closed connection"), TransportLost),
        (IncompleteRead(b""), TransportLost),
        (EOFError(), TransportLost),
        (u2.AdbShellError(adbutils.AdbError("device offline")), PhoneAbsent),
        (u2.LaunchUiAutomationError("server quit"), UiServerError),
        (u2.AccessibilityServiceAlreadyRegisteredError("already registered"), UiServerError),
        (u2.UiAutomationNotConnectedError("UiAutomation not connected"), UiServerError),
        (u2.RPCUnknownError("-32000 java.lang.IllegalStateException"), UiServerError),
        (u2.UiObjectNotFoundError(-32001, "UiObjectNotFoundException", []), ControlMissing),
    ],
)
def test_what_libraries_raise_becomes_ours(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, translated("R58"):
        raise raised
    assert caught.value.__cause__ is raised
    if isinstance(caught.value, PhoneError):
        assert caught.value.serial == "R58"
        assert caught.value.sent


def test_a_part_in_which_nothing_was_sent_says_so() -> None:
    with pytest.raises(TransportLost) as caught, translated("R58", sent=False):
        raise ConnectionResetError
    assert not caught.value.sent
    with pytest.raises(StorageFull) as ours, translated("R58"), translated("R58", sent=False):
        raise StorageFull
    assert not ours.value.sent
    assert ours.value.serial == "R58"


@pytest.mark.parametrize("raised", [Cancelled("stopped"), ValueError("a mistake of ours")])
def test_the_rest_passes(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, translated("R58"):
        raise raised
    assert caught.value is raised
