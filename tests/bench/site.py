"""The three services as `wayproof up` runs them, with documents, people and sources in place."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.documents import PERCENT, mapping, policy
from tests.support.ledger.oulad import Assessments, read_rows
from tests.support.office import Office, Source, identifier_of
from tests.support.paths import SHARED_DATA
from tests.support.processes import SERVICES, wait_for
from tests.support.traffic import SKILLS
from tests.support.watch import at_rest, behind

OULAD = SHARED_DATA / "oulad"
STANDING_LIMIT_S = 240


@dataclass
class Prepared:
    """A source, and which learner each of its identifiers means."""

    office: Office
    source: Source
    learners: dict[str, str]

    def stream(self) -> str:
        """The path of a new stream's lines."""
        with self.office.system.client("ingest", self.source.token) as client:
            return f"/v1/streams/{client.post('/v1/streams').json()['stream']}/lines"


def open_university(office: Office) -> tuple[Prepared, list[dict[str, str]]]:
    """Everybody whose results are known, enrolled; and the results."""
    assessments, rows = Assessments(OULAD), list(read_rows(OULAD))
    office.publish_framework("oulad", {code: identifier_of(code) for code in assessments.competencies()})
    office.publish_scale(PERCENT)
    office.activate(policy("oulad"))
    learners = office.enrol("student", sorted({row["id_student"] for row in rows}))
    source = office.source("open-university", mapping("oulad-results"), "virtual")
    rest(office)
    return Prepared(office, source, learners), rows


def placements(office: Office, students: int) -> Prepared:
    """Students on placements, whose employers send a form for each score."""
    office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
    office.publish_scale(PERCENT)
    office.activate(policy("ups-and-downs"))
    learners = office.enrol("student", [f"s-{number:04}" for number in range(students)])
    source = office.source("placements", mapping("percent-forms"), "work_based")
    rest(office)
    return Prepared(office, source, learners)


def wait_for_standing(office: Office) -> float:
    """When mastery has decided everything that ingest has told: each event, position and threshold is on disk."""
    deadline = time.monotonic() + STANDING_LIMIT_S
    while behind(office.system.store, "ingest.learner"):
        assert time.monotonic() < deadline, "mastery never caught up"
        time.sleep(0.01)
    return time.perf_counter()


def rest(office: Office, limit_s: float = STANDING_LIMIT_S) -> None:
    """Until nobody has anything left to do, by the stores and by what the services say."""
    wait_for(lambda: at_rest(office.system.store), limit_s, "the services are at rest")
    wait_for(lambda: all(idle(office, service) for service in SERVICES), 30, "the services say so too")


def commits(office: Office) -> float:
    """Transactions of ingest's group commit since its start."""
    text = httpx.get(f"{office.system.urls['ingest']}/metrics", trust_env=False).text
    counts = [line for line in text.splitlines() if line.startswith("wayproof_commit_size_count") and "group" in line]
    return float(counts[0].split()[-1])


def idle(office: Office, service: str) -> bool:
    """Whether the service says that it has nothing left to do."""
    said = httpx.get(f"{office.system.urls[service]}/health/progress", trust_env=False).json()
    return all(count == 0 for count in said.values())


def folder_of(parent: Path, name: str) -> Path:
    """A fresh folder."""
    made = parent / name
    made.mkdir(parents=True)
    return made
