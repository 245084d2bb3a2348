"""The stream door: numbered lines, resumed after any interruption, each with one outcome."""

import json
from typing import Any
from uuid import uuid4

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1
from tests.ingest.house import LINE_MAPPING, House, project


def said(response: Any) -> list[dict[str, Any]]:
    """The answer's lines."""
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_every_line_has_one_outcome_and_the_answer_ends_with_the_line_wanted(house: House, school: str) -> None:
    house.learner("100")
    lines = [
        project("p-1", 80),
        b"",
        b"{broken",
        project("p-2", 101),
        project("p-3", 60, "unknown"),
        project("p-1", 80),
    ]

    *outcomes, last = said(house.lines(school, house.stream(school), 1, lines))

    told = [(each["line"], each["outcome"], each.get("reason")) for each in outcomes]
    assert told == [
        (1, "accepted", None),
        (2, "no_claim", "blank-line"),
        (3, "quarantined", "malformed-json"),
        (4, "quarantined", "score-out-of-range"),
        (5, "parked", "unknown-learner"),
        (6, "duplicate", None),
    ]
    assert last["next_line"] == 7
    receipt = house.receipt(last["receipt"])
    assert sum(receipt["outcomes"].values()) == 6
    assert [item["line"] for item in receipt["items"]] == [1, 2, 3, 4, 5, 6]
    assert house.tally(school) == {"accepted": 1, "no_claim": 1, "quarantined": 2, "parked": 1, "duplicate": 1}


def test_lines_sent_again_are_acknowledged_and_the_rest_taken(house: House, school: str) -> None:
    house.learner("100")
    stream = house.stream(school)
    said(house.lines(school, stream, 1, [project("p-1", 70), project("p-2", 71)]))

    *outcomes, last = said(house.lines(school, stream, 1, [project("p-1", 70), project("p-2", 71), project("p-3", 72)]))

    assert [each["outcome"] for each in outcomes] == ["duplicate", "duplicate", "accepted"]
    assert last["next_line"] == 4
    assert len(house.published(EvidenceAcceptedV1)) == 3


def test_a_line_sent_again_with_other_content_is_a_conflict(house: House, school: str) -> None:
    house.learner("100")
    stream = house.stream(school)
    said(house.lines(school, stream, 1, [project("p-1", 70)]))
    *outcomes, last = said(house.lines(school, stream, 1, [project("p-1", 99)]))
    assert [each["outcome"] for each in outcomes] == ["conflict"]
    assert last == {"next_line": 2}
    assert len(house.published(EvidenceAcceptedV1)) == 1


def test_a_gap_is_refused_with_the_line_wanted(house: House, school: str) -> None:
    stream = house.stream(school)
    refused = house.lines(school, stream, 3, [project("p-3", 70)])
    assert (refused.status_code, refused.json()["next_line"]) == (409, 1)
    assert house.count("receipt") == 0


@pytest.mark.parametrize("cut", range(1, 8))
def test_any_split_with_any_overlap_ends_in_the_same_counted_set(house: House, school: str, cut: int) -> None:
    house.learner("100")
    lines = [project(f"p-{n % 5}", 50 + n % 3) for n in range(8)]
    stream = house.stream(school)
    said(house.lines(school, stream, 1, lines[:cut]))
    said(house.lines(school, stream, max(1, cut - 1), lines[max(0, cut - 2) :]))

    counted = {}
    for envelope, event in house.published():
        if isinstance(event, EvidenceAcceptedV1):
            counted[envelope.id] = event.content.rating.score
        elif hasattr(event, "revises"):
            del counted[event.revises]
            counted[envelope.id] = event.content.rating.score
    assert sorted(counted.values()) == sorted(["50", "50", "51", "52", "51"])
    assert house.count("record") == 5


def test_a_stream_goes_on_after_a_restart(house: House, school: str) -> None:
    house.learner("100")
    stream = house.stream(school)
    said(house.lines(school, stream, 1, [project("p-1", 70)]))
    house.reopen()
    headers = house.token("source", source=school)
    assert house.http.get(f"/v1/streams/{stream}", headers=headers).json() == {"stream": stream, "next_line": 2}
    *outcomes, last = said(house.lines(school, stream, 1, [project("p-1", 70), project("p-1", 71)]))
    assert [each["outcome"] for each in outcomes] == ["duplicate", "accepted"]
    assert last["next_line"] == 3


def test_a_stream_belongs_to_the_source_that_opened_it(house: House, school: str) -> None:
    other = house.source("other", LINE_MAPPING)
    stream = house.stream(school)
    assert house.lines(other, stream, 1, [project("p-1", 70)]).status_code == 404
    foreign = house.source("virtual", LINE_MAPPING, tenant="oak")
    assert house.lines(foreign, stream, 1, [project("p-1", 70)]).status_code == 404
    assert house.lines(school, str(uuid4()), 1, [project("p-1", 70)]).status_code == 404
    headers = house.token("teacher")
    assert house.http.post("/v1/streams", headers=headers).status_code == 403
    assert house.http.post("/v1/streams").status_code == 401


def test_a_withdrawal_before_its_record_keeps_it_from_ever_counting(house: House, school: str) -> None:
    stream = house.stream(school)
    said(house.lines(school, stream, 1, [project("p-1", 70, "late"), {"id": "p-1", "gone": "true"}]))

    released = house.roster([{"identifiers": {"student-number": "late"}}])["released"]

    assert released == 1
    assert not house.published(EvidenceAcceptedV1, EvidenceRetractedV1)
    assert house.tally(school) == {"superseded": 1, "accepted": 1}


def test_a_stream_for_another_source_than_the_keys_is_refused(house: House, school: str) -> None:
    headers = house.token("source", "maple", source=school)
    assert house.http.post("/v1/streams", json={"source": "maple.other"}, headers=headers).status_code == 404
    assert house.http.post("/v1/streams", json={"source": school}, headers=headers).status_code == 201
    assert house.http.post("/v1/streams", headers=headers).status_code == 201
