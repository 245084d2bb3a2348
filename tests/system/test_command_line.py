"""The command line against real processes: a sender and a service killed on the way, and a log mended on advice."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.demo.school import TENANT, open_school, roster
from services.demo.senders import VIRTUAL, Registrar
from services.demo.site import Site
from services.runtime.clock import SystemClock
from services.runtime.log.topic_file import OFFSET_BITS
from tests.support.exposition import read
from tests.support.paths import ROOT
from tests.support.processes import Wayproof, running, wait_for

pytestmark = pytest.mark.system

SOURCE = f"{TENANT}.{VIRTUAL}"
LINES = 12_000


class School:
    """The sample school on a running system."""

    def __init__(self, system: Wayproof) -> None:
        self.system = system
        self.site = Site(system.data, SystemClock(), system.urls)
        self.people = open_school()
        Registrar(self.site).prepare(self.people)
        self.key = self.site.key("source", source=SOURCE)

    def file(self, path: Path, lines: int) -> Path:
        """Lines of the virtual school for all students, levels up and down; every hundredth cannot be read."""
        numbers = [person["identifiers"]["student-number"] for person in roster(self.people)]
        with path.open("w") as out:
            for n in range(lines):
                skill, level = "SAFE" if n % 100 else "no such skill", 3 - 2 * (n // len(numbers) % 2)
                said = {
                    "student_number": numbers[n % len(numbers)],
                    "project": f"p-{n}",
                    "skill": skill,
                    "level": level,
                }
                out.write(json.dumps({**said, "reviewer": "v-1", "finished": "2026-09-24T15:30:00Z"}) + "\n")
        return path

    def send(self, file: Path) -> subprocess.Popen[str]:
        environment = {**os.environ, "WAYPROOF_INGEST_URL": self.system.urls["ingest"], "WAYPROOF_KEY": self.key}
        command = [sys.executable, "-m", "services", "send", str(file), "--source", SOURCE, "--json"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)

    def received(self) -> dict[str, float]:
        """How all the source sent ended, by the service's own metrics; nothing while it is away."""
        with self.system.client("ingest") as http:
            exposed = read(http.get("/metrics").raise_for_status().text)
        found = exposed.by("wayproof_outcomes_total", "outcome", source=SOURCE)
        return found | exposed.by("wayproof_waiting", "outcome", source=SOURCE)


def test_a_file_is_sent_whole_though_its_sender_and_the_service_are_killed_on_the_way(tmp_path):
    with running(tmp_path / "data") as system:
        school = School(system)
        file = school.file(tmp_path / "lines.ndjson", LINES)
        place = tmp_path / f".{file.name}.wayproof-stream"
        first = school.send(file)
        wait_for(lambda: place.exists() and json.loads(place.read_bytes())["next_line"] > 1000, 60, "some were sent")
        first.kill()
        first.communicate()
        assert 1000 < json.loads(place.read_bytes())["next_line"] <= LINES, "killed too late to show anything"

        second = school.send(file)
        reached = json.loads(place.read_bytes())["next_line"]
        wait_for(lambda: json.loads(place.read_bytes())["next_line"] > reached + 1000, 60, "more were sent")
        os.kill(system.pid("ingest"), signal.SIGKILL)
        said, complaints = second.communicate(timeout=120)

        assert second.returncode == 0, complaints
        answer = json.loads(said)
        assert answer["next_line"] == LINES + 1
        assert sum(answer["outcomes"].values()) + answer.get("taken_without_answer", 0) == LINES
        assert "Trying again." in complaints, "the service was not away while it was needed"
        ended = {outcome: count for outcome, count in school.received().items() if count}
        assert ended == {"accepted": LINES - LINES // 100, "quarantined": LINES // 100}
        assert not place.exists()


class Unready(Wayproof):
    """Started when its services answer, ready or not."""

    def wait_ready(self, within_s: float = 60.0) -> None:
        wait_for(self._live, within_s, "the services answer")

    def _live(self) -> bool:
        try:
            self.urls = {name: found["url"] for name, found in self.state().items()}
            return all(httpx.get(f"{url}/health/live", trust_env=False).is_success for url in self.urls.values())
        except (httpx.TransportError, FileNotFoundError):
            return False

    def doctor(self) -> tuple[int, list[dict[str, str]]]:
        examined = self.command("doctor", "--json")
        return examined.returncode, json.loads(examined.stdout)["findings"]

    def republish_advised(self) -> list[str]:
        """The commands the doctor names."""
        return [found["remedy"] for found in self.doctor()[1] if "republish" in found["remedy"]]


def test_a_log_that_lost_records_is_mended_by_the_command_the_doctor_names(tmp_path):
    with running(tmp_path / "data") as system:
        school = School(system)
        file = school.file(tmp_path / "lines.ndjson", 400)
        assert school.send(file).wait(60) == 0
        school.site.settle()
    part, seqs = lose_some(system.data / "log" / "mastery.learner.db")
    shutil.rmtree(system.data / "credentials")  # it begins again, from a log that lacks something
    (system.data / "log" / "credentials.learner.db").unlink(missing_ok=True)
    mended = Unready(system.data)
    mended.start()
    try:
        wait_for(mended.republish_advised, 60, "the gap is noticed")
        words = f"republish --service mastery --topic mastery.learner --partition {part} --from-seq {seqs[0]}"
        assert mended.doctor()[0] == 1
        assert mended.republish_advised() == [f"wayproof {words}"]
        done = mended.command(*words.split())
        assert done.returncode == 0, done.stderr
        wait_for(lambda: mended.doctor()[0] == 0, 60, "all is well")
        wait_for(lambda: consumed(mended.data) == sent(mended.data), 30, "all was read")
        with mended.client("credentials") as http:
            exposed = read(http.get("/metrics").text)
        assert exposed.by("wayproof_dead_letters", "topic") == {}
    finally:
        assert mended.stop() == 0


def lose_some(log: Path) -> tuple[int, list[int]]:
    """Two records of a partition are gone, with others before and after them."""
    with closing(sqlite3.connect(log)) as connection:
        rows = connection.execute("SELECT id, seq FROM record ORDER BY id").fetchall()
        parts = {place >> OFFSET_BITS for place, _ in rows}
        part = max(parts, key=lambda each: len([1 for place, _ in rows if place >> OFFSET_BITS == each]))
        lost = [(place, seq) for place, seq in rows if place >> OFFSET_BITS == part][4:6]
        connection.executemany("DELETE FROM record WHERE id = ?", [(place,) for place, _ in lost])
        connection.commit()
    return part, [seq for _, seq in lost]


def consumed(data: Path) -> dict[int, int]:
    query = "SELECT part, last_seq FROM position WHERE topic = 'mastery.learner' AND last_seq > 0"
    return rows_of(data / "credentials" / "credentials.db", query)


def sent(data: Path) -> dict[int, int]:
    query = "SELECT part, last_seq FROM outbox_head WHERE topic = 'mastery.learner'"
    return rows_of(data / "mastery" / "mastery.db", query)


def rows_of(path: Path, query: str) -> dict[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute(query).fetchall())
