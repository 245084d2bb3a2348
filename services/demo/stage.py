"""The stage of the demo: the three services as real processes on a fresh folder, and a client for each role."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from services.demo.clock import StoryClock
from services.demo.school import TENANT
from services.runtime.access_register import FileRegister
from services.runtime.permissions import Role

SERVICES = ("ingest", "mastery", "credentials")
START_LIMIT_S = 60.0
QUIET_LIMIT_S = 30.0
LOOK_S = 0.02


class StageFailed(Exception):
    """The services did not do what the story needs of them in time."""


class Stage:
    """A context: on entry everything runs, on exit everything has stopped."""

    def __init__(self, folder: Path, seed: str, start: str) -> None:
        self.folder, self.data = folder, folder / "data"
        shutil.rmtree(folder, ignore_errors=True)
        self.data.mkdir(parents=True)
        self.clock = StoryClock(folder / "clock", start)
        self._seed = seed
        self._clients: list[httpx.Client] = []
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "services", "up", "--data", str(self.data), "--ports", "0,0,0"]
        with (self.folder / "services.log").open("wb") as output:
            self._process = subprocess.Popen(command, env=self._environment(), stdout=output, stderr=output)  # noqa: S603
        try:
            self._wait(self._ready, START_LIMIT_S, "the services to be ready")
        except BaseException:
            self._process.kill()
            raise
        self._observers = {name: self._open(name, None) for name in SERVICES}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self._process.terminate()
        code = self._process.wait(60)
        if code and fault is None:
            raise StageFailed("the services did not stop in order")

    def client(
        self, service: str, role: Role, organisation: str | None = None, source: str | None = None
    ) -> httpx.Client:
        """A client of one service with a key made for it."""
        register = FileRegister(self.data / "access.json", self.clock)
        _, token = register.add(tenant=TENANT, role=role, organisation=organisation, source=source)
        return self._open(service, token)

    def on(self, day: str) -> None:
        """Let everything come to rest, then step the clock to nine in the morning of a day."""
        self.settle()
        self.clock.step(f"{day}T09:00:00Z")

    def settle(self) -> None:
        """Until nothing is under way anywhere, and the answers known by now are final."""
        self._wait(self._quiet, QUIET_LIMIT_S, "everything to come to rest")

    def _environment(self) -> dict[str, str]:
        said = {"CLOCK_FILE": str(self.clock.path), "IDS_SEED": self._seed, "KNOWN_TO_INTERVAL_S": "0.05"}
        ours = {f"WAYPROOF_{name}": value for name, value in said.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAYPROOF_")}
        return {**inherited, **ours, "WAYPROOF_POLL_TIMEOUT_S": "0.05"}

    def _open(self, service: str, token: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.urls[service], headers=headers, timeout=30, trust_env=False)
        self._clients.append(client)
        return client

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise StageFailed(f"the services ended; see {self.folder / 'services.log'}")
        try:
            running = json.loads((self.data / "up.json").read_text())["services"]
        except FileNotFoundError:
            return False
        self.urls = {name: found["url"] for name, found in running.items()}
        return all(found["ready"] for found in running.values())

    def _quiet(self) -> bool:
        """Twice round in the direction evidence flows: what one service passes on, the next has dealt with."""
        return all(not any(self._progress(name).values()) for _ in range(2) for name in SERVICES)

    def _progress(self, service: str) -> dict[str, int]:
        progress: dict[str, int] = self._observers[service].get("/health/progress").raise_for_status().json()
        return progress

    def _wait(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                raise StageFailed(f"waited {limit_s:g} s for {what}; see {self.folder / 'services.log'}")
            time.sleep(LOOK_S)


def answered(response: httpx.Response, *statuses: int) -> Any:
    """The answer's JSON; anything but the statuses expected ends the story with what was said instead."""
    if response.status_code not in statuses:
        raise StageFailed(
            f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text}"
        )
    return response.json()
