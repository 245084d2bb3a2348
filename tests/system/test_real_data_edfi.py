"""Ed-Fi's sample through the file door: 984 objective results of 82 student assessments, against the ledger."""

import gzip
from fractions import Fraction
from typing import Any

import pytest

from tests.support.answers import standings_of
from tests.support.documents import PERCENT, mapping, policy
from tests.support.ledger.book import Ledger, Piece
from tests.support.ledger.edfi import Result, read_objectives, read_results
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, standings, told
from tests.support.office import Office, Source, identifier_of
from tests.support.paths import SHARED_DATA
from tests.support.processes import wait_for
from tests.support.watch import at_rest

FOLDER = SHARED_DATA / "edfi"
ASSESSMENTS = FOLDER / "StudentAssessment-LearningStandardsMastery.xml.gz"
OBJECTIVES = read_objectives(FOLDER / "AssessmentMetadata-LearningStandardsMastery.xml.gz")
RESULTS = read_results(ASSESSMENTS, OBJECTIVES)
POLICY = policy("edfi")
# Of 12 objectives six have items of several standards: what such a score says of any one of them cannot be told.
TAKEN, SILENT, STUDENTS = 492, 492, 82
FIRST = {"accepted": TAKEN, "no_claim": SILENT}
AGAIN = {"duplicate": TAKEN, "no_claim": SILENT}


@pytest.mark.timeout(600)
def test_the_objective_results_count_once_and_as_the_ledger_reckons(office: Office):
    pieces = [result.piece for result in RESULTS if result.piece]
    office.publish_framework("common-core", {code: identifier_of(code) for code in POLICY["competencies"]})
    office.publish_scale(PERCENT)
    office.activate(POLICY)
    learners = office.enrol("student-unique-id", sorted({result.student for result in RESULTS}))
    source = office.source("state-assessments", aligned(), "classroom")

    first = _import(office, source, ASSESSMENTS.read_bytes())
    assert (first["state"], first["rows_total"], first["outcomes"]) == ("done", len(RESULTS), FIRST)
    items = office.call("ingest", office.auditor, "GET", f"/v1/receipts/{first['receipt']}")["items"]
    ledger = _told(items)
    assert {said["reason"] for said in items if said["outcome"] == "no_claim"} == {"not-in-table"}
    assert _disagreements(office, learners, ledger) == []

    again = _import(office, source, gzip.decompress(ASSESSMENTS.read_bytes()))  # the same, not packed
    assert (again["state"], again["outcomes"]) == ("done", AGAIN)
    assert office.outcomes(source) == {"accepted": TAKEN, "duplicate": TAKEN, "no_claim": 2 * SILENT}
    assert _disagreements(office, learners, ledger) == []
    assert (len(pieces), len(learners)) == (TAKEN, STUDENTS)


def aligned() -> dict[str, Any]:
    """The mapping with the alignment that the metadata allows."""
    alone = {code: objective for code, objective in OBJECTIVES.items() if len(objective.standards) == 1}
    standards = {code: min(objective.standards) for code, objective in alone.items()}
    highest = {code: str(float(objective.highest)) for code, objective in alone.items()}
    return {**mapping("edfi-objectives"), "tables": {"standards": standards, "highest": highest}}


def _import(office: Office, source: Source, content: bytes) -> dict[str, Any]:
    """The import once it is settled and mastery has taken it in."""
    taken = office.call("ingest", source.token, "POST", f"/v1/files/{source.id}", content=content)

    def progress() -> dict[str, Any]:
        said: dict[str, Any] = office.call("ingest", source.token, "GET", f"/v1/imports/{taken['import']}")
        return said

    wait_for(lambda: progress()["state"] in {"done", "refused"}, 60, "the import is settled")
    wait_for(lambda: at_rest(office.system.data), 60, "the services are at rest")
    return progress()


def _told(items: list[dict[str, Any]]) -> Ledger:
    """Row by row in the order of the file: evidence exactly where the ledger reads a piece."""
    ledger = Ledger()
    for result, said in zip(RESULTS, items, strict=True):
        assert (result.piece is None) == (said["outcome"] == "no_claim"), result.objective
        if result.piece is not None:
            ledger.answered(result.piece, said["outcome"], said["evidence"])
    return ledger


def _disagreements(office: Office, learners: dict[str, str], ledger: Ledger) -> list[str]:
    """Everybody whose standings are not what the ledger reckons."""
    reckoned, found = read_policy(POLICY, Fraction(PERCENT["proficient"])), []
    with office.reader("mastery") as mastery:
        for student, learner in learners.items():
            own: list[Piece] = ledger.order[student]
            held = standings_of(mastery, learner, POLICY["policy"]["id"])
            expected = {code: told(ledger, each) for code, each in standings(reckoned, own).items()}
            if held != (expected, requirements(reckoned, own)):
                found.append(f"{student}: {held} {expected}")
    return found


def test_the_ledger_reads_what_the_page_on_the_data_says():
    assert (len(RESULTS), len({result.student for result in RESULTS}), len(OBJECTIVES)) == (984, STUDENTS, 12)
    assert sum(len(objective.standards) > 1 for objective in OBJECTIVES.values()) == 6
    assert len({result.record for result in RESULTS}) == 984
    assert isinstance(RESULTS[0], Result)
