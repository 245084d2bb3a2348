"""The supervisor over real processes that stand in for the services: restarts, clean stops, and no orphans."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.supervise import SERVICES, up

ROOT = Path(__file__).parents[2]

SERVICE = """
import os, signal, sys, http.server
from services.cli.tethered import tether
tether()
name, mode, data = sys.argv[1], sys.argv[2], os.environ["WAYPROOF_DATA_DIR"]
open(f"{data}/{name}.pids", "a").write(f"{os.getpid()}\\n")
if mode == "crash":
    sys.exit(3)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *args):
        pass
def stop(*_):
    open(f"{data}/{name}.stopped", "a").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else stop)
port = int(os.environ[f"WAYPROOF_{name.upper()}_PORT"])
http.server.HTTPServer((os.environ["WAYPROOF_HOST"], port), Health).serve_forever()
"""

SUPERVISOR = """
import sys
from pathlib import Path
from services.cli.supervise import Supervisor, _ports, make_children
data, mode, limit = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
command = lambda name: [sys.executable, str(data / "service.py"), name, mode if name == "mastery" else "well"]
children = make_children(data, "127.0.0.1", _ports("127.0.0.1", "0,0,0"), command)
sys.exit(Supervisor(data, children, lambda line: print(line, flush=True), stop_limit_s=limit).run())
"""

HOLDER = """
import time
from pathlib import Path
from services.cli.supervise import _hold
_hold(Path({folder!r}))
print("held", flush=True)
time.sleep(60)
"""


class Running:
    def __init__(self, data: Path, mode: str, limit_s: float) -> None:
        self.data = data
        (data / "service.py").write_text(SERVICE)
        command = [sys.executable, "-c", SUPERVISOR, str(data), mode, str(limit_s)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    def services(self) -> dict[str, dict]:
        with suppress(FileNotFoundError):
            return json.loads((self.data / "up.json").read_text())["services"]
        return {}

    def all_ready(self) -> bool:
        services = self.services()
        return len(services) == 3 and all(service["ready"] for service in services.values())

    def pids(self, name: str) -> list[int]:
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.data / f"{name}.pids").read_text().split()]
        return []

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, output


@pytest.fixture
def supervise(tmp_path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(mode: str = "well", limit_s: float = 10.0) -> Running:
        started.append(Running(tmp_path, mode, limit_s))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.communicate()
        wait_until(lambda r=running: not any(alive(pid) for name in SERVICES for pid in r.pids(name)))


def wait_until(done: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_every_service_in_order_and_the_exit_code_is_0(supervise, number):
    running = supervise()
    wait_until(running.all_ready)
    pids = [service["pid"] for service in running.services().values()]
    code, output = running.stop(number)
    assert code == 0
    assert {path.stem for path in running.data.glob("*.stopped")} == set(SERVICES)
    assert not any(alive(pid) for pid in pids)
    assert not (running.data / "up.json").exists()
    assert "ready; stop with Ctrl-C" in output
    assert all(name in output for name in SERVICES)


def test_a_service_that_is_killed_starts_again_at_the_same_address(supervise):
    running = supervise()
    wait_until(running.all_ready)
    before = running.services()
    os.kill(before["ingest"]["pid"], signal.SIGKILL)
    wait_until(lambda: running.services()["ingest"]["starts"] == 2 and running.all_ready())
    after = running.services()
    assert after["ingest"]["pid"] != before["ingest"]["pid"]
    assert after["ingest"]["url"] == before["ingest"]["url"]
    assert after["mastery"] == before["mastery"]
    code, output = running.stop()
    assert code == 0
    assert "ingest ended (signal SIGKILL); it starts again in 0.2 s" in output


def test_a_service_that_keeps_dying_is_started_again_after_ever_longer_waits(supervise):
    running = supervise("crash")
    wait_until(lambda: len(running.pids("mastery")) >= 3)
    _, output = running.stop()
    waits = [float(line.split()[-2]) for line in output.splitlines() if "mastery ended (exit code 3)" in line]
    assert waits[:3] == [0.2, 0.4, 0.8][: len(waits)]
    assert len(waits) >= 2


def test_the_services_die_with_their_supervisor(supervise):
    running = supervise()
    wait_until(running.all_ready)
    pids = [service["pid"] for service in running.services().values()]
    running.process.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids), timeout_s=5)
    assert list(running.data.glob("*.stopped")) == []


def test_a_service_that_does_not_stop_in_time_is_killed_and_the_exit_code_says_so(supervise):
    running = supervise("stubborn", limit_s=0.5)
    wait_until(running.all_ready)
    pid = running.services()["mastery"]["pid"]
    code, output = running.stop()
    assert (code, alive(pid)) == (1, False)
    assert "stopped, not in order" in output


def test_a_second_signal_does_not_wait(supervise):
    running = supervise("stubborn", limit_s=60)
    wait_until(running.all_ready)
    running.process.send_signal(signal.SIGINT)
    wait_until(lambda: len(list(running.data.glob("*.stopped"))) == 2)
    code, _ = running.stop(signal.SIGINT)
    assert code == 1


def test_a_second_supervisor_on_the_same_folder_is_refused(tmp_path):
    holder = HOLDER.format(folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", holder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        refused = CliRunner().invoke(up, ["--data", str(tmp_path), "--ports", "0,0,0"])
        other.kill()
    assert refused.exit_code == 1
    assert "already run on" in refused.output


@pytest.mark.parametrize("ports", ["", "1,2", "1,2,x", "1,2,70000", "1,2,3,4", "-1,2,3"])
def test_ports_that_are_not_three_numbers_are_refused(tmp_path, ports):
    refused = CliRunner().invoke(up, ["--data", str(tmp_path), "--ports", ports])
    assert refused.exit_code == 2
    assert "--ports" in refused.output


def test_a_tethered_command_ends_when_the_other_end_of_its_pipe_closes(tmp_path):
    script = "from services.cli.tethered import tether; import time; tether(); print('up', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "up\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(5) == -signal.SIGKILL


def test_the_tethered_command_is_the_command_line_itself():
    command = [sys.executable, "-m", "services.cli.tethered", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "Usage: wayproof" in child.stdout.read()


def test_a_free_port_is_free():
    from services.cli.supervise import _ports

    for port in _ports("127.0.0.1", "0,0,0"):
        with socket.create_server(("127.0.0.1", port)):
            pass
