"""Media that an upstream names by URL: downloaded once, checked, and kept under the hash of its content.

An upstream must not make this computer fetch from where only this computer can: a name is resolved here,
every address it has must be public, and the connection goes to the address that was checked, so that a name
which changes its mind (DNS rebinding) changes nothing. Redirects pass the same checks.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from runner.errors import InvalidRequest, RunnerError

TIMEOUT = httpx.Timeout(10.0)
LONGEST_SECONDS = 900.0
MOST_REDIRECTS = 5
KEEP_SECONDS = 30 * 86_400.0
"""A file that was not used for this long is removed."""

Resolve = Callable[[str, int], Iterable[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class MediaRefused(InvalidRequest):
    """This file will not be downloaded."""


class MediaAway(RunnerError):
    """The file can't be had now."""


class MediaCache:
    """Thread-safe. Files lie in `folder`, as ab/abcd….mp4."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        private_hosts: Collection[str],
        stopped: Callable[[], bool],
        resolve: Resolve | None = None,
    ) -> None:
        """`private_hosts` may have addresses that are not public, and are called by http too.

        A download ends early when `stopped`. `resolve` gives the addresses of a host name, as the operating
        system does by default.
        """
        self._stopped = stopped
        self._folder = folder
        self._max_bytes = max_bytes
        self._private_hosts = {host.casefold() for host in private_hosts}
        self._resolve = resolve or addresses_of
        # No proxy of the environment: it would resolve the name once more.
        self._http = httpx.Client(
            verify=httpx.create_ssl_context(), trust_env=False, timeout=TIMEOUT, follow_redirects=False
        )

    def close(self) -> None:
        self._http.close()

    def fetch(self, url: str) -> Path:
        """The file. Raises MediaRefused when it never will be, MediaAway when it may be later."""
        deadline = time.monotonic() + LONGEST_SECONDS
        for _ in range(MOST_REDIRECTS + 1):
            with closing(self._get(url)) as answer:
                if not answer.has_redirect_location:
                    return self._keep(url, answer, deadline)
                url = urljoin(url, answer.headers["location"])
        raise MediaRefused(f"{_shown(url)}: too many redirects.")

    def prune(self) -> None:
        """Remove what was not used for a month."""
        now = time.time()
        for file in self._folder.glob("*/*"):
            if now - file.stat().st_mtime > KEEP_SECONDS:
                file.unlink(missing_ok=True)

    def _get(self, url: str) -> httpx.Response:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
        if not host or parts.username is not None:
            raise MediaRefused(f"{_shown(url)}: not a URL of a file.")
        if scheme != "https" and not (scheme == "http" and host in self._private_hosts):
            raise MediaRefused(f"{_shown(url)}: only https is downloaded.")
        try:
            port = parts.port or {"https": 443, "http": 80}[scheme]
        except ValueError:
            raise MediaRefused(f"{_shown(url)}: not a URL of a file.") from None
        address = self._checked(url, host, port)
        literal = f"[{address}]" if ":" in address else address
        pinned = urlunsplit((scheme, f"{literal}:{port}", parts.path, parts.query, ""))
        request = self._http.build_request(
            "GET", pinned, headers={"Host": parts.netloc}, extensions={"sni_hostname": host}
        )
        try:
            answer = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise MediaAway(f"{_shown(url)}: {type(error).__name__}: {error}") from None
        return answer

    def _checked(self, url: str, host: str, port: int) -> str:
        """An address of the host, all of which may be called."""
        try:
            found = list(self._resolve(host, port))
        except OSError as error:
            raise MediaAway(f"{_shown(url)}: {host} can't be resolved: {error}") from None
        private = [one for one in found if not is_public(one)]
        if private and host not in self._private_hosts:
            raise MediaRefused(
                f"{_shown(url)}: {host} is {private[0]}, which is not a public address.",
                remedy="If media shall come from there, name the host in private_media_hosts.",
            )
        if not found:
            raise MediaAway(f"{_shown(url)}: {host} has no address.")
        return found[0]

    def _keep(self, url: str, answer: httpx.Response, deadline: float) -> Path:
        if answer.status_code >= 500 or answer.status_code in (408, 425, 429):
            raise MediaAway(f"{_shown(url)}: HTTP {answer.status_code}.")
        if answer.status_code != 200:
            raise MediaRefused(f"{_shown(url)}: HTTP {answer.status_code}.")
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            with part.open("wb") as file:
                digest, start = self._receive(url, answer, file.write, deadline)
            kept = self._folder / digest[:2] / f"{digest}{_suffix(url, start)}"
            kept.parent.mkdir(exist_ok=True)
            part.replace(kept)
            return kept
        finally:
            part.unlink(missing_ok=True)

    def _receive(
        self, url: str, answer: httpx.Response, write: Callable[[bytes], int], deadline: float
    ) -> tuple[str, bytes]:
        """Write the body; its SHA-256 and its first bytes."""
        digest = hashlib.sha256()
        size = 0
        start = b""
        announced = answer.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large(url)
        try:
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > self._max_bytes:
                    raise self._too_large(url)
                if time.monotonic() > deadline:
                    raise MediaAway(f"{_shown(url)}: not complete after {LONGEST_SECONDS:.0f} s.")
                if self._stopped():
                    raise MediaAway(f"{_shown(url)}: the runner stops.")
                if len(start) < 16:
                    start += chunk[:16]
                    if len(start) >= 16:
                        _suffix(url, start)  # refuse a wrong type before the rest of it comes
                digest.update(chunk)
                write(chunk)
        except httpx.TransportError as error:
            raise MediaAway(f"{_shown(url)}: {type(error).__name__}: {error}") from None
        return digest.hexdigest(), start

    def _too_large(self, url: str) -> MediaRefused:
        return MediaRefused(
            f"{_shown(url)}: larger than {self._max_bytes // 2**20} MB.", remedy="The limit is max_media_mb."
        )


def addresses_of(host: str, port: int) -> list[str]:
    """As the operating system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))


def is_public(address: str) -> bool:
    """Whether the whole internet can reach it, also where IPv6 wraps an IPv4 address."""
    ip = _unwrapped(ipaddress.ip_address(address))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    return ip


def _shown(url: str) -> str:
    """Without the query, which is often a secret."""
    return url.partition("?")[0]


def _suffix(url: str, start: bytes) -> str:
    """The file's type by its first bytes; what a server says of its type is often wrong."""
    match start[:4]:
        case _ if start[4:8] == b"ftyp":
            return ".mov" if start[8:12] == b"qt  " else ".mp4"
        case b"\x1aE\xdf\xa3":
            return ".webm"
        case b"\x89PNG":
            return ".png"
        case b"RIFF" if start[8:12] == b"WEBP":
            return ".webp"
        case _ if start.startswith(b"\xff\xd8\xff"):
            return ".jpg"
    raise MediaRefused(f"{_shown(url)}: not a video (mp4, mov, webm) or picture (jpg, png, webp).")
