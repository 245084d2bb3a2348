"""What is sent and what is done to whom, in which order: all of it drawn from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

SERVICES = ("ingest", "mastery", "credentials")


class Kind(StrEnum):
    """What can be done."""

    KILL = "SIGKILL of a service"
    DATABASE = "PostgreSQL immediate kill"
    BROKER = "broker SIGKILL and restart"
    ZOMBIE = "zombie: SIGSTOP, successor, SIGCONT"
    REPLY = "reply lost after commit"
    CUT = "link cut"
    DISK = "disk full, then freed"


PLANNED = {  # of a whole round
    Kind.KILL: 60, Kind.DATABASE: 6, Kind.BROKER: 6, Kind.ZOMBIE: 12, Kind.REPLY: 50, Kind.CUT: 12, Kind.DISK: 2,
}  # fmt: skip
WHOM = {  # in turn, so that each is met as often
    Kind.KILL: SERVICES, Kind.DATABASE: ("postgresql",), Kind.BROKER: ("kafka",), Kind.ZOMBIE: SERVICES,
    Kind.REPLY: ("postgresql",) * 4 + ("kafka",), Kind.CUT: ("postgresql", "kafka"), Kind.DISK: ("postgresql", "kafka"),
}  # fmt: skip


@dataclass(frozen=True)
class Blow:
    """One thing done to one part; `at` says how far into its share of the traffic, `lasts` how long from 0 to 1.

    `caught` is the service in the middle of whose work a part that all share is hit; a cut link is reset, or `silent`.
    """

    kind: Kind
    whom: str
    at: float
    lasts: float
    caught: str
    silent: bool


@dataclass(frozen=True)
class Plan:
    """How much of everything; the names are those that a school's traffic is drawn by."""

    seed: int
    pieces: int
    blows: dict[Kind, int]
    echoes: int  # how often one and the same id is sent
    students: int
    senders: int = 20
    repeats: float = 0.03
    kills: int = 0  # by the other kind of killer

    @classmethod
    def scaled(cls, seed: int, scale: float) -> Plan:
        """A share of a whole round, with each thing done to each at least once."""
        least = {kind: len(set(WHOM[kind])) for kind in Kind}
        blows = {kind: max(least[kind], ceil(count * scale)) for kind, count in PLANNED.items()}
        students = max(120, ceil(1_600 * scale))
        return cls(seed, ceil(101_000 * scale), blows, max(100, ceil(1_000 * scale)), students)

    @classmethod
    def of_three_brokers(cls, seed: int, scale: float) -> Plan:
        """One of three is killed in the middle, and not started again before the end."""
        return cls(seed, ceil(10_000 * scale), {Kind.BROKER: 1}, 100, 120)

    def schedule(self) -> list[Blow]:
        """In the order in which they fall."""
        chance = random.Random(f"{self.seed}/blows")
        blows = [
            _drawn(kind, WHOM[kind][number % len(WHOM[kind])], chance)
            for kind, count in self.blows.items()
            for number in range(count)
        ]
        chance.shuffle(blows)
        return blows


def _drawn(kind: Kind, whom: str, chance: random.Random) -> Blow:
    caught = whom if whom in SERVICES else chance.choice(SERVICES)
    return Blow(kind, whom, chance.uniform(0.1, 0.8), chance.random(), caught, chance.random() < 0.5)


@dataclass
class Landed:
    """A blow as it fell: when, on how much that was under way, and what came of it."""

    blow: Blow
    at_s: float
    under_way: int
    came_of_it: dict[str, object] = field(default_factory=dict)
