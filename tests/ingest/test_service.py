"""The service as a whole: ready or saying what is wrong, safe to restart, every endpoint behind a permission."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from services.ingest.use_cases.group import Group
from tests.ingest.house import House, form
from tests.servers.places import free_port
from tests.support.paths import ROOT

HANDSHAKE = ("options", "/v1/events")  # of CloudEvents: it says who may ask to send, and whoever sends needs a key
OPEN_TO_ALL = ("/health/", "/metrics", "/problems/", "/v1/webhooks/", "/xapi/about")


def test_a_service_whose_commits_fail_is_not_ready_and_says_so(
    house: House, employer: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.learner("100")
    assert house.http.get("/health/ready").status_code == 200

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Group, "write", full)
    refused = house.webhook(*employer, "msg-1", form(TEAM="3"))
    wrong = house.http.get("/health/ready")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert wrong.status_code == 503
    assert wrong.json()["wrong"] == {"group commit": "the last commit failed: OSError"}
    monkeypatch.undo()
    assert house.webhook(*employer, "msg-1", form(TEAM="3")).status_code == 202
    assert house.http.get("/health/ready").status_code == 200


def test_no_endpoint_but_webhooks_and_health_answers_without_a_key(house: House) -> None:
    known = house.http.get("/openapi.json").json()["paths"]
    asked = 0
    for path, operations in known.items():
        for method in operations:
            if path.startswith(OPEN_TO_ALL) or (method, path) == HANDSHAKE:
                continue
            url = path.replace("{learner}", "7b0c2f0e-93a5-4a53-8a0e-0d2f5a7b9d11")
            for name in ("receipt", "entry", "stream", "import_id"):
                url = url.replace(f"{{{name}}}", "7b0c2f0e-93a5-4a53-8a0e-0d2f5a7b9d11")
            url = url.replace("{source}", "maple.x")
            answer = house.http.request(method, url, params={"first": 1}, headers={"Idempotency-Key": "k"})
            assert answer.status_code == 401, (method, path, answer.text)
            asked += 1
    assert asked >= 18


def test_every_operation_is_documented(house: House) -> None:
    routes = [route for route in house.service.app.routes if isinstance(route, APIRoute)]
    assert all(route.endpoint.__doc__ for route in routes)


def test_a_process_killed_and_started_again_goes_on_and_stops_in_order(tmp_path: Path) -> None:
    """SIGKILL, restart on the same folder, SIGTERM: exit code 0."""
    port = free_port()
    said = {"WAYPROOF_DATA_DIR": str(tmp_path), "WAYPROOF_INGEST_PORT": str(port), "WAYPROOF_STOP_TIMEOUT_S": "5"}
    command = [sys.executable, "-c", "import sys; from services.ingest.main import run; sys.exit(run())"]

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env={**os.environ, **said}, cwd=ROOT, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200:
                    return process
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("it never became ready")

    first = start()
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    second = start()
    third = subprocess.run(command, env={**os.environ, **said}, cwd=ROOT, capture_output=True, timeout=20)
    assert third.returncode == 1
    assert b"in use" in third.stderr
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0


def test_requests_of_many_threads_each_get_their_own_answer(house: House, employer: tuple[str, str]) -> None:
    for number in range(12):
        house.learner(f"n{number}")
    answers: dict[int, str] = {}

    def send(number: int) -> None:
        for turn in range(5):
            answer = house.webhook(*employer, f"m-{number}-{turn}", form(f"r-{number}-{turn}", f"n{number}", TEAM="3"))
            answers[number * 10 + turn] = answer.json()["receipt"]

    threads = [threading.Thread(target=send, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(answers.values())) == 60
    evidence = [event for _, event in house.published() if hasattr(event, "content")]
    assert {str(event.content.receipt) for event in evidence} == set(answers.values())
