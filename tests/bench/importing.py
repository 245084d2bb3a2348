"""Single webhooks of one tenant while another tenant's large file is taken and settled: who waits, and how long."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.figure import Figure
from tests.bench.paced import Answer, Pace, Paced
from tests.bench.site import folder_of, placements
from tests.support.documents import mapping
from tests.support.office import Office, Source
from tests.support.processes import running, wait_for
from tests.support.traffic import SKILLS
from tests.support.watch import imported

LINES = int(os.environ.get("BENCH_IMPORT_LINES", "1000000"))
SECONDS = float(os.environ.get("BENCH_IMPORT_SECONDS", "60"))  # of settling; 0 watches the file to its end
PER_S, QUIET_S = 20.0, 5.0
STUDENTS, WRITTEN_AT_ONCE = 400, 1000
BIG, SMALL = "maple", "birch"
TARGET_MS = 250
LIMIT_S = 3600


@dataclass(frozen=True)
class Phases:
    """When the file's first byte went out, when it was taken, when its first rows were settled, and the end."""

    began: float
    taken: float
    settling: float
    ended: float
    settled: int  # rows, at the end


def measure(folder: Path) -> list[Figure]:
    """On the embedded log and SQLite."""
    with running(folder / "data") as system:
        return [watched(Office(system, BIG), Office(system, SMALL), folder, "embedded")]


def watched(big: Office, small: Office, folder: Path, where: str) -> Figure:
    """The figure; the file may still be settled when it is had."""
    forms, rows = placements(small, STUDENTS).source, _rows_source(big)
    file = _file(folder_of(folder, "file") / "rows.csv")
    pace = Pace(small.system.urls["ingest"], forms.id, forms.secret, STUDENTS, PER_S)
    with Paced(pace) as paced:
        time.sleep(QUIET_S)
        phases = _import(big, rows, file)
    return _figure(where, phases, paced.answers)


def _rows_source(office: Office) -> Source:
    placements(office, STUDENTS)
    return office.source("rows", mapping("percent-rows"), "virtual")


def _file(path: Path) -> Path:
    with path.open("w") as file:
        file.write("task,student,day,skill,score\n")
        for first in range(0, LINES, WRITTEN_AT_ONCE):
            file.writelines(_line(n) for n in range(first, min(first + WRITTEN_AT_ONCE, LINES)))
    return path


def _line(n: int) -> str:
    return f"t-{n},s-{n % STUDENTS:04},2026-03-{1 + n % 28:02},{SKILLS[n % len(SKILLS)]},{20 + n % 75}\n"


def _import(office: Office, source: Source, file: Path) -> Phases:
    store = office.system.store
    began = time.perf_counter()
    with office.system.client("ingest", source.token) as client:
        answer = client.post(f"/v1/files/{source.id}", content=_pieces(file), timeout=httpx.Timeout(600))
    assert answer.status_code == 202, answer.text
    taken = time.perf_counter()
    wait_for(lambda: imported(store)[0] > 0, LIMIT_S, "the first rows are settled")
    settling = time.perf_counter()
    wait_for(lambda: _enough(imported(store), settling), LIMIT_S, "enough of the file is settled")
    return Phases(began, taken, settling, time.perf_counter(), imported(store)[0])


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as read:
        while piece := read.read(1 << 20):
            yield piece


def _enough(rows: tuple[int, int], since: float) -> bool:
    return rows[0] == rows[1] or 0 < SECONDS <= time.perf_counter() - since


def _figure(where: str, phases: Phases, answers: Sequence[Answer]) -> Figure:
    during = [each for each in answers if phases.began <= each.due <= phases.ended]
    parts = {
        "before it": [each for each in answers if each.due < phases.began],
        "while it came": [each for each in during if each.due < phases.taken],
        "while it was looked through": [each for each in during if phases.taken <= each.due < phases.settling],
        "while its rows were settled": [each for each in during if each.due >= phases.settling],
    }
    assert {each.status for each in during} <= {202, 200}, "a webhook was not taken"  # 200: one that was sent again
    rate = phases.settled / (phases.ended - phases.settling)
    notes = (
        f"{PER_S:.0f} webhooks a second of one tenant, timed from when each was due, while a CSV of {LINES:,} lines of"
        f" another was taken ({phases.taken - phases.began:.0f} s), looked through"
        f" ({phases.settling - phases.taken:.0f} s) and settled for {phases.ended - phases.settling:.0f} s:"
        f" {phases.settled:,} rows, {rate:,.0f} a second. All three services, the sender and whatever serves them share"
        " the cores.",
        *(f"{name.capitalize()}: {_told(part)}." for name, part in parts.items() if part),
    )
    name = f"A webhook's 202 beside another tenant's import, p99, {where}"
    return Figure(name, _share(during, 0.99), "ms", TARGET_MS, at_most=True, notes=notes)


def _told(answers: Sequence[Answer]) -> str:
    slow = [_share(answers, share) for share in (0.5, 0.99, 1.0)]
    return f"{len(answers)} sent, p50 {slow[0]:.0f} ms, p99 {slow[1]:.0f} ms, longest {slow[2]:.0f} ms"


def _share(answers: Sequence[Answer], share: float) -> float:
    """The latency that this share of them did not exceed, in milliseconds."""
    latencies = sorted(each.latency_ms for each in answers)
    return latencies[min(len(latencies) - 1, int(share * len(latencies)))]
