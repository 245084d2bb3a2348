"""How each blow falls: never on a part that is idle, so whom it is meant for is first caught with work under way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from services.runtime.log.kafka.headers import SEQ
from tests.faults.catching import Catcher
from tests.faults.fleet import Fleet, Member
from tests.faults.ground import Ground
from tests.faults.plan import SERVICES, Blow, Kind, Landed
from tests.faults.sight import Sight
from tests.servers import Broker, Postgres
from tests.support.processes import wait_for

COMMITS = {"postgresql": b"COMMIT\x00", "kafka": SEQ.encode()}
NO_SPACE = "No space left"
SERVER_AWAY_S, LINK_CUT_S, DISK_FULL_S = (0.1, 1.5), (0.3, 2.5), (0.5, 2.0)
WAKES_WITHIN_S, STOPS_WITHIN_S = 60.0, 60.0
Fallen = tuple[int, dict[str, object]]  # how much was under way, and what came of it


@dataclass
class Blows:
    """Falls one at a time, at whoever is that part at the moment."""

    fleet: Fleet
    ground: Ground
    catcher: Catcher
    sight: Sight

    def fall(self, blow: Blow, at_s: float) -> Landed:
        """Returns when whoever was hit may be hit again, or is being started again."""
        way: Callable[[Blow], Fallen] = {
            Kind.KILL: self._kill, Kind.DATABASE: self._database, Kind.BROKER: self._broker, Kind.ZOMBIE: self._zombie,
            Kind.REPLY: self._reply, Kind.CUT: self._cut, Kind.DISK: self._disk,
        }[blow.kind]  # fmt: skip
        under_way, came_of_it = way(blow)
        return Landed(blow, at_s, under_way, came_of_it)

    # ---- services

    def _kill(self, blow: Blow) -> Fallen:
        member, under_way = self.catcher.caught(blow.whom)
        member.signal(signal.SIGKILL)
        member.process.wait(10)
        return under_way, {}

    def _zombie(self, blow: Blow) -> Fallen:
        """The successor has to have done some work before the old one wakes."""
        zombie, under_way = self.catcher.caught(blow.whom)
        began = time.monotonic()
        self.fleet.let_go(blow.whom)
        self.fleet.wait_up(blow.whom)
        reached = self.sight.progress(blow.whom)
        self.catcher.until(lambda: self.sight.progress(blow.whom) > reached, "the successor works")
        stood_s = time.monotonic() - began
        zombie.signal(signal.SIGCONT)
        return under_way, {"stood_s": round(stood_s, 1), "end": self._end(zombie)}

    def _end(self, zombie: Member) -> str:
        """It found itself fenced and took part again as one process more, or ended; then it is asked to stop."""

        def awake() -> bool:
            with suppress(psycopg.OperationalError):
                return self.sight.takes_part(zombie.service, zombie.pid) and zombie.ready()
            return False

        wait_for(lambda: zombie.process.poll() is not None or awake(), WAKES_WITHIN_S, "the old one has awoken")
        if (code := zombie.process.poll()) is not None:
            return f"ended by itself with {code}"
        zombie.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return f"went on beside its successor, and stopped with {zombie.process.wait(STOPS_WITHIN_S)} when asked"
        zombie.signal(signal.SIGKILL)
        zombie.process.wait(STOPS_WITHIN_S)
        return "went on and did not stop when asked"

    # ---- servers

    def _database(self, blow: Blow) -> Fallen:
        """While one service stands still within a transaction, and the others do as they may."""
        member, under_way = self.catcher.caught(blow.caught)
        self.ground.postgres.stop("immediate")
        member.signal(signal.SIGCONT)
        time.sleep(_between(SERVER_AWAY_S, blow.lasts))
        self.ground.wake("postgresql")
        return under_way, {}

    def _broker(self, blow: Blow) -> Fallen:
        """It stands still first, so that nothing decided on from then on can be on it when it dies."""
        assert all(broker.running for broker in self.ground.others), "the other brokers run"
        before = self.sight.decided()
        self.ground.broker.stand_still()
        under_way = self._decides_more("appends are under way", before)
        self.ground.broker.kill()
        if self.ground.others:
            return under_way, {"went_on": self._goes_on()}
        time.sleep(_between(SERVER_AWAY_S, blow.lasts))
        self.ground.wake("kafka")
        return under_way, {}

    def _goes_on(self) -> dict[str, int]:
        """What each has done of what came after, with one broker of three dead, by the time all have done some."""
        before = {service: self.sight.handed_over(service) for service in SERVICES}
        for service in SERVICES:
            self.catcher.until(lambda s=service: self.sight.progress(s) > before[s], f"{service} goes on")  # type: ignore[misc]
        return {service: self.sight.progress(service) - before[service] for service in SERVICES}

    def _reply(self, blow: Blow) -> Fallen:
        proxy = self.ground.proxy(blow.whom)
        self.catcher.until(self.catcher.requests, "something is under way")
        before = proxy.lost_replies
        proxy.lose_reply(COMMITS[blow.whom])
        self.catcher.until(lambda: proxy.lost_replies > before, f"{blow.whom} answers once more")
        return proxy.lost_replies - before, {}

    def _cut(self, blow: Blow) -> Fallen:
        """Reset for a while, or silent for a while: in the middle of a transaction, or of an append."""
        proxy = self.ground.proxy(blow.whom)
        if blow.whom == "postgresql":
            member, under_way = self.catcher.caught(blow.caught)
            (proxy.half_open if blow.silent else proxy.cut)()
            member.signal(signal.SIGCONT)
        else:
            before = self.sight.decided()
            proxy.half_open()
            under_way = self._decides_more("appends are on the link", before)
            if not blow.silent:
                proxy.cut()
        time.sleep(_between(LINK_CUT_S, blow.lasts))
        proxy.mend()
        return under_way, {"silent": blow.silent}

    def _decides_more(self, what: str, before: int) -> int:
        """Messages put into an outbox since then, which cannot have reached a broker that nothing reaches."""
        return self.catcher.until(lambda: self.sight.decided() - before, what)

    def _disk(self, blow: Blow) -> Fallen:
        """Nothing is left until the server has said that it could not write something, or died of it."""
        disk, server = self.ground.disks[blow.whom], self._server(blow.whom)
        if not disk.mounted:
            return 0, {"not_done": "this process may not mount a small disk"}
        said, decided = _refused(server), self.sight.decided()
        filled = disk.fill()

        def refuses() -> int:
            """Times it said so; of one that died, the messages that nobody could append any more."""
            return _refused(server) - said if server.running else self.sight.decided() - decided

        under_way = self.catcher.until(refuses, "the server finds its disk full")
        time.sleep(_between(DISK_FULL_S, blow.lasts))
        died = not server.running
        disk.free()
        self.ground.wake(blow.whom)
        return under_way, {"bytes": filled, "died": died}

    def _server(self, whom: str) -> Broker | Postgres:
        return self.ground.postgres if whom == "postgresql" else self.ground.broker


def _refused(server: Broker | Postgres) -> int:
    return server.output.read_text(errors="replace").count(NO_SPACE)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
