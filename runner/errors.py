"""Every error that this project raises on purpose, in one tree.

The class docstring is the default message; an instance may say more. Each error carries a `remedy`: what
the operator (or the API client) can do about it. Nothing here knows HTTP; `runner.api.envelope` maps classes
to codes.

    RunnerError
    ├── InvalidRequest            a request that can never work as sent: names field, value, remedy
    │   ├── ScriptMissing
    │   └── ScriptUnknown
    ├── NotFound                  (also LookupError)
    ├── NotLicensed
    ├── ConfigError               devices.yaml or a setting is wrong
    ├── StoreError                the database can't be used
    │   └── StoreAway             its server can't be reached, or the connection broke
    ├── Cancelled                 stop was asked for; not a failure of the phone
    ├── LostRun                   this run's attempt token is no longer the task's: write nothing more
    ├── PhoneError                something between us and the phone; may be retried before the fence
    │   ├── PhoneAbsent           not connected (unplugged, offline)
    │   ├── PhoneUnauthorized     adb is not allowed on it
    │   ├── PhoneTimeout          one call passed its own deadline (also TimeoutError)
    │   ├── TransportLost         the connection broke during a call
    │   ├── UiServerError         the uiautomator2 server doesn't run or can't be started
    │   ├── ShellFailed           a command on the phone ended with an error
    │   ├── StorageFull
    │   └── AppMissing            the app is not installed
    └── StepFailed                the script understood that it can't go on
        ├── ScreenUnknown         no screen definition fits what is shown
        ├── ControlMissing        the screen is known, the control isn't on it
        ├── WrongAccount          the active account is not, or can't be proved to be, the task's
        ├── AccountUnusable       logged out, suspended, asked for a captcha …
        ├── MediaUnusable         the file can't be used or did not become visible on the phone
        ├── TextMismatch          the text read back is not the text typed
        └── AppRefused            the app itself said that it failed
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import NamedTuple


class RunnerError(Exception):
    """The runner could not do what it was asked to do."""

    remedy: str = ""

    def __init__(self, message: str | None = None, *, remedy: str | None = None) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or type(self).__name__)
        if remedy is not None:
            self.remedy = remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip() if self.remedy else self.message


class InvalidRequest(RunnerError, ValueError):
    """The request is not valid."""

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.field = field
        self.value = value
        super().__init__(message, remedy=remedy)


class ScriptMissing(InvalidRequest):
    """script_name is missing."""

    remedy = 'Name a script, for example "script_name": "post".'


class ScriptUnknown(InvalidRequest):
    """This script is not installed."""


class NotFound(RunnerError, LookupError):
    """There is no such thing."""


class NotLicensed(RunnerError):
    """The licence plan has no API access."""

    remedy = "Set the plan to Pro, Team or Business (setting api.plan)."


class FileProblem(NamedTuple):
    """One mistake in a file that a person wrote. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    message: str
    """What is wrong and what to write."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class ConfigError(RunnerError, ValueError):
    """The configuration is not valid."""

    def __init__(
        self,
        message: str | None = None,
        *,
        problems: Sequence[FileProblem] = (),
        remedy: str | None = None,
    ) -> None:
        self.problems = tuple(problems)
        super().__init__(message or "\n".join(map(str, problems)), remedy=remedy)


class StoreError(RunnerError):
    """The database can't be used."""


class StoreAway(StoreError):
    """The database's server can't be reached, or the connection to it broke."""


class Cancelled(RunnerError):
    """Stopped on request."""


class LostRun(RunnerError):
    """This run is no longer the task's current attempt, so it must not write."""


class PhoneError(RunnerError):
    """The phone could not be driven."""

    sent: bool = True
    """False when the failed call certainly did not reach the phone, so even an action may be repeated."""

    def __init__(
        self, message: str | None = None, *, serial: str | None = None, remedy: str | None = None
    ) -> None:
        self.serial = serial
        super().__init__(message, remedy=remedy)


class PhoneAbsent(PhoneError):
    """The phone is not connected."""

    remedy = "Check its cable or network; `runner doctor` shows what adb sees."


class PhoneUnauthorized(PhoneError):
    """The phone does not allow adb from this computer."""

    remedy = "Unlock the phone and accept the USB debugging question."


class PhoneTimeout(PhoneError, TimeoutError):
    """A call to the phone did not answer within its deadline."""


class TransportLost(PhoneError):
    """The connection to the phone broke during a call."""


class UiServerError(PhoneError):
    """The uiautomator2 server on the phone can't be used."""


class ShellFailed(PhoneError):
    """A command on the phone ended with an error."""


class StorageFull(PhoneError):
    """The phone has no room for the file."""

    remedy = "Free some space on the phone."


class AppMissing(PhoneError):
    """The app is not installed on the phone."""

    remedy = "Install it, or correct the account's package in devices.yaml."


class StepFailed(RunnerError):
    """The script can't go on."""


class ScreenUnknown(StepFailed):
    """The phone shows a screen that no definition describes."""

    remedy = "Run `runner screens check` on the hierarchy kept with the task and add or repair a screen."


class ControlMissing(StepFailed):
    """A control was not recognised on its screen."""


class WrongAccount(StepFailed):
    """The account active in the app is not the task's account."""


class AccountUnusable(StepFailed):
    """The app does not let this account publish."""

    def __init__(
        self, message: str | None = None, *, state: str = "unknown", remedy: str | None = None
    ) -> None:
        """`state` is a `runner.accounts.types.AccountState`: the task's account is marked with it, and its
        tasks don't start until it is cleared.
        """
        self.state = state
        super().__init__(message, remedy=remedy)


class MediaUnusable(StepFailed):
    """The file can't be used."""


class TextMismatch(StepFailed):
    """The text on the phone is not the text that was typed."""


class AppRefused(StepFailed):
    """The app said that it failed."""
