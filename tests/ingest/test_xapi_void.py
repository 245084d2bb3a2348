"""Voiding at the xAPI door: what the statement proved is retracted, whenever either of the two comes."""

import itertools
from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from tests.ingest.house import House
from tests.ingest.xapi_world import MAPPING, RECEIPT, Sender, sender, statement, voiding

A, B, V, W = (f"6f1c0a5e-0d0f-4a7e-9b0e-00000000000{n}" for n in "1234")


@pytest.fixture
def lms(house: House) -> Sender:
    house.learner("100")
    return sender(house)


def in_force(house: House) -> list[str]:
    """Scores of the evidence that stands."""
    revised = house.published(EvidenceRevisedV1)
    gone = {event.retracts for _, event in house.published(EvidenceRetractedV1)}
    gone |= {event.revises for _, event in revised}
    said = [*house.published(EvidenceAcceptedV1), *revised]
    return [event.content.rating.score for envelope, event in said if envelope.id not in gone]


def test_a_voided_statement_s_evidence_is_retracted_and_only_its_own(lms: Sender) -> None:
    lms.post([statement(A, 70), statement(B, 80)])
    answer = lms.post(voiding(A, V))

    ((accepted, _), _) = lms.house.published(EvidenceAcceptedV1)
    ((_, event),) = lms.house.published(EvidenceRetractedV1)
    assert event.retracts == accepted.id
    assert str(event.receipt) == answer.headers[RECEIPT]
    (item,) = lms.house.receipt(answer.headers[RECEIPT])["items"]
    assert (item["outcome"], item["reason"], item["evidence"]) == ("accepted", "voided", str(accepted.id))
    assert in_force(lms.house) == ["80"]


def test_a_voided_statement_is_found_by_its_voided_id_alone(lms: Sender) -> None:
    lms.post(statement(A, 70))
    assert lms.get(voidedStatementId=A).status_code == 404
    lms.post(voiding(A, V))
    assert lms.get(statementId=A).status_code == 404
    assert lms.get(voidedStatementId=A).json()["id"] == A
    assert [each["id"] for each in lms.found()] == [V]


def test_voiding_again_changes_nothing_and_voiding_cannot_be_voided(lms: Sender) -> None:
    lms.post([statement(A), voiding(A, V)])
    lms.post(voiding(A, W))
    lms.post(voiding(V))
    assert lms.tally() == {"superseded": 1, "accepted": 1, "duplicate": 1, "no_claim": 1}
    assert lms.get(statementId=V).status_code == 200
    assert not lms.house.published(EvidenceAcceptedV1)


@pytest.mark.parametrize("order", list(itertools.permutations(["statement", "voiding", "link"])), ids="-".join)
def test_in_any_order_of_statement_voiding_and_link_nothing_of_it_stands(house: House, order: tuple[str, ...]) -> None:
    lms = sender(house)
    steps: dict[str, Any] = {
        "statement": lambda: lms.post(statement(A, 70, "300")),
        "voiding": lambda: lms.post(voiding(A, V)),
        "link": lambda: house.learner("300"),
    }
    for step in order:
        steps[step]()
    lms.post([statement(A, 70, "300"), voiding(A, V)])
    assert in_force(house) == []
    assert house.count("parked") == 0
    assert lms.get(voidedStatementId=A).status_code == 200
    tally = lms.tally()
    assert sum(tally.values()) == 4, tally


@pytest.mark.parametrize("batch", [[statement(A, 70), voiding(A, V)], [voiding(A, V), statement(A, 70)]])
def test_within_one_batch_too(lms: Sender, batch: list[Any]) -> None:
    assert lms.post(batch).status_code == 200
    assert in_force(lms.house) == []
    assert lms.get(statementId=A).status_code == 404


def test_what_waits_in_quarantine_is_taken_out_when_voided(lms: Sender) -> None:
    lms.post({**statement(A), "result": {"score": {"raw": 1000}}})
    assert lms.tally() == {"quarantined": 1}
    lms.post(voiding(A))
    assert lms.tally() == {"superseded": 1, "accepted": 1}
    assert lms.house.count("quarantine") == 0


def test_another_source_cannot_void(lms: Sender) -> None:
    lms.post(statement(A, 70))
    sender(lms.house, "other").post(voiding(A))
    assert in_force(lms.house) == ["70"]
    assert lms.get(statementId=A).status_code == 200


def test_an_earlier_version_of_a_record_does_not_take_the_later_one_with_it(house: House) -> None:
    house.learner("100")
    lms = sender(house, "revising", {**MAPPING, "record_key": {"path": "doc.object.id"}})
    lms.post([statement(A, 50), statement(B, 60)])
    lms.post(voiding(A))
    assert not house.published(EvidenceRetractedV1)
    lms.post(voiding(B))
    assert len(house.published(EvidenceRetractedV1)) == 1


@pytest.fixture
def revising(house: House) -> Sender:
    """What is said again of an activity revises what was said of it before."""
    house.learner("100")
    return sender(house, "revising", {**MAPPING, "record_key": {"path": "doc.object.id"}})


@pytest.mark.parametrize("linked", ["before", "after"])
def test_what_waited_for_its_learner_takes_its_record_with_it_as_if_it_had_been_counted(
    revising: Sender, linked: str
) -> None:
    steps: list[Any] = [lambda: revising.post(statement(B, 60, "300")), lambda: revising.post(voiding(B))]
    revising.post(statement(A, 50))
    steps.insert(0 if linked == "before" else 2, lambda: revising.house.learner("300"))
    for step in steps:
        step()
    assert in_force(revising.house) == []


@pytest.mark.parametrize("linked", ["before", "after"])
def test_what_came_after_a_voided_statement_stands_whenever_its_learner_is_known(revising: Sender, linked: str) -> None:
    if linked == "before":
        revising.house.learner("300")
    revising.post([statement(A, 50), statement(B, 60, "300")])
    revising.post(voiding(A))
    if linked == "after":
        revising.house.learner("300")
    assert in_force(revising.house) == ["60"]


UNREAD = {**MAPPING, "record_key": {"path": "doc.object.id"}, "competency": {"path": "doc.result.response"}}
SKILL = {"response": "TEAM"}
LATER = "6f1c0a5e-0d0f-4a7e-9b0e-000000000009"


def mend(lms: Sender) -> dict[str, int]:
    """The competency is said otherwise, which nobody had told the mapping; what waited is read again."""
    house, mended = lms.house, {**UNREAD, "version": 2, "competency": MAPPING["competency"]}
    boss = house.token("district")
    assert house.http.post(f"/v1/sources/{lms.source}/mappings", json=mended, headers=boss).status_code == 201
    said = house.http.post("/v1/quarantine/redrive", json={"source": lms.source}, headers=house.token("registrar"))
    assert said.status_code == 200, said.text
    return dict(said.json()["outcomes"])


def readable(id_: str, raw: int, student: str = "100") -> dict[str, Any]:
    said = statement(id_, raw, student)
    return {**said, "result": {**said["result"], **SKILL}}


@pytest.fixture
def unread(house: House) -> Sender:
    """Its statements share a record, and only those with a response can be read before the mapping is mended."""
    house.learner("100")
    return sender(house, "unread", UNREAD)


@pytest.mark.parametrize("first", ["voided", "redriven"])
def test_what_is_voided_while_nobody_can_read_it_takes_its_record_with_it_once_it_is_read(
    unread: Sender, first: str
) -> None:
    unread.post([readable(A, 50), statement(B, 60)])
    assert unread.tally() == {"accepted": 1, "quarantined": 1}
    steps: list[Any] = [lambda: unread.post(voiding(B, V)), lambda: mend(unread)]
    for step in steps if first == "voided" else reversed(steps):
        step()
    assert in_force(unread.house) == []
    assert unread.house.count("quarantine") == 0
    assert unread.get(voidedStatementId=B).status_code == 200
    unread.post(statement(LATER, 70))
    assert in_force(unread.house) == ["70"]


def test_until_it_is_read_what_it_would_replace_stands_and_it_says_it_waits(unread: Sender) -> None:
    unread.post([readable(A, 50), statement(B, 60)])
    receipt = unread.post(voiding(B, V)).headers[RECEIPT]
    assert (in_force(unread.house), unread.house.count("quarantine")) == (["50"], 1)
    assert mend(unread) == {"superseded": 1}
    assert unread.tally() == {"accepted": 2, "superseded": 1}
    ((_, event),) = unread.house.published(EvidenceRetractedV1)
    assert str(event.receipt) == receipt, "who takes it back is the one who voided"


@pytest.mark.parametrize("linked", ["before", "after"])
def test_what_came_after_it_stands_and_what_waits_for_its_learner_does_too(unread: Sender, linked: str) -> None:
    if linked == "before":
        unread.house.learner("300")
    unread.post([statement(A, 50), readable(B, 60, "300")])
    unread.post(voiding(A))
    mend(unread)
    if linked == "after":
        unread.house.learner("300")
    assert in_force(unread.house) == ["60"]


def test_what_cannot_be_read_or_counted_stays_in_quarantine_and_takes_nothing_back(unread: Sender) -> None:
    nobody = {**statement(B), "actor": {"mbox": "mailto:ada@example.org"}}
    too_much = {**statement(LATER), "result": {"score": {"raw": 1000}}}
    unread.post([readable(A, 50), nobody, too_much])
    unread.post([voiding(B), voiding(LATER)])
    assert mend(unread) == {"quarantined": 2}
    assert in_force(unread.house) == ["50"]


def test_a_dry_run_says_it_and_changes_nothing(unread: Sender) -> None:
    unread.post([readable(A, 50), statement(B, 60)])
    unread.post(voiding(B))
    house, asked = unread.house, {"source": unread.source, "dry_run": True}
    before = {**UNREAD, "version": 2, "competency": MAPPING["competency"]}
    house.http.post(f"/v1/sources/{unread.source}/mappings", json=before, headers=house.token("district"))
    said = house.http.post("/v1/quarantine/redrive", json=asked, headers=house.token("registrar"))
    assert said.json()["outcomes"] == {"superseded": 1}
    assert (in_force(house), house.count("quarantine")) == (["50"], 1)
