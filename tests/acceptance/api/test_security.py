"""Who may call: host names, other web pages, the token, the size of a body; and what the log tells."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support.stage import ABSENT, Stage, StartBare, config_text, refusal
from support.waiting import wait_for

TOKEN = "a-long-random-text-0123456789"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:50809", "127.0.0.1:1", "[::1]:50809", "127.1.2.3"])
def test_loopback_names_are_answered(stage: Stage, host: str) -> None:
    assert stage.service.http.get("task/stats", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:50809", "192.168.1.5", "127.0.0.1.nip.io", ""],
)
@pytest.mark.parametrize("path", ["/api/v1/task/stats", "/", "/openapi.json", "/static/page.js"])
def test_other_host_names_are_refused(stage: Stage, host: str, path: str) -> None:
    """DNS rebinding: a page whose name suddenly points to this computer."""
    answer = httpx.get(f"{stage.service.url}{path}", headers={"Host": host})
    assert "api.allowed_hosts" in refusal(answer, 40302)


def test_a_request_without_a_host_is_refused(stage: Stage) -> None:
    connection = http.client.HTTPConnection(stage.service.url.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", "/api/v1/task", skip_host=True)
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "task"),
        ("POST", "task/retry-all"),
        ("DELETE", "task/batch"),
        ("DELETE", "task/1"),
        ("PUT", "x"),
    ],
)
def test_other_pages_change_nothing(stage: Stage, method: str, path: str, headers: dict[str, str]) -> None:
    answer = stage.service.http.request(method, path, headers=headers, json={})
    assert "api.allowed_origins" in refusal(answer, 40302)


def test_our_own_page_and_plain_clients_may(stage: Stage) -> None:
    own = {"Origin": stage.service.url, "Sec-Fetch-Site": "same-origin"}
    for headers in ({}, own, {"Sec-Fetch-Site": "none"}):
        task_id = stage.service.later()
        assert stage.service.http.delete(f"task/{task_id}", headers=headers).status_code == 200


def test_names_and_origins_can_be_allowed(start_bare: StartBare) -> None:
    service = start_bare(api={"allowed_hosts": ["runner.lan"], "allowed_origins": ["https://panel.example/"]})
    panel = {"Host": "Runner.LAN:50809", "Origin": "https://panel.example"}
    answer = service.http.post("task/retry-all", headers=panel)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://panel.example"
    asked = {
        **panel,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Content-Type",
    }
    preflight = service.http.options("task", headers=asked)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    refusal(service.http.post("task/retry-all", headers={"Origin": "https://other.example"}), 40302)


def test_without_a_setting_no_other_page_may_read(stage: Stage) -> None:
    answer = stage.service.http.get("task", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_with_a_token_every_call_needs_it(start_bare: StartBare) -> None:
    service = start_bare(environment={"RUNNER_API_TOKEN": TOKEN})
    wrong = [None, TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer ÿ"]
    calls = [("GET", "task"), ("POST", "task"), ("GET", "license/check"), ("GET", "events"), ("GET", "x")]
    for sent in wrong:
        headers = {"Authorization": sent.encode("latin-1")} if sent else {}
        for method, path in calls:
            answer = service.http.request(method, path, headers=headers)
            assert "RUNNER_API_TOKEN" in refusal(answer, 40101)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert service.http.get("task", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert service.http.get("task", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    assert httpx.get(service.url).status_code == 200, "the page itself, which asks for the token"
    assert TOKEN not in service.log


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5"])
def test_an_open_bind_without_a_token_does_not_start(tmp_path: Path, host: str) -> None:
    config = tmp_path / "devices.yaml"
    config.write_text(config_text([{"serial": ABSENT}], host=host), encoding="utf-8")
    command = [sys.executable, "-m", "runner", "serve", "--config", str(config), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "RUNNER_API_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runner-data").exists()


def test_an_open_bind_with_a_token_is_called_by_address(start_bare: StartBare) -> None:
    service = start_bare(environment={"RUNNER_API_TOKEN": TOKEN}, flags=["--host", "0.0.0.0"])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert service.url.startswith("http://127.0.0.1:")
    assert service.http.get("task", headers={**headers, "Host": "192.168.7.7:50809"}).status_code == 200
    refusal(service.http.get("task", headers={**headers, "Host": "evil.example"}), 40302)


def test_a_large_body_is_refused_with_and_without_a_length(start_bare: StartBare) -> None:
    service = start_bare(api={"max_request_bytes": 20_000})
    body = json.dumps({"serials": ["x" * 30_000]}).encode()
    headers = {"Content-Type": "application/json"}
    counted = service.http.post("task", content=body, headers=headers)
    streamed = service.http.post("task", content=iter([body[:25_000], body[25_000:]]), headers=headers)
    huge = service.http.post("task", content=b" " * 30_000_000, headers=headers)
    for answer in (counted, streamed, huge):
        assert "20000" in refusal(answer, 40001, status=413)
    assert service.http.get("task").status_code == 200


def test_a_request_id_is_in_the_answer_and_on_every_line_it_caused(stage: Stage) -> None:
    service = stage.service
    task_id = service.later()
    own = service.http.post(f"task/{task_id}/stop", headers={"X-Request-ID": "order-66.a_b"})
    assert own.headers["X-Request-ID"] == "order-66.a_b"

    def caused() -> set[str]:
        lines = [json.loads(line) for line in service.log.splitlines()]
        return {line["event"] for line in lines if line.get("request_id") == "order-66.a_b"}

    wait_for(lambda: caused() >= {"task changed", "request"}, what="both lines")
    for bad in ("a b", "x" * 65, 'x"y'):
        given = service.http.get("task", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{16}", given)


def test_answers_can_not_be_framed_sniffed_or_kept(stage: Stage) -> None:
    for url in (stage.service.url, f"{stage.service.url}/docs", f"{stage.service.url}/api/v1/task"):
        headers = httpx.get(url).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] in ("no-store", "no-cache")
