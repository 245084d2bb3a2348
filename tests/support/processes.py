"""The real thing for tests: `wayproof up` on a folder and free ports, keys by the command line, calls over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.paths import ROOT
from tests.support.watch import Store

SERVICES = ("ingest", "mastery", "credentials")
START_S = 120.0


class Wayproof:
    """A running system: its processes, its URLs, its keys."""

    def __init__(self, data: Path, environment: dict[str, str] | None = None, wrapper: tuple[str, ...] = ()) -> None:
        self.data = data
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAYPROOF_LOG_LEVEL": "info", **(environment or {})}
        self._wrapper = wrapper
        self._process: subprocess.Popen[bytes] | None = None
        self.urls: dict[str, str] = {}

    def start(self) -> None:
        """Start, and wait until all three are ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "up.json").unlink(missing_ok=True)  # a killed supervisor leaves one, with addresses of nobody
        up = [sys.executable, "-m", "services", "up", "--data", str(self.data), "--ports", "0,0,0"]
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._wrapper, *up], env=self._environment, stdout=output, stderr=output, cwd=ROOT
            )
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def store(self) -> Store:
        """Where a test looks how far the services are."""
        return self.data

    @property
    def output(self) -> Path:
        """What the supervisor and the services print."""
        return self.data.parent / f"{self.data.name}.log"

    def stop(self) -> int:
        """SIGTERM to the supervisor; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def kill(self) -> None:
        """The supervisor at once; the services are tethered to it and end with it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def state(self) -> dict[str, Any]:
        """What the supervisor says runs where."""
        found: dict[str, Any] = json.loads((self.data / "up.json").read_text())["services"]
        return found

    def pid(self, service: str) -> int:
        """The process of a service as of now."""
        return int(self.state()[service]["pid"])

    def wait_ready(self, within_s: float = START_S) -> None:
        """Until every service answers that it is ready."""
        wait_for(self._ready, within_s, "the services are ready")

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the supervisor ended"
        if not (self.data / "up.json").exists():
            return False
        self.urls = {name: found["url"] for name, found in self.state().items()}
        try:
            return all(
                httpx.get(f"{self.urls[s]}/health/ready", trust_env=False, verify=False).is_success for s in SERVICES
            )
        except httpx.TransportError:
            return False

    def command(self, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `wayproof …` against this system."""
        urls = {f"WAYPROOF_{name.upper()}_URL": url for name, url in self.urls.items()}
        environment = {**self._environment, **urls, "WAYPROOF_DATA_DIR": str(self.data)}
        if key:
            environment["WAYPROOF_KEY"] = key
        command = [sys.executable, "-m", "services", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False)

    def key(self, role: str, tenant: str = "maple", **options: str) -> str:
        """A new access key's token."""
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        made = self.command("key", "add", "--tenant", tenant, "--role", role, *flags, "--json")
        assert made.returncode == 0, made.stderr
        token: str = json.loads(made.stdout)["token"]
        return token

    def client(self, service: str, key: str | None = None) -> httpx.Client:
        """An HTTP client of one service with one key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.urls[service], headers=headers, timeout=60, trust_env=False, verify=False)


@contextmanager
def running(data: Path, **environment: str) -> Iterator[Wayproof]:
    """A system for the length of a block; it stops in order, and says so."""
    system = Wayproof(data, environment)
    system.start()
    try:
        yield system
    except BaseException:
        system.kill()
        raise
    assert system.stop() == 0, "the system stopped in order"


def wait_for(condition: Callable[[], object], within_s: float, what: str) -> None:
    """Until the condition holds; never longer than said."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
