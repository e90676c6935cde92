"""The one adb server of this computer: which binary it is, starting it when none answers, what doctor tells.

It never kills a server that somebody else started and never kills one as a cure. Noticing that a server died
is `tracking`'s part; talking to phones through it is `client`'s.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import adbutils
import structlog

from runner.errors import ConfigError, PhoneError
from runner.phones import limits, parser
from runner.phones.client import HOST, MAX_DESCRIPTORS, Client
from runner.phones.limits import Guard

log = structlog.get_logger(__name__)

DEFAULT_PORT = 5037
RECOMMENDED_PHONES = 400
"""Per adb server: each TCP phone holds one of its 1,024 file descriptors, and so does each open stream."""


@dataclass(frozen=True)
class AdbReport:
    """What `runner doctor` tells about adb."""

    path: str
    version: str
    """Of our binary: "36.0.0-13206524"."""
    port: int
    server_version: str
    """Of the server that answers; "" when none does, "older than 35" when it can't tell."""
    server_path: str
    """The binary that serves, where the server can tell."""
    started_by_us: bool
    restarts: int
    """How often the server had to be started again since we run."""
    problems: tuple[str, ...]
    """In plain words, each with what to do; empty when all is well."""


class AdbServer:
    """Thread-safe."""

    def __init__(self, path: str | None = None, port: int | None = None) -> None:
        """`path`: the adb binary, default the one inside adbutils; never whatever PATH holds, because two adb
        versions kill each other's servers and old ones crash under load (adb 29: 8 connects at once, 100
        phones). `port`: default ANDROID_ADB_SERVER_PORT, else 5037."""
        self._setting = path
        self.port = port or int(os.environ.get("ANDROID_ADB_SERVER_PORT") or DEFAULT_PORT)
        self.client = Client(self.port)
        self._starting = threading.Lock()
        self._starts = 0

    @cached_property
    def path(self) -> Path:
        """The binary. Raises ConfigError when there is none."""
        name = "adb.exe" if os.name == "nt" else "adb"
        if self._setting:
            found = shutil.which(self._setting)
            if found is None:
                raise ConfigError(
                    f"adb is set to {self._setting!r}, which is not an executable.", remedy=_INSTALL
                )
            return Path(found)
        bundled = Path(str(files("adbutils") / "binaries" / name))
        if not os.access(bundled, os.X_OK):
            raise ConfigError("This build of adbutils contains no adb for this computer.", remedy=_INSTALL)
        return bundled

    @property
    def started_by_us(self) -> bool:
        return self._starts > 0

    def listens(self) -> bool:
        """Is a server there? It may be too busy to answer just now, which is no reason to start another."""
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except TimeoutError:
            return True
        except OSError:
            return False
        return True

    def ensure(self) -> None:
        """Start the server if there is none; callers at the same time start it once.

        adbutils' clients that find no server each fork one, and kill each other's. Raises PhoneError.
        """
        with self._starting:
            if self.listens():
                return
            self._start()

    def _start(self) -> None:
        _raise_descriptor_limit()
        command = [str(self.path), "-P", str(self.port), "start-server"]
        # The daemon keeps the starter's standard output open on some systems: a pipe would never end.
        with tempfile.TemporaryFile() as output:
            try:
                code = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=20,
                    check=False,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                ).returncode
            except (OSError, subprocess.TimeoutExpired) as error:
                raise PhoneError(f"adb can't be started: {error}.", remedy=_INSTALL) from error
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if code != 0 or not self.listens():
            raise PhoneError(
                f"The adb server does not start: {said or f'exit code {code}'}.",
                remedy=f"Try it by hand: {' '.join(command)}",
            )
        self._starts += 1
        log.info("adb server started", action="adb_start", path=str(self.path), port=self.port)

    def stop(self) -> None:
        """End the server if we started it; for a private port. Others' servers are left alone."""
        with self._starting:
            if not self.started_by_us or not self.listens():
                return
            guard = Guard()
            with guard.within(limits.HOST, "host:kill"), self.client.dial(guard) as connection:
                connection.send_command("host:kill")
                connection.check_okay()
                connection.read_until_close()

    def report(self) -> AdbReport:
        """What we use, what answers, and whether two versions of adb fight. Takes up to a few seconds."""
        protocol, build = self._version_of(self.path)
        server_version = server_path = ""
        problems: list[str] = []
        try:
            server_protocol = int(self.client.ask("host:version"), 16)
            server_version, server_path = self._ask_server_status()
        except (OSError, PhoneError, EOFError, adbutils.AdbError) as error:
            problems.append(f"No adb server answers on port {self.port}: {error}")
        else:
            problems += self._conflicts(protocol, build, server_protocol, server_version, server_path)
            phones = len(parser.devices(self.client.ask("host:devices")))
            if phones > RECOMMENDED_PHONES:
                problems.append(
                    f"{phones} phones are on one adb server, which aborts at {MAX_DESCRIPTORS} descriptors: "
                    f"keep to {RECOMMENDED_PHONES}, and move the others to another host."
                )
        if self._starts > 2:
            problems.append(
                f"The adb server died {self._starts - 1} times. If another program with an adb of its own "
                "runs here, give this service a port of its own: ANDROID_ADB_SERVER_PORT."
            )
        return AdbReport(
            path=str(self.path),
            version=build,
            port=self.port,
            server_version=server_version,
            server_path=server_path,
            started_by_us=self.started_by_us,
            restarts=max(0, self._starts - 1),
            problems=tuple(problems),
        )

    def _ask_server_status(self) -> tuple[str, str]:
        try:
            status = parser.server_status(self.client.ask_raw("host:server-status"))
        except adbutils.AdbError:
            return "older than 35", ""
        return status.get(5, ""), status.get(7, "")

    def _conflicts(
        self, protocol: int, build: str, server_protocol: int, server_version: str, server_path: str
    ) -> list[str]:
        problems = []
        if server_protocol != protocol:
            problems.append(
                f"The adb server speaks protocol {server_protocol}, ours {protocol}: each kills the other's. "
                "Point both to one binary (--adb PATH) or use a port of your own (ANDROID_ADB_SERVER_PORT)."
            )
        elif not build.startswith(server_version):
            problems.append(
                f"The adb server is {server_version} ({server_path or 'path unknown'}), ours is {build}. Old "
                "servers crash when many phones connect at once: end that one, then restart this service."
            )
        other = shutil.which("adb")
        if other is not None and Path(other).resolve() != self.path.resolve():
            other_protocol, other_build = self._version_of(Path(other))
            if other_protocol != protocol:
                problems.append(
                    f"{other} is adb {other_build or other_protocol}: using it kills this server. "
                    "Remove it, or set --adb to it."
                )
        return problems

    def _version_of(self, path: Path) -> tuple[int, str]:
        try:
            printed = subprocess.run(
                [str(path), "version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10,
                check=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            ).stdout.decode("utf-8", "replace")
            return parser.adb_version(printed)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise ConfigError(f"{path} does not work as adb: {error}.", remedy=_INSTALL) from error


_INSTALL = {
    "linux": "Install adb (Debian and Ubuntu: apt install adb) and name it with --adb PATH.",
    "darwin": "Install adb (brew install android-platform-tools) and name it with --adb PATH.",
    "win32": "Install adb (winget install Google.PlatformTools) and name it with --adb PATH.",
}.get(sys.platform, "Install Android's platform-tools and name its adb with --adb PATH.")


def _raise_descriptor_limit() -> None:
    """The server inherits our limit, and 256, macOS's default, kills it near 230 phones."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, 4 * MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:
            log.warning("the limit of open files stays low", action="adb_start", limit=soft, error=str(error))
