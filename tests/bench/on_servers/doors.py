"""What ingest accepts durably on PostgreSQL: single signed webhooks, and stream lines in batches."""

import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench import webhooks
from tests.bench.figure import Figure, median, spread
from tests.bench.on_servers.system import running_on_servers, told_us
from tests.bench.sending import Generator, Sent, request
from tests.bench.site import Prepared, folder_of, placements, rest
from tests.support.documents import mapping
from tests.support.office import Office, Source
from tests.support.traffic import SKILLS

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
LINES = int(os.environ.get("BENCH_BATCHED", "20000"))
CONNECTIONS, BATCH, STREAMS = (16, 64), 500, 4
SINGLE, BATCHED = 3000, 15_000


def measure(folder: Path) -> list[Figure]:
    """Rounds of each number of connections and of batches take turns; each rests before the next begins."""
    rates: dict[str, list[float]] = {}
    used: dict[str, str] = {}
    with running_on_servers(folder) as site:
        prepared = placements(Office(site.system), webhooks.STUDENTS)
        lines = prepared.office.source("lines", mapping("percent-lines"), "work_based")
        chance = random.Random(webhooks.SEED)
        for number in range(ROUNDS):
            for name, connections in {f"{each} connections": each for each in CONNECTIONS}.items():
                before = site.used_s()
                sent = webhooks._send(prepared, f"{number}-{connections}", connections, chance, folder)
                rates.setdefault(name, []).append(webhooks.MESSAGES / sent.seconds)
                rest(prepared.office)
                used[name] = told_us(before, site.used_s(), webhooks.MESSAGES)
            before = site.used_s()
            sent = _stream(Prepared(prepared.office, lines, {}), lines, number, folder)
            rates.setdefault("batches", []).append(LINES / sent.seconds)
            rest(prepared.office)
            used["batches"] = told_us(before, site.used_s(), LINES)
    return [_figure(name, rates[name], used) for name in rates]


def _stream(prepared: Prepared, source: Source, number: int, folder: Path) -> Sent:
    headers, plan = {"authorization": f"Bearer {source.token}"}, []
    for stream in range(STREAMS):
        path, lines = prepared.stream(), [_line(f"{number}-{n}", n) for n in range(stream, LINES, STREAMS)]
        firsts = range(0, len(lines), BATCH)
        plan.append([request(f"{path}?first={n + 1}", headers, b"\n".join(lines[n : n + BATCH])) for n in firsts])
    sent = Generator(prepared.office.system.urls["ingest"], plan, folder_of(folder, f"stream-{number}")).result()
    assert set(sent.statuses) == {"200"}, sent.statuses
    return sent


def _line(task: str, n: int) -> bytes:
    said = {"task": task, "student": f"s-{n % webhooks.STUDENTS:04}", "day": f"2026-03-{1 + n % 28:02}"}
    return json.dumps({**said, "skill": SKILLS[n % len(SKILLS)], "score": 20 + n % 75}).encode()


def _figure(name: str, rates: Sequence[float], used: Mapping[str, str]) -> Figure:
    batched = name == "batches"
    measure = f"Accepted durably on PostgreSQL, {f'batches of {BATCH}' if batched else f'webhooks, {name}'}"
    notes = (
        f"{len(rates)} rounds ({spread(rates)}), mastery and credentials at work on the same cores meanwhile."
        f" Processor time of each, until all is at rest, in the last round: {used[name]}.",
    )
    return Figure(measure, median(rates), "a second", BATCHED if batched else SINGLE, notes=notes)
