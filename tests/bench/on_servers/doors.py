"""What ingest accepts durably on PostgreSQL: single signed webhooks, and stream lines in batches."""

import json
import os
import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from tests.bench import webhooks
from tests.bench.figure import Figure, median, spread
from tests.bench.on_servers.system import Site, running_on_servers, told_us
from tests.bench.sending import Generator, Sent, request
from tests.bench.site import Prepared, folder_of, idle, placements, rest
from tests.support.documents import mapping
from tests.support.office import Office
from tests.support.processes import wait_for
from tests.support.traffic import SKILLS

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
LINES = int(os.environ.get("BENCH_BATCHED", "20000"))
CONNECTIONS, BATCH, STREAMS = (16, 64), 500, 4
SINGLE, BATCHED = 3000, 15_000
ALONE = ", ingest alone"


def measure(folder: Path) -> list[Figure]:
    """Rounds of each kind take turns; each rests before the next begins.

    Those of ingest alone come last: what they send makes mastery's learners longer, and its work on each piece dearer.
    """
    with running_on_servers(folder) as site:
        rounds = Rounds(site, placements(Office(site.system), webhooks.STUDENTS), folder)
        for number in range(ROUNDS):
            for connections in CONNECTIONS:
                rounds.single(f"{number}", connections)
            rounds.batched(f"{number}")
        for number in range(ROUNDS):
            rounds.single(f"{number}-alone", CONNECTIONS[-1], alone=True)
            rounds.batched(f"{number}-alone", alone=True)
    return rounds.figures()


class Rounds:
    """What was sent so far, by kind: how fast it was taken, and whose processor time the last round took."""

    def __init__(self, site: Site, prepared: Prepared, folder: Path) -> None:
        self._site, self._prepared, self._folder = site, prepared, folder
        lines = prepared.office.source("lines", mapping("percent-lines"), "work_based")
        self._lines = Prepared(prepared.office, lines, {})
        self._chance = random.Random(webhooks.SEED)
        self._rates: dict[str, list[float]] = {}
        self._used: dict[str, str] = {}

    def single(self, name: str, connections: int, *, alone: bool = False) -> None:
        """Signed webhooks."""
        name = f"{name}-{connections}"
        send = partial(webhooks._send, self._prepared, name, connections, self._chance, self._folder)
        self._take(f"webhooks, {connections} connections", webhooks.MESSAGES, send, alone=alone)

    def batched(self, name: str, *, alone: bool = False) -> None:
        """Lines of streams."""
        send = partial(_stream, self._lines, name, self._folder)
        self._take(f"batches of {BATCH}", LINES, send, alone=alone)

    def _take(self, kind: str, pieces: int, send: Callable[[], Sent], *, alone: bool) -> None:
        kind += ALONE if alone else ""
        office, before = self._prepared.office, self._site.used_s()
        with self._site.standing_still("mastery", "credentials") if alone else nullcontext():
            self._rates.setdefault(kind, []).append(pieces / send().seconds)
            if alone:
                wait_for(lambda: idle(office, "ingest"), 60, "all that was taken is on the log")
            else:
                rest(office)
            self._used[kind] = told_us(before, self._site.used_s(), pieces)
        rest(office)

    def figures(self) -> list[Figure]:
        """One for each kind."""
        return [_figure(kind, rates, self._used[kind]) for kind, rates in self._rates.items()]


def _stream(prepared: Prepared, name: str, folder: Path) -> Sent:
    headers, plan = {"authorization": f"Bearer {prepared.source.token}"}, []
    for stream in range(STREAMS):
        path, lines = prepared.stream(), [_line(f"{name}-{n}", n) for n in range(stream, LINES, STREAMS)]
        firsts = range(0, len(lines), BATCH)
        plan.append([request(f"{path}?first={n + 1}", headers, b"\n".join(lines[n : n + BATCH])) for n in firsts])
    sent = Generator(prepared.office.system.urls["ingest"], plan, folder_of(folder, f"stream-{name}")).result()
    assert set(sent.statuses) == {"200"}, sent.statuses
    return sent


def _line(task: str, n: int) -> bytes:
    said = {"task": task, "student": f"s-{n % webhooks.STUDENTS:04}", "day": f"2026-03-{1 + n % 28:02}"}
    return json.dumps({**said, "skill": SKILLS[n % len(SKILLS)], "score": 20 + n % 75}).encode()


def _figure(kind: str, rates: Sequence[float], used: str) -> Figure:
    others = "stand still (SIGSTOP)" if kind.endswith(ALONE) else "at work on the same cores"
    notes = (
        f"{len(rates)} rounds ({spread(rates)}), mastery and credentials {others} meanwhile."
        f" Processor time of each, until all is at rest, in the last round: {used}.",
    )
    target = BATCHED if kind.startswith("batches") else SINGLE
    return Figure(f"Accepted durably on PostgreSQL, {kind}", median(rates), "a second", target, notes=notes)
