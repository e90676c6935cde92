"""Keys of worker servers, and what they never give away."""

from __future__ import annotations

import itertools
import json

import httpx

from support.worker_tasks import StartWorkerService, WorkerService

CALLS = [
    ("GET", "tasks"),
    ("GET", "tasks?limit=5000"),
    ("PUT", "tasks/1"),
    ("PUT", "tasks/bulk"),
    ("POST", "health"),
    ("POST", "callback/link/complete"),
]


def test_without_a_key_nothing_is_answered_nor_judged(start_worker_service: StartWorkerService) -> None:
    service = start_worker_service(worker_api={"failed_keys_per_minute": 100})
    keys = ({}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer x"})

    for (method, path), headers in itertools.product(CALLS, keys):
        answer = service.http.request(method, f"worker/{path}", headers=headers, content=b"{ not JSON")
        assert answer.status_code == 401, (method, path, headers)
        assert answer.json().keys() == {"success", "message"}
        assert answer.json()["success"] is False


def test_a_key_of_another_secret_is_refused(worker_service: WorkerService) -> None:
    worker, other = worker_service.worker(), worker_service.worker()
    forged = f"{worker.id}.{other.key.partition('.')[2]}"

    answer = worker.http.get("tasks", headers={"X-API-Key": forged})

    assert answer.status_code == 401


def test_rotating_and_revoking_end_a_key_at_once(worker_service: WorkerService) -> None:
    worker = worker_service.worker()
    [task_id] = worker_service.give(worker)

    rotated = worker_service.command("servers", "rotate", worker.name, "--json")

    successor = worker_service.as_worker(json.loads(rotated.stdout))
    assert (successor.id, successor.name) == (worker.id, worker.name)
    assert worker.http.get("tasks").status_code == 401
    assert successor.ids() == [task_id]
    assert worker_service.command("servers", "revoke", worker.name).returncode == 0
    assert successor.http.get("tasks").status_code == 401


def test_a_server_is_registered_by_the_command_line_and_its_key_is_shown_once(
    worker_service: WorkerService,
) -> None:
    done = worker_service.command("servers", "add", "by hand", "--max-tasks", "3", "--json")
    listed = worker_service.command("servers", "list", "--json")

    made = json.loads(done.stdout)
    assert list(made) == ["server_id", "name", "key"]
    worker = worker_service.as_worker(made)
    assert worker.tasks()["server_name"] == "by hand"
    [shown] = [one for one in json.loads(listed.stdout) if one["name"] == "by hand"]
    assert (shown["server_id"], shown["max_tasks"]) == (worker.id, 3)
    assert made["key"].partition(".")[2] not in listed.stdout


def test_the_command_line_tells_what_is_wrong(worker_service: WorkerService) -> None:
    worker = worker_service.worker()

    twice = worker_service.command("servers", "add", worker.name)
    unknown = worker_service.command("servers", "rotate", "nobody")
    listed = worker_service.command("servers", "list", "--json")

    assert (twice.returncode, unknown.returncode) == (1, 1)
    assert f'There is a server "{worker.name}" already' in twice.stderr
    assert 'There is no worker server "nobody"' in unknown.stderr
    [shown] = [one for one in json.loads(listed.stdout) if one["name"] == worker.name]
    assert (shown["server_id"], shown["online"], shown["revoked"]) == (worker.id, True, False)
    assert "key" not in shown


def test_wrong_keys_are_slowed_down_and_right_ones_are_not(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(worker_api={"failed_keys_per_minute": 5})
    worker = service.worker()
    assert worker.http.get("tasks").status_code == 200

    answers = [
        httpx.get(f"{service.url}/api/v1/worker/tasks", headers={"X-API-Key": f"{worker.id}.{number}"})
        for number in range(8)
    ]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61
    assert answers[-1].json()["success"] is False
    assert worker.http.get("tasks").status_code == 200
    assert service.worker().http.get("tasks").status_code == 429  # a key that was never right from here


def test_with_an_api_token_workers_need_only_their_key_and_the_administrator_the_token(
    start_worker_service: StartWorkerService,
) -> None:
    service = start_worker_service(token="a-long-token")
    worker = service.worker()
    body = {"request_name": "A", "tasks": [{"site_name": "tiktok.com"}]}
    bearer = {"Authorization": "Bearer a-long-token"}

    refused = [
        service.http.post("worker/requests", json=body),
        service.http.post("worker/requests", json=body, headers={"X-API-Key": worker.key}),
        service.http.get("worker/requests"),
        service.http.get("worker/upstreams"),
    ]

    assert [answer.status_code for answer in refused] == [401] * 4
    assert all(answer.json()["success"] is False for answer in refused)
    assert service.http.post("worker/requests", json=body, headers=bearer).status_code == 201
    assert worker.http.get("tasks").status_code == 200
    assert worker.http.post("health", json={}).status_code == 200


def test_keys_and_passwords_are_nowhere_in_the_clear(start_worker_service: StartWorkerService) -> None:
    service = start_worker_service()
    worker = service.worker()
    password = "correct-horse-battery"
    [task_id] = service.give(worker, password=password)
    assert worker.task(task_id)["password"] == password
    service.stop()
    service.start()
    worker = service.as_worker({"server_id": worker.id, "name": worker.name, "key": worker.key})
    assert worker.task(task_id)["password"] == password
    shown = service.http.get("worker/requests").text + service.http.get("worker/servers").text

    worker.says(task_id, "running", "completed")

    assert worker.task(task_id)["password"] == ""
    secret = worker.key.partition(".")[2]
    files = [file for file in service.data_dir.rglob("*") if file.is_file()]
    assert any(file.name.startswith("runner.db") for file in files)
    for file in [*files, service.log_file]:
        content = file.read_bytes()
        assert password.encode() not in content, file
        assert secret.encode() not in content, file
    assert password not in shown


def test_a_wrong_password_field_is_refused_without_being_repeated(worker_service: WorkerService) -> None:
    task = {"site_name": "tiktok.com", "password": ["hunter2"]}

    answer = worker_service.http.post("worker/requests", json={"request_name": "A", "tasks": [task]})

    assert answer.status_code == 400
    assert "password must be text" in answer.json()["message"]
    assert "hunter2" not in answer.text
