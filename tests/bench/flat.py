"""A million lines through the stream door: what the three services hold in memory after each hundred thousand."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.memory import MIB, rollup
from tests.bench.sending import Generator, request
from tests.bench.site import Prepared, folder_of, placements, rest
from tests.support.office import Office
from tests.support.processes import SERVICES, running
from tests.support.traffic import SKILLS

LINES = int(os.environ.get("BENCH_LINES", "1000000"))
SAMPLES, BATCH, STUDENTS, SEED = 10, 500, 20_000, 20261125
GROWTH_MAX = 1.1  # of the last half over the first: what is more is no longer noise


@dataclass(frozen=True)
class Held:
    """At rest after so many lines, in bytes: RSS of each service, and PSS of all."""

    lines: int
    resident: tuple[int, ...]
    proportional: int

    def said(self) -> str:
        each = "+".join(f"{rss / MIB:.0f}" for rss in self.resident)
        return f"{self.lines:,}: {self.proportional / MIB:.0f} ({each})"


def measure(folder: Path) -> list[Figure]:
    """Generated, a tenth at a time; each part is sent, decided and awarded before the services are looked at."""
    chance, held = random.Random(SEED), []
    with running(folder / "data") as system:
        prepared = placements(Office(system), STUDENTS)
        path, pids = prepared.stream(), [system.pid(service) for service in SERVICES]
        held.append(_look(0, pids))
        for number in range(SAMPLES):
            _send(prepared, path, number * LINES // SAMPLES, chance, folder_of(folder, f"load-{number}"))
            held.append(_look((number + 1) * LINES // SAMPLES, pids))
        assert prepared.office.outcomes(prepared.source) == {"accepted": LINES}
    return [_figure(held)]


def _send(prepared: Prepared, path: str, done: int, chance: random.Random, folder: Path) -> None:
    headers = {"authorization": f"Bearer {prepared.source.token}"}
    lines = list(_lines(done, chance))
    batches = [
        request(f"{path}?first={done + first + 1}", headers, b"\n".join(lines[first : first + BATCH]))
        for first in range(0, len(lines), BATCH)
    ]
    sent = Generator(prepared.office.system.urls["ingest"], [batches], folder, timeout_s=3600).result()
    assert set(sent.statuses) == {"200"}, sent.statuses
    rest(prepared.office, limit_s=3600)


def _lines(done: int, chance: random.Random) -> Iterator[bytes]:
    """Each about somebody at random, so that every learner's history grows all the time."""
    for number in range(done, done + LINES // SAMPLES):
        score = {"skill": chance.choice(SKILLS), "score": chance.randint(20, 95)}
        student, day = f"s-{chance.randrange(STUDENTS):04}", f"2026-03-{chance.randint(1, 28):02}"
        yield json.dumps({"form": f"f-{number}", "student": student, "day": day, "scores": [score]}).encode()


def _look(lines: int, pids: list[int]) -> Held:
    found = [rollup(pid) for pid in pids]
    return Held(lines, tuple(rss for rss, _ in found), sum(pss for _, pss in found))


def _figure(held: list[Held]) -> Figure:
    """Caches fill in the first half; what the second adds to it is growth with lines."""
    half, last = held[SAMPLES // 2], max(each.proportional for each in held[SAMPLES // 2 :])
    growth = last / half.proportional
    notes = (
        f"Generated lines about {STUDENTS:,} learners at random, each line new evidence, in batches of {BATCH}; PSS of"
        " the three services together in MB (RSS of ingest, mastery, credentials), at rest after so many lines: "
        + "; ".join(each.said() for each in held)
        + ".",
        "The figure is the most of the second half over what was held in its beginning: 1 is flat.",
    )
    return Figure(f"Memory over {LINES:,} streamed lines", growth, "times", GROWTH_MAX, at_most=True, notes=notes)
