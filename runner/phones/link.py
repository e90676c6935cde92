"""One phone's connection: adb device and UI server, opened when needed, recovered here, closed when idle.

Recovery has two levels: the transport (wait for adb to have the phone again, reconnect that serial) and the
UI server (restart it when it is dead, hung, or kept out by another one). What is repeated after a recovery is
`session`'s decision; a phone that keeps failing is quarantined by `phones`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import adbutils
import structlog

from runner.errors import PhoneAbsent, PhoneError, PhoneTimeout, TransportLost, UiServerError
from runner.phones import limits
from runner.phones.adb import AdbServer
from runner.phones.client import Device
from runner.phones.failures import translated
from runner.phones.limits import Guard
from runner.phones.tracking import Tracker

if TYPE_CHECKING:
    from runner.phones.ui import Ui

log = structlog.get_logger(__name__)

RECOVERABLE = (PhoneAbsent, PhoneTimeout, TransportLost, UiServerError)
"""Failures of the way to the phone, as opposed to what the phone itself answered."""


class Link:
    """Used by one thread at a time."""

    def __init__(self, serial: str, adb_serial: str, server: AdbServer, tracker: Tracker) -> None:
        self.serial = serial
        self.guard = Guard(serial)
        self.device = Device(server.client, adb_serial, self.guard)
        self._server = server
        self._tracker = tracker
        self._ui: Ui | None = None

    @property
    def ui(self) -> Ui:
        if self._ui is None:
            raise RuntimeError(f"the link to {self.serial} is not open")
        return self._ui

    @property
    def warm(self) -> bool:
        """Is a UI server kept running?"""
        return self._ui is not None

    def open(self) -> None:
        """Have a UI server answering. Raises PhoneError when recovery does not help either."""
        if self._ui is not None:
            return
        with self.guard.within(limits.RECOVERY, "preparing the phone"):
            try:
                self._open_ui()
            except RECOVERABLE as error:
                self._note(error)
                self._restore_connection()
                self._kill_ui_server()
                self._open_ui()

    def recover(self, error: PhoneError) -> None:
        """Make the phone usable again after this failure, or raise what stands in the way."""
        self._note(error)
        with self.guard.within(limits.RECOVERY, "recovery"):
            self._restore_connection()
            if self._ui is None:
                return
            if isinstance(error, UiServerError) or not self._ui_answers():
                self._ui.stop_uiautomator()
                self._kill_ui_server()
                with translated(self.serial):
                    self._ui.start_uiautomator()
        log.info("phone recovered", action="recovered", serial=self.serial)

    def rest(self) -> None:
        """Between sessions: give adb its stream back, keep the UI server running."""
        if self._ui is not None:
            self._ui.transport.close()

    def close(self) -> None:
        """End the UI server if we started it, and close every stream."""
        if self._ui is not None:
            self._ui.stop_uiautomator()
            self._ui = None

    def _open_ui(self) -> None:
        from runner.phones.ui import Ui  # uiautomator2 is loaded when the first session opens, not before

        with translated(self.serial):
            self._ui = Ui(self.device)

    def _restore_connection(self) -> None:
        """Until adb has the phone and a command comes through. Raises PhoneAbsent, PhoneTimeout."""
        self._server.ensure()
        kicked = False
        with self.guard.within(limits.RECONNECT, "reconnecting"):
            while True:
                self._tracker.wait_online(self.device.serial, self.guard)
                if self._adb_answers():
                    return
                if not kicked:
                    kicked = True
                    self._kick()
                self.guard.sleep(0.2)

    def _adb_answers(self) -> bool:
        try:
            with translated(self.serial):
                self.device.run(["true"], seconds=limits.PING)
        except RECOVERABLE:
            return False
        return True

    def _kick(self) -> None:
        """Let adb drop and rebuild the connection to this serial, and to no other."""
        try:
            self.device.open_transport("reconnect").close()
        except adbutils.AdbError as error:
            log.debug("nothing to reconnect", action="reconnect", serial=self.serial, error=str(error))

    def _ui_answers(self) -> bool:
        """A hung server may still answer /ping, so it is asked for something that needs UiAutomation."""
        try:
            with self.guard.within(limits.PING, "deviceInfo"), translated(self.serial):
                self.ui.jsonrpc_call("deviceInfo", {})
        except RECOVERABLE:
            return False
        return True

    def _kill_ui_server(self) -> None:
        """Whoever started it, and also when it hangs and never notices that its stream was closed.

        The class in brackets does not match the command line of pkill itself. The app is uiautomator2's older
        server, which blocks ours with "already registered".
        """
        with translated(self.serial):
            self.device.run(["pkill", "-9", "-f", "com[.]wetest[.]uia2[.]Main"])
            self.device.run(["am", "force-stop", "com.github.uiautomator"])

    def _note(self, error: PhoneError) -> None:
        log.warning("phone needs recovery", action="recover", serial=self.serial, error=str(error))
