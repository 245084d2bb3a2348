"""Statements that could not be read: kept, redriven when the mapping is fixed, and voided like any other."""

from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1
from tests.ingest.house import House
from tests.ingest.xapi_world import MAPPING, RECEIPT, Sender, sender, statement, voiding

A, B, C = (f"6f1c0a5e-0d0f-4a7e-9b0e-00000000000{n}" for n in "123")
WRONG = {**MAPPING, "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.result.points"}}}
WRONG["rating"]["score"] = {"lookup": {"path": "doc.result.response"}, "table": "grades"}
WRONG["tables"] = {"grades": {"A": "90"}}


@pytest.fixture
def lms(house: House) -> Sender:
    house.learner("100")
    return sender(house, mapping=WRONG)


def fix(house: House, source: str) -> dict[str, Any]:
    """The mapping is put right, and what waits is redriven."""
    boss = house.token("district")
    right = house.http.post(f"/v1/sources/{source}/mappings", json={**MAPPING, "version": 2}, headers=boss)
    assert right.status_code == 201, right.text
    answer = house.http.post("/v1/quarantine/redrive", json={}, headers=house.token("registrar"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_statements_are_redriven_in_their_place_whatever_stood_beside_them(lms: Sender) -> None:
    graded = {**statement(B), "result": {"response": "A"}}
    lms.post(statement(C, 30))
    answer = lms.post([statement(C, 30), statement(A, 70), graded, statement(None, 40)])
    assert lms.tally() == {"quarantined": 3, "accepted": 1, "duplicate": 1}

    fix(lms.house, lms.source)

    scores = [event.content.rating.score for _, event in lms.house.published(EvidenceAcceptedV1)]
    assert sorted(scores) == ["30", "40", "70", "90"]
    assert lms.house.receipt(answer.headers[RECEIPT])["outcomes"] == {"accepted": 3, "duplicate": 1}
    assert lms.post([statement(A, 70), statement(None, 40)]).status_code == 200
    assert len(lms.house.published(EvidenceAcceptedV1)) == 4


def test_a_redriven_statement_is_retracted_when_voided(lms: Sender) -> None:
    lms.post([statement(A, 70), statement(B, 60)])
    fix(lms.house, lms.source)
    lms.post(voiding(A))
    ((_, event),) = lms.house.published(EvidenceRetractedV1)
    accepted = {envelope.id: event.content.rating.score for envelope, event in lms.house.published(EvidenceAcceptedV1)}
    assert accepted[event.retracts] == "70"


def test_a_statement_voided_while_it_waits_is_not_redriven(lms: Sender) -> None:
    lms.post([statement(A, 70), statement(B, 60)])
    lms.post(voiding(A))
    fix(lms.house, lms.source)
    ((_, event),) = lms.house.published(EvidenceAcceptedV1)
    assert event.content.rating.score == "60"
