"""Ed-Fi's student assessments as rows, and by which mappings they are read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1
from services.ingest.domain.claims import Claim, Fault, NoClaim, Reading
from services.ingest.formats.edfi import read_assessments
from services.ingest.formats.rows import FileRow, Sent
from services.ingest.mappings.compiled import SourceFacts, compile_mapping
from tests.ingest.house import NOON, House
from tests.support.documents import mapping
from tests.support.paths import SHARED_DATA

SAMPLE = (SHARED_DATA / "edfi" / "StudentAssessment-LearningStandardsMastery.xml.gz").read_bytes()
FACTS = SourceFacts("lincoln", "classroom")
LEVEL = "uri://ed-fi.org/PerformanceLevelDescriptor#"
METHOD = "uri://ed-fi.org/AssessmentReportingMethodDescriptor#"


def score(points: str, method: str = "Raw score") -> str:
    said = f"<Result>{points}</Result><AssessmentReportingMethod>{METHOD}{method}</AssessmentReportingMethod>"
    return f"<ScoreResult>{said}</ScoreResult>"


def level(name: str) -> str:
    return f"<PerformanceLevel><PerformanceLevel>{LEVEL}{name}</PerformanceLevel></PerformanceLevel>"


def objective(content: str, code: str = "O-1") -> str:
    identity = (
        f"<ObjectiveAssessmentIdentity><IdentificationCode>{code}</IdentificationCode></ObjectiveAssessmentIdentity>"
    )
    reference = f"<ObjectiveAssessmentReference>{identity}</ObjectiveAssessmentReference>"
    return f"<StudentObjectiveAssessment>{content}{reference}</StudentObjectiveAssessment>"


def assessment(content: str, id_: str = "sa-1", student: str = "100", day: str = "2026-11-18") -> str:
    who = f"<StudentIdentity><StudentUniqueId>{student}</StudentUniqueId></StudentIdentity>"
    head = f"<StudentAssessmentIdentifier>{id_}</StudentAssessmentIdentifier>"
    date = f"<AdministrationDate>{day}</AdministrationDate>" if day else ""
    return f"<StudentAssessment>{head}{date}<StudentReference>{who}</StudentReference>{content}</StudentAssessment>"


def interchange(*content: str, version: str = "5.2.0") -> bytes:
    root = "InterchangeStudentAssessment"
    return f'<{root} xmlns="http://ed-fi.org/{version}">{"".join(content)}</{root}>'.encode()


def rows(*content: str) -> list[FileRow]:
    return list(read_assessments(Sent.of(interchange(*content))))


def by_score(**tables: dict[str, str]) -> dict[str, Any]:
    return {**mapping("edfi-objectives"), "tables": {"standards": {"O-1": "TEAM"}, "highest": {"O-1": "4"}, **tables}}


def by_level() -> dict[str, Any]:
    """Performance levels instead of scores."""
    path = {"path": "doc.objective.PerformanceLevel[0].PerformanceLevel"}
    levels = {LEVEL + name: code for name, code in (("Below Basic", "1"), ("Basic", "2"), ("Advanced", "4"))}
    rating = {
        "scale": {"const": "four"},
        "level": {"lookup": path, "table": "levels"},
        "not_observed": {"one_of": path, "values": [None]},
    }
    return {**by_score(levels=levels), "rating": rating}


def read(document: dict[str, Any], row: FileRow) -> Reading:
    (reading,) = compile_mapping(document).read(row.document, source=FACTS, received_at=NOON)
    return reading


def test_each_objective_result_of_the_sample_is_a_row_with_its_line() -> None:
    found = list(read_assessments(Sent.of(SAMPLE)))
    assert len(found) == 984
    assert (found[0].line, found[-1].line) == (406, 50_986)
    assert all(row.problem is None for row in found)
    assert found == list(read_assessments(Sent.of(SAMPLE)))


@pytest.mark.parametrize(("points", "percent"), [("0", "0"), ("1.5", "37.5"), ("4", "100"), ("4.00000", "100")])
def test_a_raw_score_is_a_share_of_the_points_there_are(points: str, percent: str) -> None:
    (row,) = rows(assessment(objective(score("280", "Scale score") + score(points))))
    claim = read(by_score(), row)
    assert isinstance(claim, Claim)
    assert (claim.score, claim.competency, claim.learner.value) == (percent, "TEAM", "100")
    assert claim.record_key == "sa-1#O-1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (objective(score("5")), "score-out-of-range"),
        (objective(score("-1")), "score-out-of-range"),
        (objective(score("ten")), "not-a-number"),
        (objective(score("3", "Scale score")), "missing"),
        (objective(""), "missing"),
    ],
)
def test_a_score_that_cannot_be_one_is_a_fault(content: str, reason: str) -> None:
    (row,) = rows(assessment(content))
    fault = read(by_score(), row)
    assert isinstance(fault, Fault)
    assert fault.reason == reason


def test_a_level_is_read_by_its_descriptor_and_what_has_none_was_not_observed() -> None:
    advanced, none, unknown = rows(assessment(objective(level("Advanced")) + objective("") + objective(level("Odd"))))
    claim, unseen, fault = (read(by_level(), row) for row in (advanced, none, unknown))
    assert isinstance(claim, Claim) and (claim.level, claim.observed) == ("4", True)
    assert isinstance(unseen, Claim) and (unseen.level, unseen.observed) == (None, False)
    assert isinstance(fault, Fault) and fault.reason == "not-in-table"


def test_what_the_standard_allows_and_no_claim_needs_is_a_row_that_says_so() -> None:
    bare, other = rows(assessment(""), "<StudentReference id='s'/>")
    assert read(by_score(), bare) == NoClaim("no-objective")
    assert other.problem == NoClaim("not-a-student-assessment")


def test_an_objective_outside_the_alignment_claims_nothing() -> None:
    (row,) = rows(assessment(objective(score("1"), "O-2")))
    assert read(by_score(), row) == NoClaim("not-in-table")


def test_an_assessment_without_a_date_is_a_fault_unless_the_mapping_takes_the_day_it_came() -> None:
    (row,) = rows(assessment(objective(score("1")), day=""))
    fault = read(by_score(), row)
    assert isinstance(fault, Fault) and fault.pointer == "/studentAssessment/AdministrationDate"
    claim = read({**by_score(), "occurred_at": {"received_at": True}}, row)
    assert isinstance(claim, Claim) and claim.occurred_at == NOON


def test_extensions_of_a_state_are_left_out() -> None:
    foreign = '<x:Extra xmlns:x="urn:state"><ScoreResult>9</ScoreResult></x:Extra>'
    assert rows(assessment(foreign + objective(score("1")))) == rows(assessment(objective(score("1"))))


TEXT = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=8)
RESULTS = st.lists(st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=4), max_size=5)


@given(RESULTS)
def test_every_objective_result_is_one_row_in_order_with_all_its_scores(tests: list) -> None:
    written = [assessment("".join(objective("".join(map(score, said)), code) for code, said in test)) for test in tests]
    found = []
    for row in rows(*written):
        assert isinstance(row.document, dict)
        told = row.document["objective"]
        if told is not None:
            code = told["ObjectiveAssessmentReference"]["ObjectiveAssessmentIdentity"]["IdentificationCode"]
            found.append((code, [each["Result"] for each in told.get("ScoreResult", [])]))
    assert found == [each for test in tests for each in test]


def test_a_file_is_settled_row_by_row_redriven_and_never_counted_twice(house: House) -> None:
    house.publish_catalogue()
    house.learner("100", identifiers={"student-unique-id": "100"})
    source = house.source("state", by_score(), "classroom")
    content = (
        assessment(objective(score("3"))),
        assessment(objective(score("9")), "sa-2"),
        assessment(objective(score("2")), "sa-3", "999"),
        assessment(""),
    )
    done = settled(house, source, interchange(*content))
    assert done["outcomes"] == {"accepted": 1, "no_claim": 1, "parked": 1, "quarantined": 1}
    assert [(fault["reason"], fault["line"]) for fault in done["faults"]] == [("score-out-of-range", 1)]

    boss = house.token("district")
    fixed = {**by_score(highest={"O-1": "10"}), "version": 2}
    assert house.http.post(f"/v1/sources/{source}/mappings", json=fixed, headers=boss).status_code == 201
    redriven = house.http.post("/v1/quarantine/redrive", json={"source": source}, headers=boss)
    assert redriven.json()["outcomes"] == {"accepted": 1}, redriven.text
    scores = [event.content.rating.score for _, event in house.published(EvidenceAcceptedV1)]
    assert sorted(scores) == ["75", "90"]


@pytest.mark.parametrize("raw", [SAMPLE[:-20], b"<html/>", interchange()[:-3], b"", b"PK\x03\x04"])
def test_what_is_no_interchange_is_refused_at_the_door(house: House, raw: bytes) -> None:
    source = house.source("state", by_score(), "classroom")
    headers = house.token("source", source=source)
    answer = house.http.post(f"/v1/files/{source}", content=raw, headers=headers)
    assert answer.status_code == 400, answer.text
    assert house.count("receipt") == 0


def settled(house: House, source: str, raw: bytes) -> dict[str, Any]:
    """The import once it is done."""
    taken = house.http.post(f"/v1/files/{source}", content=raw, headers=house.token("source", source=source))
    assert taken.status_code == 202, taken.text
    url, key = f"/v1/imports/{taken.json()['import']}", house.token("auditor")
    house.wait(lambda: house.http.get(url, headers=key).json()["state"] == "done")
    return dict(house.http.get(url, headers=key).json())
