"""How each blow falls: never on a part that is idle, so whom it is meant for is first caught with work under way."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from services.runtime.log.kafka.headers import SEQ
from tests.faults.fleet import Fleet, Member
from tests.faults.ground import Ground
from tests.faults.plan import SERVICES, Blow, Kind, Landed
from tests.servers import Broker, Postgres
from tests.support.killing import Gate
from tests.support.senders import Courier
from tests.support.watch import done, told, unpublished

READS = {"mastery": "ingest.learner", "credentials": "mastery.learner"}
COMMITS = {"postgresql": b"COMMIT\x00", "kafka": SEQ.encode()}
NO_SPACE = "No space left"
WITHIN_S = 120.0
SETTLES_S, TRY_AGAIN_S = 0.03, 0.1
ZOMBIE_WAKES_S = 3.0  # long enough to try what it had begun
STOPS_WITHIN_S = 40.0


@dataclass
class Blows:
    """Falls one at a time, at whoever is that part at the moment."""

    fleet: Fleet
    ground: Ground
    gate: Gate
    couriers: Sequence[Courier]
    share: float
    chance: random.Random

    def fall(self, blow: Blow, at_s: float) -> Landed:
        """Returns when whoever was hit may be hit again, or is being started again."""
        way: Callable[[Blow], tuple[int, dict[str, object]]] = {
            Kind.KILL: self._kill, Kind.DATABASE: self._database, Kind.BROKER: self._broker, Kind.ZOMBIE: self._zombie,
            Kind.REPLY: self._reply, Kind.CUT: self._cut, Kind.DISK: self._disk,
        }[blow.kind]  # fmt: skip
        under_way, came_of_it = way(blow)
        return Landed(blow, at_s, under_way, came_of_it)

    # ---- services

    def _kill(self, blow: Blow) -> tuple[int, dict[str, object]]:
        self.fleet.wait_up(blow.whom)
        member = self.fleet.members[blow.whom]
        under_way = self._caught(member)
        member.signal(signal.SIGKILL)
        member.process.wait(10)
        return under_way, {}

    def _zombie(self, blow: Blow) -> tuple[int, dict[str, object]]:
        """The successor has to have done some work before the old one wakes."""
        self.fleet.wait_up(blow.whom)
        under_way, began = self._caught(self.fleet.members[blow.whom]), time.monotonic()
        zombie, _ = self.fleet.let_go(blow.whom)
        self.fleet.wait_up(blow.whom)
        reached = self._progress(blow.whom)
        self._until(lambda: self._progress(blow.whom) > reached, "the successor works")
        stood_s = time.monotonic() - began
        zombie.signal(signal.SIGCONT)
        return under_way, {"stood_s": round(stood_s, 1), "end": _end(zombie)}

    def _caught(self, member: Member) -> int:
        """Stopped, with work under way: as many requests, or messages decided on and not taken in."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            member.signal(signal.SIGSTOP)
            time.sleep(SETTLES_S)  # what it had answered is heard
            if under_way := self._under_way(member.service):
                return under_way
            member.signal(signal.SIGCONT)
            assert time.monotonic() < deadline, f"{member.service} never had work under way"
            self.gate.open_by(self.share / 4)
            time.sleep(self.chance.uniform(0, TRY_AGAIN_S))

    def _under_way(self, service: str) -> int:
        if service == "ingest":
            return sum(courier.under_way for courier in self.couriers)
        topic, store = READS[service], self.fleet.store
        reached = done(store, topic)
        return sum(last - reached.get(part, 0) for part, last in told(store, topic).items())

    def _progress(self, service: str) -> int:
        """What this service has decided, or taken in."""
        if service == "ingest":
            return sum(told(self.fleet.store, "ingest.learner").values())
        return sum(done(self.fleet.store, READS[service]).values())

    # ---- servers

    def _database(self, blow: Blow) -> tuple[int, dict[str, object]]:
        under_way = self._until(self.ground.busy, "somebody is within a transaction")
        self.ground.postgres.stop("immediate")
        time.sleep(self.chance.uniform(0.1, 1.5))
        self.ground.wake("postgresql")
        return under_way, {}

    def _broker(self, blow: Blow) -> tuple[int, dict[str, object]]:
        """It stands still first, so that appends are under way when it dies."""
        self.ground.broker.stand_still()
        under_way = self._until(
            lambda: sum(unpublished(self.ground.superuser_url, service) for service in SERVICES),
            "appends are under way",
        )
        self.ground.broker.kill()
        if self.ground.others:
            return under_way, {"went_on": self._goes_on()}
        time.sleep(self.chance.uniform(0.1, 1.5))
        self.ground.wake("kafka")
        return under_way, {}

    def _goes_on(self) -> dict[str, int]:
        """What each service has done more, with one broker of three dead, by the time all have done something."""
        before = {service: self._progress(service) for service in SERVICES}
        for service in SERVICES:
            self._until(lambda s=service: self._progress(s) > before[s], f"{service} goes on")  # type: ignore[misc]
        return {service: self._progress(service) - before[service] for service in SERVICES}

    def _reply(self, blow: Blow) -> tuple[int, dict[str, object]]:
        proxy = self.ground.proxy(blow.whom)
        before = proxy.lost_replies
        proxy.lose_reply(COMMITS[blow.whom])
        self._until(lambda: proxy.lost_replies > before, f"{blow.whom} answers once more")
        return proxy.lost_replies - before, {}

    def _cut(self, blow: Blow) -> tuple[int, dict[str, object]]:
        """Reset for a while, or silent for a while."""
        proxy = self.ground.proxy(blow.whom)
        under_way = self._until(lambda: proxy.connections and self._anything(), "there is traffic on the link")
        half_open = self.chance.random() < 0.5
        (proxy.half_open if half_open else proxy.cut)()
        time.sleep(self.chance.uniform(0.3, 2.5))
        proxy.mend()
        return under_way, {"half_open": half_open}

    def _disk(self, blow: Blow) -> tuple[int, dict[str, object]]:
        """Nothing is left until the server has said so, or died of it."""
        disk, server = self.ground.disks[blow.whom], self._server(blow.whom)
        if not disk.mounted:
            return 0, {"not_done": "this process may not mount a small disk"}
        before, under_way = _refused(server.output.read_text(errors="replace")), self._anything()
        filled = disk.fill()
        self._until(
            lambda: not server.running or _refused(server.output.read_text(errors="replace")) > before,
            "the server finds its disk full",
        )
        time.sleep(self.chance.uniform(0.5, 2.0))
        died = not server.running
        disk.free()
        self.ground.wake(blow.whom)
        return under_way, {"bytes": filled, "died": died}

    def _server(self, whom: str) -> Broker | Postgres:
        return self.ground.postgres if whom == "postgresql" else self.ground.broker

    # ---- whatever

    def _anything(self) -> int:
        with suppress(psycopg.OperationalError):
            return sum(map(self._under_way, SERVICES))
        return 0

    def _until(self, condition: Callable[[], int | bool], what: str) -> int:
        """Until it holds, with traffic let through for it; what it says then."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            with suppress(psycopg.OperationalError):
                if found := condition():
                    return int(found)
            assert time.monotonic() < deadline, f"not within {WITHIN_S:g} s: {what}"
            self.gate.open_by(self.share / 50)
            time.sleep(TRY_AGAIN_S / 4)


def _refused(said: str) -> int:
    return said.count(NO_SPACE)


def _end(zombie: Member) -> str:
    """It found itself fenced and went on as one process more, or ended; then it is asked to stop."""
    with suppress(subprocess.TimeoutExpired):
        return f"ended by itself with {zombie.process.wait(ZOMBIE_WAKES_S)}"
    zombie.signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        return f"went on beside its successor, and stopped with {zombie.process.wait(STOPS_WITHIN_S)} when asked"
    zombie.signal(signal.SIGKILL)
    zombie.process.wait(STOPS_WITHIN_S)
    return "went on and did not stop when asked"
