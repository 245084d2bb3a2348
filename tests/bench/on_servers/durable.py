"""Evidence to durable state on PostgreSQL: against the naive loop, against COPY of its rows, and by two processes."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.runtime.store.postgres_schema import migrate
from services.runtime.tenancy import every_tenant
from tests.bench.figure import Figure, median, spread, times
from tests.bench.judging import POLICY
from tests.bench.naive import items_per_s, on_postgres
from tests.bench.on_servers.cluster import durable_postgres, family_s
from tests.bench.on_servers.copying import Copying
from tests.bench.on_servers.shape import Shape
from tests.bench.on_servers.writing import Process, all_ready, together
from tests.bench.site import folder_of
from tests.mastery.world import World
from tests.servers import Postgres

LEARNERS = int(os.environ.get("BENCH_LEARNERS", "250"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
EACH, BATCH, NAIVE_LEARNERS = 40, 500, 10
NAMES = {
    "mastery": "Evidence to durable standing on PostgreSQL",
    "store": "The store's part of it: seal, chain, commit",
}


@dataclass
class Rounds:
    """What one part of the path did, round by round."""

    alone: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)
    ours_us: list[float] = field(default_factory=list)  # of processor time a piece
    server_us: list[float] = field(default_factory=list)
    both_us: list[float] = field(default_factory=list)  # of ours and the server's, with two processes
    rows_each: float = 1.0


def measure(folder: Path) -> list[Figure]:
    """Rounds of the naive loop, of each part by one process and by two, and of COPY take turns."""
    with durable_postgres() as cluster:
        bench = _Bench(cluster, folder)
        for number in range(ROUNDS):
            bench.naive_round(number)
            for part in NAMES:
                bench.round(part, number)
    return [figure for part in NAMES for figure in _figures(part, bench)]


class _Bench:
    def __init__(self, cluster: Postgres, folder: Path) -> None:
        self.cluster, self._folder = cluster, folder
        self.naive: list[float] = []
        self.parts = {part: Rounds() for part in NAMES}
        self._places = {part: self._place(part) for part in NAMES}

    def naive_round(self, number: int) -> None:
        items = list(Shape(0, NAIVE_LEARNERS, EACH, BATCH, f"naive {number}").items())
        url = self.cluster.fresh()
        self.naive.append(items_per_s(items, on_postgres(url)))
        self.cluster.drop(url)

    def round(self, part: str, number: int) -> None:
        """One process, COPY of what it wrote, two processes."""
        rounds, copying = self.parts[part], self._places[part][2]
        before = copying.last(0)
        pieces, seconds, ours_s, server_s = self._write(part, [Shape(0, LEARNERS, EACH, BATCH, f"{part} {number}")])
        rows = copying.rows(0, before)
        rounds.rows_each = len(rows) / pieces
        rounds.alone.append(pieces / seconds)
        rounds.ours_us.append(1e6 * ours_s / pieces)
        rounds.server_us.append(1e6 * server_s / pieces)
        rounds.copied.append(copying.rows_per_s(rows, round(BATCH * rounds.rows_each)) / rounds.rows_each)
        two = [Shape(part_, LEARNERS, EACH, BATCH, f"{part} {number}/{part_}") for part_ in (0, 1)]
        pieces, seconds, ours_s, server_s = self._write(part, two)
        rounds.both.append(pieces / seconds)
        rounds.both_us.append(1e6 * (ours_s + server_s) / pieces)

    def _write(self, part: str, shapes: list[Shape]) -> tuple[int, float, float, float]:
        """Pieces written, seconds, and the processor time of the writers and of the server."""
        url, folder, _ = self._places[part]
        processes = [Process(part, url, folder, shape) for shape in shapes]
        all_ready(processes)
        before = family_s(self.cluster.pid)
        written = together(processes)
        server_s = family_s(self.cluster.pid) - before
        seconds = max(each.ended for each in written) - min(each.began for each in written)
        return sum(s.pieces for s in shapes), seconds, sum(each.processor_s for each in written), server_s

    def _place(self, part: str) -> tuple[str, Path, Copying]:
        """A database with the policy in force, and the folder of its keys."""
        url, folder = self.cluster.fresh(), folder_of(self._folder, part)
        migrate(url, "mastery", MASTERY_MIGRATIONS)
        world = _OnPostgres(folder, url)
        with every_tenant("bench"):
            listed = world.put(POLICY, activate=False)
            world.activate(listed["policy"], listed["version"], effective_from="2026-01-01T00:00:00Z")
            world.service.close()
        return url, folder, Copying(url)


class _OnPostgres(World):
    """The tests' world, its store on a server."""

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        super().__init__(folder, at="2026-11-01")

    def start(self, **said: object) -> None:
        super().start(store_url=self._url, **said)


def _figures(part: str, bench: _Bench) -> list[Figure]:
    rounds, name, naive = bench.parts[part], NAMES[part], median(bench.naive)
    alone, copied, both = median(rounds.alone), median(rounds.copied), median(rounds.both)
    ours, server, both_us = (median(each) for each in (rounds.ours_us, rounds.server_us, rounds.both_us))
    busy = alone * (ours + server) / 1e6
    cores = len(os.sched_getaffinity(0))
    notes = (
        f"One process, batches of {BATCH}: {alone:,.0f} evidence/s ({spread(rounds.alone)}), median of {ROUNDS} rounds"
        f" of {LEARNERS * EACH:,} pieces, {EACH} of each learner, who take turns. {_CONTENTS[part]}",
        f"Processor time a piece: ours {ours:.0f} µs, PostgreSQL {server:.0f} µs."
        f" The naive loop (the library's PostgreSQL module as shipped) does {naive:,.0f} ({spread(bench.naive)}) on"
        f" {NAIVE_LEARNERS} learners with as many pieces, and seals, chains and publishes nothing.",
    )
    copying = (
        f"The events' rows alone ({rounds.rows_each:.2f} a piece), as many a commit, into a table with the same columns"
        f" and indexes: no heads, outbox, position or row-level security. {copied:,.0f} evidence/s"
        f" ({spread(rounds.copied)}).",
    )
    limit = (
        f"{both:,.0f} evidence/s ({spread(rounds.both)}). One process and PostgreSQL keep {busy:.2f} of {cores} cores"
        f" busy; with two a piece takes {both_us:.0f} µs of processor time in all, so {cores} cores give at most"
        f" {cores * 1e6 / both_us:,.0f}/s.",
    )
    return [
        Figure(name, alone / naive, "times", 45, against=times(alone, naive, "the naive loop"), notes=notes),
        Figure(f"{name}, to COPY", alone / copied, "times", 0.4, against=times(alone, copied, "COPY"), notes=copying),
        Figure(f"{name}, two processes", both / alone, "times", 1.8, against=times(both, alone, "one"), notes=limit),
    ]


_CONTENTS = {
    "mastery": "Records as the consumer hands them on are opened, checked, decided on and chained; thresholds are"
    " sealed into the outbox; events, heads, position and outbox go in one fenced commit.",
    "store": "Events that are decided are sealed under their learner's key, chained and committed with heads,"
    " position and one message in the outbox for ten events, under the fence.",
}
