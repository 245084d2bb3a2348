"""From the door to the credential on Kafka and PostgreSQL: a stream in which every 200th piece earns one."""

import json
import os
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg

from tests.bench.figure import Figure
from tests.bench.on_servers.system import Site, running_on_servers, told_us
from tests.bench.sending import Generator, request
from tests.bench.site import Prepared, folder_of, rest
from tests.support.documents import PERCENT, mapping
from tests.support.office import Office, identifier_of

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
TARGET, EACH, IN_TURN, BATCH, STREAMS = 5000, 200, 50, 500, 4
LIMIT_S = 1800
FIRST_DAY, LATE_EACH, LATE_DAYS = date(2026, 1, 15), 20, 7
POLICY = {
    "policy": {"id": "long", "version": 1},
    "frameworks": [{"id": "skills", "version": 1}],
    "scales": [{"id": "percent", "version": 1}],
    "competencies": {
        "TEAM": {
            "estimate": {"method": "latest"},
            "gate": {"count": EACH, "at_least": "50"},
            "decide": {"at_least": "50"},
        }
    },
    "requirements": {"shown": {"all_of": [{"leaf": "TEAM"}]}},
}


def measure(folder: Path) -> list[Figure]:
    """As much as the target takes in that time, as fast as it is taken; until the last credential is on disk."""
    learners = max(1, int(SECONDS * TARGET / EACH))
    pieces = learners * EACH
    with running_on_servers(folder) as site:
        prepared = _prepared(Office(site.system), learners)
        before = site.used_s()
        began = _send(prepared, learners, folder)
        seconds = _all_ready(site, learners) - began[0]
        used = told_us(before, site.used_s(), pieces)
        assert prepared.office.outcomes(prepared.source) == {"accepted": pieces}
        rest(prepared.office)
        assert _credentials(site) == learners
    notes = (
        f"{pieces:,} pieces of {learners:,} learners, one credential for each {EACH}, over {STREAMS} connections in"
        f" batches of {BATCH}, each learner's in the order of days but for every {LATE_EACH}th, on one Kafka and one"
        f" PostgreSQL that commits to disk. The clock runs {seconds:.0f} s,"
        f" from the first byte to the last credential signed on disk; ingest had taken the last piece after"
        f" {began[1]:.0f} s.",
        f"Processor time a piece: {used}. The client is not in it, and shares the cores.",
    )
    return [Figure("From the door to the credential on servers", pieces / seconds, "evidence/s", TARGET, notes=notes)]


def _prepared(office: Office, learners: int) -> Prepared:
    office.publish_framework("skills", {"TEAM": identifier_of("TEAM")})
    office.publish_scale(PERCENT)
    office.activate(POLICY)
    office.define("team", "long", "shown")
    known = office.enrol("student", [f"s-{number:05}" for number in range(learners)])
    source = office.source("placements", mapping("percent-lines"), "work_based")
    rest(office)
    return Prepared(office, source, known)


def _send(prepared: Prepared, learners: int, folder: Path) -> tuple[float, float]:
    """When the first byte went out, and how long until the last was taken."""
    headers = {"authorization": f"Bearer {prepared.source.token}"}
    plan = []
    for number in range(STREAMS):
        path, lines = prepared.stream(), list(_lines(range(number, learners, STREAMS)))
        firsts = range(0, len(lines), BATCH)
        plan.append([request(f"{path}?first={n + 1}", headers, b"\n".join(lines[n : n + BATCH])) for n in firsts])
    sent = Generator(prepared.office.system.urls["ingest"], plan, folder_of(folder, "load"), LIMIT_S).result()
    assert set(sent.statuses) == {"200"}, sent.statuses
    return sent.started, sent.seconds


def _lines(students: range) -> Iterator[bytes]:
    """Some learners take turns until each has shown enough; then the next, so that credentials come all the time."""
    for first in range(0, len(students), IN_TURN):
        for turn in range(EACH):
            for student in students[first : first + IN_TURN]:
                said = {"task": f"t-{student}-{turn}", "student": f"s-{student:05}", "day": _day(student, turn)}
                yield json.dumps({**said, "skill": "TEAM", "score": 60 + turn % 40}).encode()


def _day(student: int, turn: int) -> str:
    """One day after the other; every twentieth piece comes a week late."""
    late = LATE_DAYS if (student + turn) % LATE_EACH == 0 else 0
    return (FIRST_DAY + timedelta(days=turn - late)).isoformat()


def _all_ready(site: Site, learners: int) -> float:
    deadline = time.monotonic() + LIMIT_S
    while _credentials(site) < learners:
        assert time.monotonic() < deadline, "credentials are missing"
        time.sleep(0.1)
    return time.perf_counter()


def _credentials(site: Site) -> int:
    with psycopg.connect(site.system.store) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT count(*) FROM credentials.credential").fetchone()
        assert row is not None
        return int(row[0])
