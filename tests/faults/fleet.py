"""The services as real processes behind front doors that stay, looked after by a supervisor that can lose sight of one.

A process that dies is started again at once. One that is let go (a zombie) is nobody's any more: its service gets a
successor, and the front door leads there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.plan import SERVICES
from tests.faults.proxy import FaultProxy
from tests.servers.places import free_port
from tests.support.paths import ROOT
from tests.support.processes import Wayproof, wait_for
from tests.support.watch import Store

LOOK_S = 0.02
AGAIN_S = 0.3  # before a process that ended is started again
UP_S = 90.0
STOP_S = 40.0


@dataclass
class Member:
    """One process of a service."""

    service: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            os.kill(self.pid, number)

    def ready(self) -> bool:
        """Whether it says so."""
        answer = self._health()
        return answer is not None and answer.is_success

    def says(self) -> str:
        """What it says of itself, or that it does not."""
        answer = self._health()
        return f"{self.service}: {'no answer' if answer is None else answer.text}"

    def _health(self) -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready", trust_env=False, timeout=2)
        except httpx.TransportError:
            return None


class Fleet(Wayproof):
    """A running system as the other tests know it; `ends` counts exit codes by service, those of zombies left out."""

    def __init__(self, data: Path, environment: dict[str, str], superuser_url: str) -> None:
        super().__init__(data, environment)
        self._superuser_url = superuser_url
        self.members: dict[str, Member] = {}
        self.ends: Counter[tuple[str, int]] = Counter()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._made = ExitStack()
        self._fronts: dict[str, FaultProxy] = {}

    @property
    def store(self) -> Store:
        """Looked at past every proxy."""
        return self._superuser_url

    def start(self) -> None:
        """Start, and wait until all three are ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            self.members[service] = self.another(service)
            front = self._made.enter_context(FaultProxy("127.0.0.1", self.members[service].port))
            self._fronts[service] = front
        self.urls = {service: f"http://127.0.0.1:{front.port}" for service, front in self._fronts.items()}
        self._thread = threading.Thread(target=self._look_after, daemon=True)
        self._thread.start()
        self.wait_ready()

    def another(self, service: str) -> Member:
        """A process more of a service, on a port of its own; nobody is led there yet."""
        port = free_port()
        environment = {
            **self._environment,
            "WAYPROOF_DATA_DIR": str(self.data),
            f"WAYPROOF_{service.upper()}_PORT": str(port),
        }
        with (self.data.parent / f"{service}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.cli.tethered", service],
                env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=ROOT, process_group=0,
            )  # fmt: skip
        return Member(service, port, process)

    def let_go(self, service: str) -> tuple[Member, Member]:
        """Who was the service until now, and who is from now on, once it answers."""
        with self._lock:
            old, new = self.members[service], self.another(service)
            self.members[service] = new
        self._fronts[service].aim(new.port)
        return old, new

    def wait_ready(self, within_s: float = UP_S) -> None:
        """Until every service says that it is ready."""
        for service in SERVICES:
            self.wait_up(service, within_s)

    def wait_up(self, service: str, within_s: float = UP_S) -> None:
        """Until whoever is this service now is ready."""

        def is_up() -> bool:
            return self.members[service].ready()  # whoever that is by then

        wait_for(is_up, within_s, f"{service} is ready")

    def stop(self) -> int:
        """SIGTERM to all; 0 when each ended in order."""
        self._end_watch()
        for member in self.members.values():
            member.signal(signal.SIGTERM)
        codes = [member.process.wait(STOP_S) for member in self.members.values()]
        self._made.close()
        return int(any(codes))

    def kill(self) -> None:
        """At once."""
        self._end_watch()
        for member in self.members.values():
            member.signal(signal.SIGKILL)
            member.process.wait(STOP_S)
        self._made.close()

    def _end_watch(self) -> None:
        self._stopping.set()
        self._thread.join(STOP_S)

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_S):
            with self._lock:
                for service, member in self.members.items():
                    if (code := member.process.poll()) is not None:
                        self.ends[service, code] += 1
                        self._replace(service)

    def _replace(self, service: str) -> None:
        time.sleep(AGAIN_S)
        self.members[service] = self.another(service)
        self._fronts[service].aim(self.members[service].port)
