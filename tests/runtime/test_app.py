"""The process around a service: health, an orderly end, a death that is noticed, and senders that misbehave."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from pydantic import BaseModel

from services.runtime.app import Service, create_app
from services.runtime.folder_lock import lock_folder
from tests.support.paths import ROOT

CONNECTIONS_MAX, LARGE = 20, 500_000


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int
    data: Path

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def done(self) -> list[str]:
        return (self.data / "done").read_text().splitlines() if (self.data / "done").exists() else []

    def exchange(self, *parts: bytes, pause_s: float = 0.0) -> bytes:
        """Send raw bytes, with pauses, and read until the service hangs up or 5 s pass."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            answer = b""
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause_s)
                while received := connection.recv(65536):
                    answer += received
            except OSError:
                pass
            return answer


@pytest.fixture
def start(tmp_path):
    started = []

    def launch(fault: str = "") -> Running:
        command = [sys.executable, "-m", "tests.runtime.library_service", str(tmp_path), *([fault] if fault else [])]
        environment = {**os.environ, "WAYPROOF_CONNECTIONS_MAX": str(CONNECTIONS_MAX)}
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        first = json.loads(process.stderr.readline())
        assert first["what"] == "listening"
        return Running(process, first["port"], tmp_path)

    yield launch
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_was_asked_then_lets_workers_finish_then_closes(start, number):
    service = start()
    answers = []
    url = f"http://127.0.0.1:{service.port}/slow"
    asking = threading.Thread(target=lambda: answers.append(urllib.request.urlopen(url, timeout=10).read()))
    asking.start()
    while not (service.data / "asked").exists():
        time.sleep(0.02)
    assert service.stop(number) == 0
    asking.join()
    assert answers == [b'{"answer":"whole"}']
    assert service.done() == ["worker finished", "closed"]


@pytest.mark.parametrize("fault", ["dies", "leaves"])
def test_a_worker_that_ends_by_itself_ends_the_process_with_1(start, fault):
    service = start(fault)
    assert service.process.wait(10) == 1
    assert service.done() == ["closed"]
    said = service.process.stderr.read()
    assert "shelver" in said
    assert "Maria Secret" not in said


def test_a_worker_that_does_not_finish_is_not_waited_for_for_ever(start):
    assert start("hangs").stop() == 1


def test_a_second_process_on_the_folder_exits_1_and_says_which_has_it(start):
    first = start()
    command = [sys.executable, "-m", "tests.runtime.library_service", str(first.data)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert f"in use by process {first.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_folder_is_free_again_when_its_process_was_killed(start):
    first = start()
    first.process.kill()
    first.process.wait()
    assert start().stop() == 0


def test_a_folder_is_free_again_when_its_lock_is_closed(tmp_path):
    lock_folder(tmp_path).close()
    held = lock_folder(tmp_path)
    with pytest.raises(SystemExit, match="in use"):
        lock_folder(tmp_path)
    held.close()


def test_a_port_that_is_taken_is_a_clear_exit_with_1(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("WAYPROOF_PORT", str(taken.getsockname()[1]))
        command = [sys.executable, "-m", "tests.runtime.library_service", str(tmp_path)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr


def test_senders_that_misbehave_are_answered_and_hung_up_on(start):
    service = start()
    head = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
    answers = {
        "slow headers": service.exchange(head, pause_s=1.2),
        "no bytes at all": service.exchange(b"", pause_s=1.2),
        "headers without end": service.exchange(head + b"X: " + b"a" * 100_000),
        "a large header in one piece": service.exchange(head + b"X: " + b"a" * 9_000 + b"\r\n\r\n"),
        "many headers": service.exchange(head + b"".join(b"X-%d: y\r\n" % n for n in range(2000))),
        "no HTTP": service.exchange(b"\x16\x03\x01 hello\r\n\r\n"),
        "two lengths": service.exchange(head + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        "length and chunks": service.exchange(head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
    }
    statuses = {what: answer[9:12] for what, answer in answers.items()}
    assert statuses == {
        "slow headers": b"408",
        "no bytes at all": b"408",
        "headers without end": b"431",
        "a large header in one piece": b"431",
        "many headers": b"431",
        "no HTTP": b"400",
        "two lengths": b"400",
        "length and chunks": b"400",
    }
    assert [what for what, answer in answers.items() if b"Content-Type: application/problem+json" not in answer] == []
    assert b"200 OK" in service.exchange(head + b"Connection: close\r\n\r\n")
    assert service.stop() == 0


@pytest.mark.parametrize(
    "first", [b"GET /health/live HTTP/1.1\r\n\r\n", b"POST /health/live HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"]
)
def test_nothing_but_a_new_request_keeps_a_connection_that_was_answered(start, first):
    """Empty lines, or the rest of a body that nobody waits for, would keep it for ever."""
    service = start()
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as idle:
        idle.sendall(first)
        assert idle.recv(65536).startswith(b"HTTP/1.1")
        idle.settimeout(0.2)
        assert any(hung_up(idle, b"\r\n") for _ in range(25))


def test_a_request_that_came_in_time_is_answered_however_long_that_takes(start):
    service = start()
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as kept:
        kept.sendall(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(0.2)
        kept.sendall(b"GET /slow HTTP/1.1\r\n\r\n")  # it ends when the wait for a request would have ended
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_request_that_came_in_pieces_behind_another_is_answered_too(start):
    service = start()
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as kept:
        kept.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        time.sleep(0.5)
        kept.sendall(b"GET /slow HTTP/1.1\r\n")  # the wait for a request begins when this much of one is here
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
        kept.sendall(b"\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")


def hung_up(idle: socket.socket, said: bytes) -> bool:
    """Whether it did; when it says nothing for a while it did not."""
    try:
        idle.sendall(said)
        return not idle.recv(65536)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_who_does_not_read_the_answers_is_cut_off(start):
    service = start()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", service.port))
        deaf.settimeout(20)
        deaf.sendall(b"GET /large HTTP/1.1\r\n\r\n" * 20)
        time.sleep(4)
        heard = sum(map(len, iter(lambda: received(deaf), b"")))
    assert 0 < heard < 20 * LARGE, "the rest was thrown away"


def received(connection: socket.socket) -> bytes:
    """What comes next; nothing when the other side is gone."""
    try:
        return connection.recv(1 << 20)
    except ConnectionResetError:
        return b""


def test_beyond_the_connections_there_may_be_it_says_so(start):
    service, head = start(), b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
    held = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(CONNECTIONS_MAX)]
    answer = service.exchange(head + b"\r\n")
    for each in held:
        each.close()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Content-Type: application/problem+json" in answer
    assert b"Retry-After" in answer
    time.sleep(0.1)
    assert b"200 OK" in service.exchange(head + b"Connection: close\r\n\r\n")


def test_the_answer_names_no_server_and_no_script(start):
    service = start()
    answer = service.exchange(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").lower()
    assert b"\r\nserver:" not in answer
    assert b"x-content-type-options: nosniff" in answer


# ---- the application alone


class Book(BaseModel):
    copies: int


@pytest.fixture
def wrong():
    return {}


@pytest.fixture
def client(wrong):
    inner, outer = APIRouter(), APIRouter()

    @inner.post("/books")
    def add_book(book: Book) -> Book:
        return book

    outer.include_router(inner, prefix="/inner")
    outer.add_api_route("/books", add_book, methods=["POST"])
    return TestClient(create_app("library", [outer], ready=lambda: wrong, access="register"))


def test_a_service_is_ready_until_it_says_what_is_wrong(client, wrong):
    assert client.get("/health/ready").status_code == 200
    wrong["log"] = "a gap at partition 2"
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["wrong"]) == (503, {"log": "a gap at partition 2"})
    assert client.get("/health/live").status_code == 200


def test_the_access_register_is_where_endpoints_look_for_it(client):
    assert client.app.state.access == "register"


@pytest.mark.parametrize("path", ["/books", "/inner/books"])
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"copies": 1}', 200),
        (b'{"copies": 1, "copies": 2}', 400),
        (b'{"copies": NaN}', 400),
        (b'{"copies": 1e400}', 400),
        (b"[" * 100_000, 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"", 400),
        (b'{"copies": 1}' + b" " * 11_000_000, 413),
    ],
)
def test_a_model_in_a_body_is_read_strictly_whoever_wrote_the_route(client, path, raw, status):
    answer = client.post(path, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/yaml", "application/x-www-form-urlencoded"])
def test_a_body_of_another_media_type_is_a_400(client, media_type):
    answer = client.post("/books", content=b'{"copies": 1}', headers={"Content-Type": media_type})
    assert answer.status_code == 400


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_media_type_is_bounded_as_well(client, media_type):
    answer = client.post("/books", content=b" " * 11_000_000, headers={"Content-Type": media_type})
    assert answer.status_code == 413


def test_progress_is_what_the_workers_that_can_count_still_have_to_do():
    class Counting:
        name = "relay"

        def run(self, stop: threading.Event) -> None:
            stop.wait()

        def pending(self) -> int:
            return 3

    class Uncounting:
        name = "sweeper"

        def run(self, stop: threading.Event) -> None:
            stop.wait()

    app = create_app("library", [], ready=dict, access=None)
    asking = TestClient(app)
    assert asking.get("/health/progress").json() == {}
    Service("library", app, [Counting(), Uncounting()])
    assert asking.get("/health/progress").json() == {"relay": 3}
