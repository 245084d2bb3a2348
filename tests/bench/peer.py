"""The record store Ralph (PyPI `ralph-malph`) as a baseline: installed apart from ours, pinned by ralph.lock."""

import base64
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers.places import free_port
from tests.support.paths import ROOT
from tests.support.processes import wait_for

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "ralph"
LOCK = HERE / "ralph.lock"
USER, PASSWORD = "bench", "bench-only"
AGENT = {"mbox": "mailto:bench@example.org", "objectType": "Agent"}
START_S = 60


@dataclass(frozen=True)
class Server:
    """Where it listens, its process, and what admits a sender."""

    url: str
    path: str
    pid: int
    headers: dict[str, str]


def installed() -> Path:
    """Its Python, in an environment of its own; made anew when the lock file is newer."""
    stamp, python = CACHE / "stamp", CACHE / "venv" / "bin" / "python"
    if not stamp.exists() or stamp.stat().st_mtime < LOCK.stat().st_mtime:
        venv.create(CACHE / "venv", clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
        subprocess.run(command, check=True, timeout=600, stdout=sys.stderr)
        stamp.touch()
    return python


@contextmanager
def serving(folder: Path, store: str) -> Iterator[Server]:
    """Ralph on a store of this kind, `files` or `memory`, in a fresh folder."""
    python, port = installed(), free_port()
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    environment = {
        **os.environ,
        "RALPH_APP_DIR": str(folder),
        "RALPH_AUTH_FILE": str(_admit(python, folder)),
        "RALPH_RUNSERVER_BACKEND": "fs",
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(folder / "statements"),
    }
    command = [str(python), "-P", str(HERE / "ralph_server.py"), store, str(port)]
    with (folder / "ralph.log").open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(url), START_S, "Ralph is ready")
        yield Server(url, "/xAPI/statements", process.pid, {"authorization": f"Basic {basic}"})
    finally:
        process.terminate()
        process.wait(20)


def _admit(python: Path, folder: Path) -> Path:
    """Its file of users: bcrypt, which Ralph remembers for an hour once it was right."""
    hashing = "import bcrypt,sys; print(bcrypt.hashpw(sys.argv[1].encode(), bcrypt.gensalt(4)).decode())"
    hashed = subprocess.run(
        [python, "-c", hashing, PASSWORD], capture_output=True, text=True, check=True
    ).stdout.strip()
    user = {"username": USER, "hash": hashed, "scopes": ["all"], "agent": AGENT}
    file = folder / "auth.json"
    file.write_text(json.dumps([user]))
    return file


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/__lbheartbeat__", trust_env=False).is_success
    except httpx.TransportError:
        return False
