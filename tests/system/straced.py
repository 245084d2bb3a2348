"""An ingest service under strace, and what its trace says: was it on disk before it was answered?"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers.places import free_port
from tests.support.paths import ROOT
from tests.support.processes import wait_for

CALLS = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
READS, ANSWERS = {"read", "recvfrom", "recvmsg"}, {"write", "writev", "sendto", "sendmsg"}
SYNCS = {"fsync", "fdatasync"}
DOORS = ("POST /v1/webhooks/", "POST /v1/streams/")
LINE = re.compile(r"(?P<tid>\d+) +(?P<at>[0-9.]+) (?P<rest>.*)")
CALL = re.compile(r"(?P<name>\w+)\((?P<fd>\d+)<(?P<path>TCP:\[[^\]]*\]|[^>]*)>")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
SUCCEEDED = re.compile(r"\) += (\d+)")


@dataclass(frozen=True)
class Done:
    """A call that succeeded: on what, what was in it, and the lines of the trace where it began and ended."""

    name: str
    path: str
    text: str
    began: int
    ended: int


@dataclass(frozen=True)
class Answered:
    """A request at a door that takes evidence, from the line it was read at to the line its answer began at."""

    request: str
    status: int
    read_at: int
    answered_at: int


def calls_of(trace: Path) -> list[Done]:
    """Every call that succeeded, in the order in which they ended; those cut in two by another thread are joined."""
    begun: dict[str, tuple[int, str]] = {}
    found = []
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        parts = LINE.match(line)
        if parts is None:
            continue
        tid, rest, began = parts["tid"], parts["rest"], number
        if rest.endswith("<unfinished ...>"):
            begun[tid] = (number, rest.removesuffix("<unfinished ...>"))
            continue
        if resumed := RESUMED.match(rest):
            began, head = begun.pop(tid)
            rest = head + resumed["rest"]
        found += _done(rest, began, number)
    return found


def _done(text: str, began: int, ended: int) -> list[Done]:
    call = CALL.match(text)
    if call is None or not SUCCEEDED.search(text):
        return []
    return [Done(call["name"], call["path"], text, began, ended)]


def answered(calls: list[Done]) -> list[Answered]:
    """Every request for evidence that was answered with success."""
    waiting: dict[str, tuple[str, int]] = {}
    found = []
    for call in calls:
        if not call.path.startswith("TCP"):
            continue
        if call.name in READS:
            waiting = _read(waiting, call)
        elif call.name in ANSWERS and (status := re.search(r'"HTTP/1\.1 (\d+)', call.text)):
            request, read_at = waiting.pop(call.path, ("", 0))
            if request and status[1].startswith("2"):
                found.append(Answered(request, int(status[1]), read_at, call.began))
    return found


def _read(waiting: dict[str, tuple[str, int]], call: Done) -> dict[str, tuple[str, int]]:
    """A request's first bytes name it; its last ones are when it was there."""
    first = next((door for door in DOORS if f'"{door}' in call.text), None)
    if first is not None and (first != DOORS[1] or "/lines?" in call.text):
        return {**waiting, call.path: (first, call.ended)}
    if re.search(r'"(GET|POST|PUT) /', call.text):
        return {peer: each for peer, each in waiting.items() if peer != call.path}
    if call.path in waiting and not call.text.endswith(" = 0"):
        return {**waiting, call.path: (waiting[call.path][0], call.ended)}
    return waiting


def not_on_disk(calls: list[Done], requests: list[Answered], database: str) -> list[Answered]:
    """Answers before which nothing of the request was written to this database's log and then forced to disk."""
    writes = [call for call in calls if call.name == "pwrite64" and call.path.endswith(f"{database}-wal")]
    syncs = [call for call in calls if call.name in SYNCS and call.path.endswith(f"{database}-wal")]
    return [request for request in requests if not _on_disk(request, writes, syncs)]


def _on_disk(request: Answered, writes: list[Done], syncs: list[Done]) -> bool:
    """Read, then written, then forced; and only when that had ended was the answer begun."""
    written = [call.ended for call in writes if request.read_at < call.began and call.ended < request.answered_at]
    return any(min(written) < sync.began and sync.ended < request.answered_at for sync in syncs) if written else False


@contextmanager
def traced(data: Path, trace: Path, *program: str) -> Iterator[str]:
    """The URL of an ingest service whose calls are written down; `program` starts it."""
    port = free_port()
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "WAYPROOF_DATA_DIR": str(data)}
    environment["WAYPROOF_INGEST_PORT"] = str(port)
    watch = ["strace", "-f", "-yy", "-ttt", "-s", "160", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(trace)]
    with (trace.parent / f"{trace.name}.log").open("wb") as output:
        process = subprocess.Popen(
            [*watch, sys.executable, *program], env=environment, stdout=output, stderr=output, cwd=ROOT
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: _ready(url, process), 60, "ingest is ready")
            yield url
            time.sleep(0.2)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The service itself is told; strace ends with it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        subprocess.run(["kill", f"-{signal.SIGTERM.value}", child], check=False)
    try:
        process.wait(40)
    finally:
        process.kill()


def _ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "ingest ended"
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False, verify=False).is_success
    except httpx.TransportError:
        return False
