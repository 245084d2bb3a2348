"""SIGKILLs at seeded moments, each in the middle of traffic, and whether each caught its service at work."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import Wayproof, wait_for
from tests.support.senders import Courier
from tests.support.watch import behind, done, rows_left, told

READS = {"mastery": "ingest.learner", "credentials": "mastery.learner"}
BROKEN_WITHIN_S = 3.0
READY_WITHIN_S = 60.0
LOOK_S = 0.001


class Gate:
    """Lets traffic through up to a limit, so that there is some left for the next kill."""

    def __init__(self) -> None:
        self.passed = 0
        self.limit = 0.0
        self._changed = threading.Condition()

    def wait(self) -> None:
        """Until there is room below the limit."""
        with self._changed:
            self._changed.wait_for(lambda: self.passed < self.limit, timeout=READY_WITHIN_S * 2)

    def count(self, pieces: int) -> None:
        """So many were answered."""
        with self._changed:
            self.passed += pieces
            self._changed.notify_all()

    def open_to(self, limit: float) -> None:
        """Let so many through."""
        with self._changed:
            self.limit = limit
            self._changed.notify_all()

    def offer(self, pieces: float) -> None:
        """Let so many through beyond what has passed; nothing is saved up when nobody comes."""
        with self._changed:
            self.limit = max(self.limit, self.passed + pieces)
            self._changed.notify_all()


@dataclass
class Kill:
    """One kill: when, whom, and how much it left undone that had been begun."""

    service: str
    at: float
    undone: int
    requests: int = 0
    rows: int = 0

    @property
    def interrupted(self) -> bool:
        """A batch or a file was there and not done with, or a request was under way and never answered."""
        return self.undone > 0 or self.requests > 0 or self.rows > 0


@dataclass
class Killer:
    """Kills the services in the order given, each once the traffic of its share is flowing."""

    system: Wayproof
    gate: Gate
    couriers: Sequence[Courier]
    order: Sequence[str]
    share: int
    chance: random.Random
    halfway: Callable[[], None] = lambda: None
    look_for_s: float = 0.0
    hopeless: Callable[[], bool] = lambda: False
    kills: list[Kill] = field(default_factory=list)

    def run(self) -> None:
        """All kills, then everything may pass."""
        for number, service in enumerate(self.order):
            wait_for(self._is_up(service), READY_WITHIN_S, f"{service} is up again")
            self.gate.open_to(self.share * (number + 1))
            target = self.share * (number + self.chance.uniform(0.1, 0.7))
            self._wait_for_traffic(target)
            self._look_for_work(service)
            self.kills.append(self._kill(service))
            if len(self.kills) == len(self.order) // 2:
                self.halfway()
        self.gate.open_to(float("inf"))

    def finish(self) -> None:
        """Once the traffic is over: which requests each kill broke."""
        broken = [at for courier in self.couriers for at in courier.broken]
        for kill in self.kills:
            if kill.service == "ingest":
                kill.requests = sum(kill.at <= at <= kill.at + BROKEN_WITHIN_S for at in broken)

    def _is_up(self, service: str) -> Callable[[], bool]:
        """Up again, and not merely not yet missed by its supervisor."""
        starts = 1 + sum(kill.service == service for kill in self.kills)

        def is_up() -> bool:
            said = self.system.state()[service]
            return bool(said["ready"]) and said["starts"] >= starts

        return is_up

    def _wait_for_traffic(self, target: float) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while self.gate.passed < target:
            assert not self.hopeless(), "a sender gave up"
            assert time.monotonic() < deadline, "no traffic to kill in"
            time.sleep(LOOK_S)

    def _look_for_work(self, service: str) -> None:
        """For a moment: a batch to read, or a file half settled; the kill comes whether or not there is one."""
        topic, deadline = READS.get(service), time.monotonic() + self.look_for_s
        while time.monotonic() < deadline:
            if behind(self.system.store, topic) if topic else rows_left(self.system.store):
                return
            time.sleep(LOOK_S)

    def _kill(self, service: str) -> Kill:
        pid, topic = self.system.pid(service), READS.get(service)
        begun = told(self.system.store, topic) if topic else {}
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: _is_gone(pid), 5, f"{service} is dead")
        reached = done(self.system.store, topic) if topic else {}
        undone = sum(max(0, last - reached.get(part, 0)) for part, last in begun.items())
        return Kill(service, at, undone, rows=0 if topic else rows_left(self.system.store))


def _is_gone(pid: int) -> bool:
    """Dead, reaped or not yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
