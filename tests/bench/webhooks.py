"""Single signed webhooks, each answered only when it is on disk."""

import json
import random
import time
from pathlib import Path

from tests.bench import raw
from tests.bench.figure import Figure, median, spread, times
from tests.bench.memory import processor_s
from tests.bench.sending import Generator, Sent, request
from tests.bench.site import Prepared, commits, folder_of, placements, rest
from tests.support.office import Office
from tests.support.processes import running
from tests.support.senders import sign
from tests.support.traffic import SKILLS

CONNECTIONS = (16, 64)
MESSAGES, ROUNDS, STUDENTS, SEED = 2560, 3, 400, 20261123


def measure(folder: Path) -> list[Figure]:
    """Rounds of each number of connections and of raw commits take turns."""
    sent: dict[int, list[Sent]] = {connections: [] for connections in CONNECTIONS}
    bare, sizes, chance = [], [], random.Random(SEED)
    with running(folder / "data") as system:
        prepared = placements(Office(system), STUDENTS)
        used = -processor_s(system.pid("ingest"))
        for number in range(ROUNDS):
            for connections in CONNECTIONS:
                before, name = commits(prepared.office), f"{number}-{connections}"
                sent[connections].append(_send(prepared, name, connections, chance, folder))
                made = commits(prepared.office) - before
                sizes.append((connections, MESSAGES / made, made / sent[connections][-1].seconds))
                rest(prepared.office)
                bare.append(raw.commits_per_s(folder_of(folder, f"raw-{name}")))
        sent_in_all = MESSAGES * ROUNDS * len(CONNECTIONS)
        used_us = 1e6 * (used + processor_s(system.pid("ingest"))) / sent_in_all
        assert prepared.office.outcomes(prepared.source) == {"accepted": sent_in_all}
    return [_figure(connections, sent[connections], sizes, bare, used_us) for connections in CONNECTIONS]


def _send(prepared: Prepared, name: str, connections: int, chance: random.Random, folder: Path) -> Sent:
    requests = [_request(prepared, f"{name}-{number}", chance) for number in range(MESSAGES)]
    plan = [requests[number::connections] for number in range(connections)]
    sent = Generator(prepared.office.system.urls["ingest"], plan, folder_of(folder, f"load-{name}")).result()
    assert set(sent.statuses) == {"202"}, sent.statuses
    return sent


def _request(prepared: Prepared, name: str, chance: random.Random) -> bytes:
    score = {"skill": chance.choice(SKILLS), "score": chance.randint(20, 95)}
    student, day = f"s-{chance.randrange(STUDENTS):04}", f"2026-03-{chance.randint(1, 28):02}"
    body = json.dumps({"form": name, "student": student, "day": day, "scores": [score]}).encode()
    headers = sign(prepared.source.secret, f"msg-{name}", int(time.time()), body)
    return request(f"/v1/webhooks/{prepared.source.id}", headers, body)


def _figure(
    connections: int, sent: list[Sent], sizes: list[tuple[int, float, float]], bare: list[float], used_us: float
) -> Figure:
    rates = [MESSAGES / each.seconds for each in sent]
    middle = median(rates)
    per_commit = median(size for count, size, _ in sizes if count == connections)
    commits_per_s = median(rate for count, _, rate in sizes if count == connections)
    slow = [median(each.latency_ms(share) for each in sent) for share in (0.5, 0.99)]
    notes = (
        f"p50 {slow[0]:.1f} ms, p99 {slow[1]:.1f} ms; {per_commit:.0f} requests a commit, {commits_per_s:.0f} commits/s"
        f"; {len(sent)} rounds of {MESSAGES:,} ({spread(rates)}), mastery deciding on the same cores meanwhile."
        f" Ingest takes {used_us:.0f} µs of processor time for each.",
    )
    measure = f"Webhooks accepted durably, {connections} connections"
    against = times(middle, median(bare), "raw one-row commits")
    return Figure(measure, middle, "requests/s", 1000, against=against, notes=notes)
