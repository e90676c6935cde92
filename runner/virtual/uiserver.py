"""The uiautomator2 server of a virtual phone: HTTP as NanoHTTPD speaks it, JSON-RPC, and the calls behind it.

The calls are those of u2.jar 0.4.1's AutomatorService; what this server does not do fails as an unknown call
does there. It lives as long as the `app_process` that started it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from lxml.etree import _Element

from runner.virtual.hierarchy import (
    BadSelector,
    Bounds,
    Selector,
    bounds_of,
    describe,
    dump,
    find,
    object_info,
    visible_bounds,
)
from runner.virtual.transport import Stream

if TYPE_CHECKING:
    from runner.virtual.phone import VirtualPhone

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 5.0
"""NanoHTTPD's read timeout: a connection without a request for this long is closed."""
_POLL_SECONDS: Final = 0.05
_STEP_SECONDS: Final = 0.005
"""One step of a swipe."""
_NOT_FOUND: Final = -32001
_METHOD_UNKNOWN: Final = -32601
_BAD_PARAMS: Final = -32602


class RpcError(Exception):
    """Answered as {"error": {"code", "message", "data"}}."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class UiServer:
    """One running server process on a phone."""

    def __init__(self, phone: VirtualPhone, port: int, pid: int) -> None:
        self.phone = phone
        self.port = port
        self.pid = pid
        self.hung = False
        self.ready = False
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Set to the reason when the process ends."""
        self.connections: set[_Connection] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self.rpc = Rpc(phone)

    def serve(self, stream: Stream) -> None:
        self.connections.add(_Connection(self, stream))

    def run(self, call: Awaitable[None]) -> None:
        task = asyncio.ensure_future(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def end(self, reason: str) -> None:
        """The process is gone: its sockets close and its calls stop where they are."""
        if self.ended.done():
            return
        self.ended.set_result(reason)
        for task in self._calls:
            task.cancel()
        for connection in list(self.connections):
            connection.close()


class _Connection:
    """One HTTP connection, kept alive."""

    def __init__(self, server: UiServer, stream: Stream) -> None:
        self._server = server
        self._stream = stream
        self._input = bytearray()
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._last_request = self._loop.time()
        self._idle = self._loop.call_later(IDLE_SECONDS, self._check_idle)
        stream.on_data = self._received
        stream.on_close = self._closed

    def close(self) -> None:
        self._stream.close()
        self._closed()

    def _closed(self) -> None:
        self._idle.cancel()
        self._server.connections.discard(self)

    def _check_idle(self) -> None:
        quiet = self._loop.time() - self._last_request
        if self._busy or self._server.hung:
            self._idle = self._loop.call_later(IDLE_SECONDS, self._check_idle)
        elif quiet >= IDLE_SECONDS:
            self.close()
        else:
            self._idle = self._loop.call_later(IDLE_SECONDS - quiet, self._check_idle)

    def _received(self, data: bytes) -> None:
        self._input += data
        self._next()

    def _next(self) -> None:
        if self._busy or self._server.hung:
            return
        end = self._input.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._input[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        length = headers.get("content-length", "0")
        size = int(length) if length.isdigit() else 0
        if len(self._input) < end + 4 + size:
            return
        body = bytes(self._input[end + 4 : end + 4 + size])
        del self._input[: end + 4 + size]
        method, _, rest = head[0].partition(" ")
        self._busy = True
        self._server.run(self._answer(method, rest.partition(" ")[0], headers, body))

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        try:
            await self._respond(method, path, headers, body)
        except Exception:
            log.exception("%s %s failed on %s", method, path, self._server.phone.serial)
            self.close()

    async def _respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        path = path.partition("?")[0]
        kind, content = "text/plain", b""
        status = "200 OK"
        if path == "/ping":
            call = self._server.phone.log.begin("rpc", "ping")
            content = b"pong"
            call.finish(True)
        elif path == "/jsonrpc/0" and method == "POST":
            kind = "application/json"
            content = await self._server.rpc.handle(body)
        elif path == "/screenshot/0":
            kind = "image/jpeg"
            content = await self._server.phone.screenshot("JPEG")
        elif path == "/stop":
            content = b"Server stopped!!!"
        else:
            status, content = "404 Not Found", b"Not Found!!!"
        if self._server.hung:
            return
        keep = headers.get("connection", "").lower() != "close"
        self._stream.write(
            f"HTTP/1.1 {status} \r\nContent-Type: {kind}\r\nDate: {formatdate(usegmt=True)}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        self._busy = False
        self._last_request = self._loop.time()
        if path == "/stop":
            self._server.end("stopped by /stop")
        elif not keep:
            self.close()
        elif self._input:
            self._next()


Handler = Callable[..., Awaitable[Any]]


class Rpc:
    """The JSON-RPC calls; each public method named `call_X` is the call X."""

    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._objects: dict[str, tuple[str, Selector, Selector, Any]] = {}
        self._touch: tuple[float, float, float] | None = None
        self._configurator: dict[str, int] = {
            "actionAcknowledgmentTimeout": 500,
            "keyInjectionDelay": 0,
            "scrollAcknowledgmentTimeout": 200,
            "uiAutomationFlags": 0,
            "waitForIdleTimeout": 0,
            "waitForSelectorTimeout": 0,
        }

    async def handle(self, body: bytes) -> bytes:
        """One JSON-RPC 2.0 request to its answer."""
        try:
            request = json.loads(body)
        except ValueError:
            return _error(None, RpcError(-32700, "JSON parse error"))
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, RpcError(-32600, "Invalid Request"))
        name, params = request["method"], request.get("params") or []
        call = self._phone.log.begin("rpc", name, json.dumps(params, ensure_ascii=False))
        try:
            handler: Handler | None = getattr(self, f"call_{name}", None)
            if handler is None:
                raise RpcError(_METHOD_UNKNOWN, "method not found")
            if not isinstance(params, list):
                raise RpcError(_BAD_PARAMS, "method parameters invalid")
            result = await _invoke(handler, params)
        except RpcError as error:
            call.finish(False)
            return _error(request.get("id"), error)
        except BadSelector as error:
            call.finish(False)
            return _error(request.get("id"), RpcError(_BAD_PARAMS, f"method parameters invalid: {error}"))
        except asyncio.CancelledError:
            call.finish(False)
            raise
        call.finish(True)
        return json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": result}).encode()

    # --- finding

    def _find(self, selector: Selector | str) -> list[_Element]:
        windows = self._phone.windows()
        if isinstance(selector, str):
            if selector not in self._objects:
                raise RpcError(_NOT_FOUND, f"androidx.test.uiautomator.UiObjectNotFoundException: {selector}")
            return self._find_by(windows, *self._objects[selector])
        return find(windows, selector)

    def _find_by(
        self, windows: list[_Element], how: str, around: Selector, pattern: Selector, value: Any
    ) -> list[_Element]:
        for container in find(windows, around)[:1]:
            candidates = [node for node in find([container], pattern) if node is not container]
            if how == "instance":
                return candidates[value : value + 1]
            attribute = "text" if how == "text" else "content-desc"
            return [
                node
                for node in candidates
                if any(below.get(attribute) == value for below in node.iter("node"))
            ][:1]
        return []

    def _one(self, selector: Selector | str) -> _Element:
        found = self._find(selector)
        if not found:
            shown = selector if isinstance(selector, str) else describe(selector)
            raise RpcError(
                _NOT_FOUND,
                f"androidx.test.uiautomator.UiObjectNotFoundException: {shown}",
                f"androidx.test.uiautomator.UiObjectNotFoundException: {shown}\n"
                "\tat com.wetest.uia2.stub.AutomatorServiceImpl\n",
            )
        return found[0]

    @property
    def _screen(self) -> Bounds:
        return (0, 0, self._phone.width, self._phone.height)

    def _center(self, node: _Element) -> tuple[int, int]:
        left, top, right, bottom = visible_bounds(node, self._screen)
        return (left + right) // 2, (top + bottom) // 2

    async def _pause(self, of: str) -> None:
        await self._phone.pause(of)

    async def call_exist(self, selector: Selector | str) -> bool:
        await self._pause("call")
        return bool(self._find(selector))

    async def call_count(self, selector: Selector) -> int:
        await self._pause("call")
        return len(self._find(selector))

    async def call_objInfo(self, selector: Selector | str) -> dict[str, Any]:
        await self._pause("call")
        return object_info(self._one(selector), self._screen)

    async def call_objInfoOfAllInstances(self, selector: Selector) -> list[dict[str, Any]]:
        await self._pause("call")
        return [object_info(node, self._screen) for node in self._find(selector)]

    async def call_waitForExists(self, selector: Selector | str, milliseconds: int) -> bool:
        return await self._wait(lambda: bool(self._find(selector)), milliseconds)

    async def call_waitUntilGone(self, selector: Selector | str, milliseconds: int) -> bool:
        return await self._wait(lambda: not self._find(selector), milliseconds)

    async def _wait(self, reached: Callable[[], bool], milliseconds: int) -> bool:
        await self._pause("call")
        loop = asyncio.get_running_loop()
        end = loop.time() + milliseconds / 1000
        while not reached():
            if loop.time() >= end:
                return False
            await asyncio.sleep(min(_POLL_SECONDS, max(0.0, end - loop.time())))
        return True

    async def call_getUiObject(self, selector: Selector) -> str:
        return self._remember("instance", selector, {"mask": 0}, 0)

    async def call_childByText(
        self, around: Selector, pattern: Selector, text: str, scroll: bool = False
    ) -> str:
        return self._remember("text", around, pattern, text)

    async def call_childByDescription(
        self, around: Selector, pattern: Selector, text: str, scroll: bool = False
    ) -> str:
        return self._remember("description", around, pattern, text)

    async def call_childByInstance(self, around: Selector, pattern: Selector, instance: int) -> str:
        return self._remember("instance", around, pattern, instance)

    def _remember(self, how: str, around: Selector, pattern: Selector, value: Any) -> str:
        name = str(uuid.UUID(int=self._phone.rng.getrandbits(128), version=4))
        self._objects[name] = (how, around, pattern, value)
        try:
            self._one(name)
        except RpcError:
            del self._objects[name]
            raise
        return name

    # --- looking

    async def call_ping(self) -> str:
        return "pong"

    async def call_deviceInfo(self) -> dict[str, Any]:
        phone = self._phone
        await self._pause("call")
        return {
            "currentPackageName": phone.foreground,
            "displayHeight": phone.height,
            "displayRotation": 0,
            "displaySizeDpX": round(phone.width * 160 / phone.density),
            "displaySizeDpY": round(phone.height * 160 / phone.density),
            "displayWidth": phone.width,
            "productName": phone.properties["ro.product.name"],
            "screenOn": phone.screen_on,
            "sdkInt": phone.sdk,
            "naturalOrientation": True,
        }

    async def call_dumpWindowHierarchy(
        self, compressed: bool, max_depth: int = 50, root_in_active: bool = False
    ) -> str:
        await self._pause("dump")
        windows = self._phone.windows()
        if root_in_active:
            active = self._phone.active_package
            windows = [window for window in windows if window.get("package") == active][:1]
        return dump(windows, compressed=compressed, max_depth=max_depth)

    async def call_takeScreenshot(self, scale: float, quality: int) -> str:
        await self._pause("dump")
        return base64.b64encode(await self._phone.screenshot("JPEG", scale=scale, quality=quality)).decode()

    async def call_isScreenOn(self) -> bool:
        return self._phone.screen_on

    async def call_getText(self, selector: Selector | str) -> str:
        await self._pause("call")
        text: str = self._one(selector).get("text", "")
        return text

    async def call_getLastToast(self) -> str | None:
        return self._phone.last_toast

    async def call_clearLastToast(self) -> None:
        self._phone.last_toast = None

    async def call_getLastTraversedText(self) -> str | None:
        return None

    async def call_clearLastTraversedText(self) -> None:
        return None

    async def call_waitForIdle(self, milliseconds: int) -> None:
        await self._pause("call")

    async def call_waitForWindowUpdate(self, package: str | None, milliseconds: int) -> bool:
        before = dump(self._phone.windows())
        return await self._wait(lambda: dump(self._phone.windows()) != before, milliseconds)

    async def call_getConfigurator(self) -> dict[str, int]:
        return self._configurator

    async def call_setConfigurator(self, changes: dict[str, int]) -> dict[str, int]:
        self._configurator.update(
            (name, value) for name, value in changes.items() if name in self._configurator
        )
        return self._configurator

    # --- touching

    async def call_click(self, *where: Any) -> bool:
        """(x, y), (x, y, milliseconds) or (selector[, corner])."""
        milliseconds = 0
        if len(where) >= 2 and all(isinstance(number, int | float) for number in where):
            x, y = where[0], where[1]
            milliseconds = int(where[2]) if len(where) > 2 else 0
        elif len(where) == 1:
            x, y = self._center(self._one(where[0]))
        elif len(where) == 2 and isinstance(where[1], str):
            x, y = self._corner(self._one(where[0]), where[1])
        else:
            raise RpcError(_BAD_PARAMS, "method parameters invalid")
        await self._press(int(x), int(y), milliseconds / 1000)
        return True

    async def call_longClick(self, selector: Selector | str, corner: str = "center") -> bool:
        x, y = self._corner(self._one(selector), corner)
        await self._press(x, y, 0.5)
        return True

    async def call_clickAndWaitForNewWindow(self, selector: Selector | str, milliseconds: int) -> bool:
        before = dump(self._phone.windows())
        await self.call_click(selector)
        return await self._wait(lambda: dump(self._phone.windows()) != before, milliseconds)

    def _corner(self, node: _Element, corner: str) -> tuple[int, int]:
        left, top, right, bottom = visible_bounds(node, self._screen)
        if corner.lower() in ("br", "bottomright"):
            return right - 5, bottom - 5
        if corner.lower() in ("tl", "topleft"):
            return left + 5, top + 5
        return (left + right) // 2, (top + bottom) // 2

    async def _press(self, x: int, y: int, seconds: float) -> None:
        await self._pause("tap")
        if seconds:
            await asyncio.sleep(seconds)
        self._phone.tap(x, y, seconds=seconds)

    async def call_injectInputEvent(self, action: int, x: float, y: float, meta: int) -> bool:
        now = asyncio.get_running_loop().time()
        if action == 0:
            self._touch = (x, y, now)
        elif action == 1 and self._touch is not None:
            x1, y1, since = self._touch
            self._touch = None
            if abs(x - x1) + abs(y - y1) > 24:
                self._phone.swipe(int(x1), int(y1), int(x), int(y))
            else:
                self._phone.tap(int(x), int(y), seconds=now - since)
        elif action not in (1, 2):
            return False
        return True

    async def call_swipe(self, *where: Any) -> bool:
        """(x1, y1, x2, y2, steps), (selector, direction, steps) or (selector, direction, percent, steps)."""
        if len(where) == 5:
            x1, y1, x2, y2, steps = where
        elif len(where) in (3, 4) and isinstance(where[1], str):
            percent = float(where[2]) if len(where) == 4 else 1.0
            x1, y1, x2, y2 = _across(bounds_of(self._one(where[0])), where[1], percent)
            steps = where[-1]
        else:
            raise RpcError(_BAD_PARAMS, "method parameters invalid")
        await self._drag(int(x1), int(y1), int(x2), int(y2), int(steps))
        return True

    async def call_swipePoints(self, points: list[int], steps: int) -> bool:
        if len(points) < 4 or len(points) % 2:
            return False
        await self._drag(points[0], points[1], points[-2], points[-1], steps * (len(points) // 2 - 1))
        return True

    async def call_drag(self, x1: int, y1: int, x2: int, y2: int, steps: int) -> bool:
        await self._drag(int(x1), int(y1), int(x2), int(y2), steps)
        return True

    async def call_dragTo(self, selector: Selector | str, *where: Any) -> bool:
        x1, y1 = self._center(self._one(selector))
        x2, y2 = self._center(self._one(where[0])) if len(where) == 2 else (int(where[0]), int(where[1]))
        await self._drag(x1, y1, x2, y2, int(where[-1]))
        return True

    async def _drag(self, x1: int, y1: int, x2: int, y2: int, steps: int) -> None:
        await self._pause("tap")
        if self._phone.takes_time:
            await asyncio.sleep(max(2, steps) * _STEP_SECONDS)
        self._phone.swipe(x1, y1, x2, y2)

    async def call_scrollForward(self, selector: Selector | str, vertical: bool, steps: int = 55) -> bool:
        return await self._scroll(selector, "up" if vertical else "left", steps)

    async def call_scrollBackward(self, selector: Selector | str, vertical: bool, steps: int = 55) -> bool:
        return await self._scroll(selector, "down" if vertical else "right", steps)

    async def call_flingForward(self, selector: Selector | str, vertical: bool) -> bool:
        return await self._scroll(selector, "up" if vertical else "left", 5)

    async def call_flingBackward(self, selector: Selector | str, vertical: bool) -> bool:
        return await self._scroll(selector, "down" if vertical else "right", 5)

    async def call_scrollToBeginning(
        self, selector: Selector | str, vertical: bool, swipes: int, steps: int = 55
    ) -> bool:
        return await self._scroll_on(selector, "down" if vertical else "right", swipes, steps)

    async def call_scrollToEnd(
        self, selector: Selector | str, vertical: bool, swipes: int, steps: int = 55
    ) -> bool:
        return await self._scroll_on(selector, "up" if vertical else "left", swipes, steps)

    async def call_flingToBeginning(self, selector: Selector | str, vertical: bool, swipes: int) -> bool:
        return await self._scroll_on(selector, "down" if vertical else "right", swipes, 5)

    async def call_flingToEnd(self, selector: Selector | str, vertical: bool, swipes: int) -> bool:
        return await self._scroll_on(selector, "up" if vertical else "left", swipes, 5)

    async def call_scrollTo(self, selector: Selector | str, target: Selector, vertical: bool) -> bool:
        while not self._find(target):
            if not await self._scroll(selector, "up" if vertical else "left", 55):
                return False
        return True

    async def _scroll_on(self, selector: Selector | str, direction: str, swipes: int, steps: int) -> bool:
        for _ in range(swipes):
            if not await self._scroll(selector, direction, steps):
                break
        return True

    async def _scroll(self, selector: Selector | str, direction: str, steps: int) -> bool:
        """True when there was more to see."""
        before = dump(self._phone.windows())
        await self._drag(*_across(bounds_of(self._one(selector)), direction, 0.8), steps)
        return dump(self._phone.windows()) != before

    async def call_pinchIn(self, selector: Selector | str, percent: int, steps: int) -> bool:
        return await self._two_fingers(selector, steps)

    async def call_pinchOut(self, selector: Selector | str, percent: int, steps: int) -> bool:
        return await self._two_fingers(selector, steps)

    async def call_gesture(
        self, selector: Selector | str, start1: Any, start2: Any, end1: Any, end2: Any, steps: int
    ) -> bool:
        return await self._two_fingers(selector, steps)

    async def _two_fingers(self, selector: Selector | str, steps: int) -> bool:
        """None of the apps reacts to two fingers; the gesture itself succeeds when its object is there."""
        self._one(selector)
        await self._pause("tap")
        return True

    # --- keys and text

    async def call_pressKey(self, key: str) -> bool:
        await self._pause("tap")
        return self._phone.press_key(key.lower())

    async def call_pressKeyCode(self, code: int, meta: int = 0) -> bool:
        await self._pause("tap")
        return self._phone.press_key_code(code)

    async def call_setText(self, selector: Selector | str, text: str) -> bool:
        node = self._one(selector)
        await self._pause("tap")
        return self._phone.set_text_at(*self._center(node), text)

    async def call_clearTextField(self, selector: Selector | str) -> None:
        node = self._one(selector)
        await self._pause("tap")
        self._phone.set_text_at(*self._center(node), "")

    async def call_clearInputText(self) -> None:
        await self._pause("call")
        self._phone.replace_focused("")

    async def call_setClipboard(self, label: str | None, text: str) -> None:
        await self._pause("call")
        self._phone.clipboard = text

    async def call_getClipboard(self) -> str | None:
        await self._pause("call")
        return self._phone.clipboard or None

    async def call_pasteClipboard(self) -> None:
        await self._pause("call")
        self._phone.type_text(self._phone.clipboard)

    async def call_wakeUp(self) -> None:
        await self._pause("tap")
        self._phone.screen_on = True

    async def call_sleep(self) -> None:
        await self._pause("tap")
        self._phone.screen_on = False

    async def call_freezeRotation(self, freeze: bool) -> None:
        """All apps here are portrait only, so there is nothing to freeze."""

    async def call_setOrientation(self, direction: str) -> None:
        if direction.lower() not in ("natural", "n", "left", "l", "right", "r"):
            raise RpcError(_NOT_FOUND, f"java.lang.IllegalArgumentException: {direction}")

    async def call_launchApp(self, package: str) -> bool:
        await self._pause("call")
        return self._phone.launch(package) is None

    async def call_executeShellCommand(self, line: str, milliseconds: int) -> dict[str, Any]:
        out, err = bytearray(), bytearray()
        try:
            async with asyncio.timeout(milliseconds / 1000):
                status = await self._phone.run_shell(line, out.extend, err.extend)
        except TimeoutError:
            raise RpcError(_NOT_FOUND, "java.util.concurrent.TimeoutException: command timed out") from None
        return {
            "stdout": out.decode("utf-8", "replace"),
            "stderr": err.decode("utf-8", "replace"),
            "returnCode": status,
        }


async def _invoke(handler: Handler, params: list[Any]) -> Any:
    try:
        coroutine = handler(*params)
    except TypeError:
        raise RpcError(_BAD_PARAMS, "method parameters invalid") from None
    return await coroutine


def _error(request_id: Any, error: RpcError) -> bytes:
    return json.dumps(
        {
            "jsonrpc": "2.0",
            "id": request_id,
            "error": {"code": error.code, "message": error.message, "data": error.data},
        }
    ).encode()


def _across(bounds: Bounds, direction: str, percent: float) -> tuple[int, int, int, int]:
    """A swipe over a part of some bounds."""
    left, top, right, bottom = bounds
    x, y = (left + right) // 2, (top + bottom) // 2
    dx, dy = int((right - left) * percent / 2), int((bottom - top) * percent / 2)
    ends = {
        "up": (x, y + dy, x, y - dy),
        "down": (x, y - dy, x, y + dy),
        "left": (x + dx, y, x - dx, y),
        "right": (x - dx, y, x + dx, y),
    }
    if direction.lower() not in ends:
        raise RpcError(_BAD_PARAMS, f"method parameters invalid: direction {direction}")
    return ends[direction.lower()]
