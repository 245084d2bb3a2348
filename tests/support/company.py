"""Several processes of each service on one PostgreSQL and one Kafka: hired, killed, put to sleep and woken."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from tests.servers.places import free_port
from tests.support.paths import ROOT
from tests.support.processes import SERVICES, Wayproof, wait_for

UP_S, STOP_S = 90.0, 40.0
HOPS = (("mastery", "ingest", "mastery.catalogue"), ("ingest", "mastery", "ingest.learner"))
HOPS += (("mastery", "credentials", "mastery.learner"),)
OWNERS = "SELECT part, CASE WHEN expires_at > extract(epoch FROM clock_timestamp()) * 1e6 THEN owner END FROM {}.lease"


@dataclass
class Member:
    """One process of a service."""

    service: str
    port: int
    output: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def ready(self) -> bool:
        """Whether it says so; one that ended will not."""
        assert self.process.poll() is None, f"{self.service} ended: {self.output.read_text()[-2000:]}"
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False

    def measured(self, name: str) -> float:
        """One figure of its `/metrics`."""
        said = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=90).text
        found = re.search(rf"^wayproof_{name} (\S+)$", said, re.MULTILINE)
        assert found is not None, f"no {name} in {said[:500]}"
        return float(found[1])


class Company(Wayproof):
    """`members` are the living; calls go to the first of each service. `store` is the superuser's way in."""

    def __init__(self, data: Path, store: str, told: dict[str, str], sizes: dict[str, int] | None = None) -> None:
        super().__init__(data, told)
        self.members: dict[str, list[Member]] = defaultdict(list)
        self._store, self._sizes, self._hired = store, sizes or {}, 0

    @property
    def store(self) -> str:
        """Where a test looks how far the services are."""
        return self._store

    def start(self) -> None:
        """As many of each as `sizes` says, else one; returns when all are ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            for _ in range(self._sizes.get(service, 1)):
                self.hire(service)
        self.urls = {service: self.members[service][0].url for service in SERVICES}
        self.wait_ready(UP_S)

    def hire(self, service: str, port: int | None = None) -> Member:
        """One more; it need not be ready yet."""
        port, self._hired = port or free_port(), self._hired + 1
        output = self.data.parent / f"{service}-{self._hired}.log"
        own = {"WAYPROOF_DATA_DIR": str(self.data), f"WAYPROOF_{service.upper()}_PORT": str(port)}
        with output.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.cli.tethered", service],
                env={**self._environment, **own}, stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=ROOT,
            )  # fmt: skip
        member = Member(service, port, output, process)
        self.members[service].append(member)
        return member

    def fire(self, member: Member) -> None:
        """SIGKILL."""
        self.members[member.service].remove(member)
        member.signal(signal.SIGKILL)
        member.process.wait(STOP_S)

    def wait_ready(self, within_s: float = UP_S) -> None:
        """Until each of them says so."""
        everybody = [member for members in self.members.values() for member in members]
        wait_for(lambda: all(member.ready() for member in everybody), within_s, "everybody is ready")

    def stop(self) -> int:
        """SIGTERM to all; 0 when each ended in order."""
        everybody = [member for members in self.members.values() for member in members]
        for member in everybody:
            member.signal(signal.SIGTERM)
        codes = [member.process.wait(STOP_S) for member in everybody]
        return int(any(codes))

    def kill(self) -> None:
        """At once, whoever sleeps too."""
        for members in self.members.values():
            for member in members:
                member.signal(signal.SIGKILL)
                member.process.wait(STOP_S)

    def owners(self, service: str) -> dict[int, int | None]:
        """Which process holds each partition's lease; none where it has expired or was given back."""
        return {part: owner and int(owner.split(":")[1]) for part, owner in self._rows(OWNERS.format(service))}

    def held_by_the_living(self, service: str) -> bool:
        """Whether every partition has an owner that runs; whoever sleeps is not asked."""
        living = {member.process.pid for member in self.members[service] if awake(member.process.pid)}
        owners = self.owners(service)
        return bool(owners) and set(owners.values()) <= living

    def at_rest(self) -> bool:
        """Nobody has anything left to send or to take in; in the order things flow."""
        return not any(self._behind(*hop) for hop in HOPS)

    def _behind(self, by: str, reader: str, topic: str) -> int:
        told = dict(self._rows(f"SELECT part, last_seq FROM {by}.outbox_head WHERE topic = '{topic}'"))
        done = dict(self._rows(f"SELECT part, last_seq FROM {reader}.position WHERE topic = '{topic}'"))
        return sum(last - done.get(part, 0) for part, last in told.items())

    def _rows(self, sql: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self._store, connect_timeout=5) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]


def awake(pid: int) -> bool:
    """Whether nobody has stopped the process."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T"
