"""The Open University's 36,184 results through the stream door, against the ledger's own reckoning of each."""

import json
import random
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.answers import get, standings_of
from tests.support.documents import PERCENT, mapping, policy
from tests.support.ledger.book import Ledger, Piece
from tests.support.ledger.oulad import Assessments, read_rows
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, standings, told
from tests.support.office import Office, Source, identifier_of
from tests.support.paths import SHARED_DATA
from tests.support.processes import SERVICES, wait_for
from tests.support.senders import Courier, Stream
from tests.support.watch import at_rest, behind, peak_memory_mib

FOLDER = SHARED_DATA / "oulad"
POLICY = policy("oulad")
SEED, SAMPLE = 20261123, 200
RESULTS, LEARNERS, BLANK, BANKED = 36_184, 11_747, 18, 713


@dataclass
class OpenUniversity:
    """What is sent, and the ledger of what became of it."""

    office: Office
    assessments: Assessments = field(default_factory=lambda: Assessments(FOLDER))
    ledger: Ledger = field(default_factory=Ledger)
    rows: list[dict[str, str]] = field(default_factory=lambda: list(read_rows(FOLDER)))

    def __post_init__(self) -> None:
        self.lines = [json.dumps(row).encode() for row in self.rows]

    def prepare(self) -> None:
        """Documents, everybody on the roster, and the source."""
        codes = self.assessments.competencies()
        self.office.publish_framework("oulad", {code: identifier_of(code) for code in codes})
        self.office.publish_scale(PERCENT)
        self.office.activate(POLICY)
        self.learners = self.office.enrol("student", sorted({row["id_student"] for row in self.rows}))
        self.source = self.office.source("open-university", mapping("oulad-results"), "virtual")
        self.rest()

    def send(self, source: Source) -> None:
        """The whole file on a new stream, each outcome into the ledger."""
        courier = Courier(self.office.system.urls["ingest"])
        stream = Stream(courier, source)
        stream.open()
        for line, said in zip(self.lines, stream.send_all(self.lines), strict=True):
            self.ledger.answered(self.assessments.piece(line), said["outcome"], said.get("evidence"))
        courier.close()

    def rest(self) -> None:
        """Until nobody has anything left to take in."""
        wait_for(lambda: at_rest(self.office.system.data), 240, "the services are at rest")

    def sample(self) -> list[str]:
        """The same learners every time: everybody with a blank or a banked score, and 200 of the others."""
        special = {row["id_student"] for row in self.rows if not row["score"] or row["is_banked"] == "1"}
        others = random.Random(SEED).sample(sorted(set(self.learners) - special), SAMPLE)
        return sorted(special) + others

    def excluded(self) -> dict[str, str]:
        """The rule by which mastery left out each blank score, by record."""
        found = {}
        blanks = [answer for answer in self.ledger.answers.values() if answer.piece.value is None]
        with self.office.reader("mastery") as mastery:
            for answer in blanks:
                piece = answer.piece
                path = f"/v1/learners/{self.learners[piece.learner]}/why/{piece.competency}"
                (judged,) = get(mastery, path)["policies"]
                rules = {said["evidence"]: said["rule"] for said in judged["trace"]["excluded"]}
                found[piece.record] = rules.get(next(iter(answer.evidence)), "counted")
        return found

    def disagreements(self) -> list[str]:
        """Whose standings are not what the ledger reckons."""
        reckoned = read_policy(POLICY, Fraction(PERCENT["proficient"]))
        found = []
        with self.office.reader("mastery") as mastery:
            for student in self.sample():
                pieces = self.ledger.order[student]
                expected = {code: told(self.ledger, each) for code, each in standings(reckoned, pieces).items()}
                held = standings_of(mastery, self.learners[student], POLICY["policy"]["id"])
                if held != (expected, requirements(reckoned, pieces)):
                    found.append(f"{student}: {held} {expected}")
        return found


@pytest.mark.timeout(600)
def test_the_results_of_the_open_university_count_once_and_as_the_ledger_reckons(office: Office, tmp_path: Path):
    university = OpenUniversity(office)
    university.prepare()

    started = time.monotonic()
    university.send(university.source)
    answered_s = time.monotonic() - started
    wait_for(lambda: not behind(office.system.data, "ingest.learner"), 240, "mastery has taken everything in")
    standing_s = time.monotonic() - started
    university.rest()

    ledger = university.ledger
    assert ledger.outcomes() == {"accepted": RESULTS}
    assert office.outcomes(university.source) == {"accepted": RESULTS}
    assert len({next(iter(answer.evidence)) for answer in ledger.answers.values()}) == RESULTS
    assert len(ledger.order) == LEARNERS
    _the_file_is_the_one_described(university)
    assert set(university.excluded().values()) == {"not_observed"}
    assert university.disagreements() == []

    university.send(university.source)
    university.rest()
    assert ledger.outcomes() == {"accepted": RESULTS, "duplicate": RESULTS}
    assert office.outcomes(university.source) == {"accepted": RESULTS, "duplicate": RESULTS}
    assert university.disagreements() == []
    _report(office, tmp_path, answered_s, standing_s)


def _the_file_is_the_one_described(university: OpenUniversity) -> None:
    pieces: list[Piece] = [answer.piece for answer in university.ledger.answers.values()]
    assert sum(piece.value is None for piece in pieces) == BLANK
    assert sum(row["is_banked"] == "1" for row in university.rows) == BANKED
    assert len(university.excluded()) == BLANK


def _report(office: Office, folder: Path, answered_s: float, standing_s: float) -> None:
    memory = {service: round(peak_memory_mib(office.system.pid(service)), 1) for service in SERVICES}
    figures = {
        "evidence": RESULTS,
        "answered_s": round(answered_s, 2),
        "standing_s": round(standing_s, 2),
        "evidence_per_s": round(RESULTS / standing_s),
        "peak_memory_mib": memory | {"together": round(sum(memory.values()), 1)},
    }
    (folder / "oulad.json").write_text(json.dumps(figures, indent=2))
    print(f"\n{json.dumps(figures)}")
