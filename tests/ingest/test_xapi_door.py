"""The xAPI door: what is answered, and what is stored of it."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1
from tests.ingest.house import House
from tests.ingest.xapi_world import FIRST, HOME, MAPPING, RECEIPT, SECOND, VERSION, Sender, sender, statement

A, B, C = (f"6f1c0a5e-0d0f-4a7e-9b0e-00000000000{n}" for n in "123")


@pytest.fixture
def lms(house: House) -> Sender:
    house.learner("100")
    return sender(house)


def test_a_statement_becomes_evidence_and_is_answered_with_its_id_and_a_receipt(lms: Sender) -> None:
    answer = lms.post(statement(A, 70))

    assert (answer.status_code, answer.json()) == (200, [A])
    assert answer.headers[VERSION] == "1.0.3"
    ((_, event),) = lms.house.published(EvidenceAcceptedV1)
    assert (event.content.rating.score, event.content.source, event.content.pathway) == ("70", lms.source, "classroom")
    receipt = lms.house.receipt(answer.headers[RECEIPT])
    assert (receipt["door"], receipt["outcomes"]) == ("xapi", {"accepted": 1})
    assert lms.found(since=answer.headers["X-Experience-API-Consistent-Through"]) == []
    assert len(lms.found(until=answer.headers["X-Experience-API-Consistent-Through"])) == 1


def test_a_batch_is_answered_with_its_ids_in_order_given_or_derived(lms: Sender) -> None:
    first, derived, last = lms.post([statement(A, 1), statement(None, 2), statement(B, 3)]).json()
    assert (first, last) == (A, B)
    assert [each["result"]["score"]["raw"] for each in lms.found(ascending="true")] == [1, 2, 3]
    assert lms.get(statementId=derived).json()["id"] == derived


def test_a_put_is_answered_204_and_gives_the_statement_its_id(lms: Sender) -> None:
    assert lms.put(A, statement(None, 70)).status_code == 204
    assert lms.put(A, statement(A, 70)).status_code == 204
    assert lms.put(A, statement(A, 71)).status_code == 409
    assert lms.get(statementId=A).json()["id"] == A
    assert lms.put(B, statement(A)).json()["pointer"] == "/id"
    assert [lms.put(B, wrong).status_code for wrong in ([statement(B)], [], None, "x", {})] == [400] * 5
    assert lms.tally() == {"accepted": 1, "duplicate": 1, "conflict": 1}


def test_the_same_again_changes_nothing_and_gets_the_receipt_of_the_first_time(lms: Sender) -> None:
    first = lms.post([statement(A), statement(None, 5)])
    again = lms.post([statement(A), statement(None, 5)])
    apart = [lms.post(each) for each in (statement(A), statement(None, 5))]

    assert {answer.headers[RECEIPT] for answer in (first, again, *apart)} == {first.headers[RECEIPT]}
    assert again.json() == first.json() == [answer.json()[0] for answer in apart]
    assert len(lms.house.published(EvidenceAcceptedV1)) == 2
    assert (lms.house.count("receipt", source=lms.source), lms.tally()) == (1, {"accepted": 2, "duplicate": 4})


def test_what_is_new_beside_repeats_is_taken_and_the_receipt_sums(lms: Sender) -> None:
    lms.post(statement(A))
    answer = lms.post([statement(A), statement(B), statement(None, 9), statement(None, 9)])
    assert lms.house.receipt(answer.headers[RECEIPT])["outcomes"] == {"duplicate": 2, "accepted": 2}


def test_one_statement_in_conflict_refuses_its_whole_batch(lms: Sender) -> None:
    lms.post(statement(A, 70))
    answer = lms.post([statement(B), statement(A, 71)])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/statement-conflict")
    assert answer.json()["pointer"] == "/1"
    assert lms.get(statementId=B).status_code == 404
    assert lms.get(statementId=A).json()["result"]["score"]["raw"] == 70


def test_what_an_lrs_adds_and_how_it_is_written_make_no_other_content(lms: Sender) -> None:
    lms.post(statement(A, 70))
    read_back = lms.get(statementId=A).json()
    assert {"stored", "timestamp", "authority", "version"} <= read_back.keys()
    assert lms.post(read_back).status_code == 200
    assert lms.post(json.dumps(statement(A, 70.0), indent=3, sort_keys=True).encode()).status_code == 200
    assert lms.post({**statement(A.upper(), 70), "version": "1.0.0"}).status_code == 200
    assert lms.post({**statement(A, 70), "object": {"id": f"{HOME}/activities/2"}}).status_code == 409
    assert lms.tally() == {"accepted": 1, "duplicate": 3, "conflict": 1}


def test_a_statement_that_says_its_time_conflicts_with_the_same_at_another(lms: Sender) -> None:
    lms.post({**statement(A), "timestamp": "2026-11-19T10:00:00Z"})
    assert lms.post({**statement(A), "timestamp": "2026-11-19T10:00:01Z"}).status_code == 409


def test_the_same_id_twice_in_a_batch_refuses_it_but_the_same_without_ids_does_not(lms: Sender) -> None:
    twice = lms.post([statement(A, 1), statement(A.upper(), 1)])
    assert (twice.status_code, twice.json()["pointer"]) == (400, "/1/id")
    same = lms.post([statement(None, 1), statement(None, 1)])
    assert (same.status_code, len(set(same.json()))) == (200, 1)
    assert lms.tally() == {"accepted": 1, "duplicate": 1}


def test_another_source_s_statement_of_the_same_id_is_another_statement(lms: Sender) -> None:
    other = sender(lms.house, "other")
    assert lms.post(statement(A, 1)).status_code == 200
    assert other.get(statementId=A).status_code == 404
    assert other.post(statement(A, 2)).status_code == 200
    assert [each["result"]["score"]["raw"] for each in other.found()] == [2]
    assert lms.post(statement(None, 5)).json() != other.post(statement(None, 5)).json()


def test_what_claims_nothing_or_cannot_be_read_is_stored_all_the_same(lms: Sender) -> None:
    verb = "http://adlnet.gov/expapi/verbs/initialized"
    beyond = {"result": {"score": {"raw": 100.5}}}
    answer = lms.post(
        [statement(A, verb=verb), {**statement(B), "result": {"response": "well"}}, {**statement(C), **beyond}]
    )
    assert answer.status_code == 200, answer.text
    assert len(lms.found()) == 3
    items = lms.house.receipt(answer.headers[RECEIPT])["items"]
    assert [item["outcome"] for item in items] == ["no_claim", "quarantined", "quarantined"]
    assert items[1]["pointer"] == "/result/score/raw"


def test_a_source_without_a_mapping_loses_nothing(house: House) -> None:
    body = {"name": "fresh", "organisation": "lincoln", "pathway": "classroom"}
    source = house.http.post("/v1/sources", json=body, headers=house.token("district")).json()["source"]
    fresh = Sender(house, source, {**house.token("source", source=source), **FIRST})
    assert fresh.post(statement(A)).status_code == 200
    (entry,) = house.http.get("/v1/quarantine", headers=house.token("district")).json()["quarantine"]
    assert entry["reasons"][0]["reason"] == "no-mapping"


def test_a_statement_of_a_learner_not_known_yet_waits_and_is_resealed_when_linked(lms: Sender) -> None:
    lms.post([statement(A, 70, "200"), statement(B, 10, "200", verb="http://example.org/verbs/looked")])
    assert lms.tally() == {"parked": 1, "no_claim": 1}
    assert len(lms.found()) == 2

    learner = lms.house.learner("200")

    assert lms.tally() == {"accepted": 1, "no_claim": 1}
    assert lms.house.count("statement", learner=learner.bytes) == 2
    assert [each["id"] for each in lms.found()] == [B, A]
    lms.house.keys.destroy_learner_key("maple", learner)
    assert lms.found() == []
    assert lms.get(statementId=A).status_code == 410


@pytest.mark.parametrize("said", [None, "0.9", "1.1.0", "3.0.0", "", "1.0.3, 2.0.0", "latest"])
def test_without_a_version_that_is_spoken_nothing_is_taken(lms: Sender, said: str | None) -> None:
    headers = {name: value for name, value in lms.headers.items() if name != VERSION}
    if said is not None:
        headers[VERSION] = said
    for answer in (
        lms.house.http.post("/xapi/statements", json=statement(A), headers=headers),
        lms.house.http.get("/xapi/statements", headers=headers),
    ):
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/version-refused")
        assert answer.headers[VERSION] == "1.0.3"
    assert lms.tally() == {}


def test_each_edition_is_answered_in_its_own(lms: Sender) -> None:
    new = Sender(lms.house, lms.source, {**lms.headers, **SECOND})
    context = {"contextAgents": [{"objectType": "contextAgent", "agent": {"mbox": "mailto:t@lms.example"}}]}
    said = {**statement(A), "context": context}
    assert lms.post(said).json()["pointer"] == "/context/contextAgents"
    answer = new.post(said)
    assert (answer.status_code, answer.headers[VERSION]) == (200, "2.0.0")
    read_back = new.get(statementId=A)
    assert read_back.json()["version"] == "2.0.0"
    assert read_back.headers["Last-Modified"].endswith("GMT")
    assert new.post({**statement(B), "timestamp": "2026-11-19T10:00"}).status_code == 400
    assert lms.post({**statement(B), "timestamp": "2026-11-19T10:00"}).status_code == 200
    about = lms.house.http.get("/xapi/about")
    assert about.json()["version"] == ["1.0.3", "2.0.0"]
    assert about.headers[VERSION] == "1.0.3"


def test_basic_with_id_and_secret_is_as_good_as_bearer(lms: Sender) -> None:
    name, _, secret = lms.headers["Authorization"].removeprefix("Bearer ").removeprefix("wp_").partition(".")
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    assert lms.post(statement(A), Authorization=f"Basic {basic}").status_code == 200
    for wrong in (f"Basic {basic[:-4]}AAAA", "Bearer wp_x.y", ""):
        answer = lms.post(statement(B), Authorization=wrong)
        assert (answer.status_code, answer.headers[VERSION]) == (401, "1.0.3")
    assert lms.post(statement(B), **lms.house.token("teacher")).status_code == 403


BAD: dict[str, tuple[Any, int]] = {
    "nothing": (b"", 400),
    "no JSON": (b"{", 400),
    "not UTF-8": (b'{"actor":"\xff"}', 400),
    "a key twice": (b'{"actor":{},"actor":{}}', 400),
    "a trailing comma": (b"[{},]", 400),
    "two documents": (b"{}{}", 400),
    "not a number": (b'{"result":NaN}', 400),
    "too deep": (b"[" * 40 + b"]" * 40, 400),
    "no statement": (b'[1, "two", null]', 400),
    "too long a statement": ({**statement(A), "result": {"response": "x" * 70_000}}, 413),
    "too long a batch": (b"[" + b" " * (6 * 1024 * 1024) + b"]", 413),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_statement_is_refused_with_a_problem(lms: Sender, name: str) -> None:
    said, status = BAD[name]
    answer = lms.post(said)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert lms.tally() == {}


def test_only_json_is_taken_attachments_are_refused_by_name(lms: Sender) -> None:
    for media_type in ("multipart/mixed; boundary=x", "application/x-www-form-urlencoded", "text/plain", ""):
        answer = lms.post(statement(A), **{"Content-Type": media_type})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/content-type-refused")
    assert lms.post(statement(A), **{"Content-Type": "application/json; charset=utf-8"}).status_code == 200


def test_a_bad_statement_at_any_place_refuses_the_batch_and_is_pointed_at(lms: Sender) -> None:
    for place in range(3):
        batch = [statement(None, n) for n in range(3)]
        batch[place]["verb"] = {"id": "no iri"}
        answer = lms.post(batch)
        assert (answer.status_code, answer.json()["pointer"]) == (400, f"/{place}/verb/id")
    assert lms.tally() == {}
    assert lms.post([]).json() == []


def test_an_id_derived_from_content_is_a_uuid_of_version_5(lms: Sender) -> None:
    (derived,) = lms.post(statement(None)).json()
    assert UUID(derived).version == 5


def test_a_mapping_s_own_record_key_makes_a_later_statement_a_revision(house: House) -> None:
    house.learner("100")
    by_activity = {**MAPPING, "record_key": {"path": "doc.object.id"}}
    lms = sender(house, "revising", by_activity)
    lms.post([statement(A, 50), statement(B, 60)])
    scores = [event.content.rating.score for _, event in house.published() if hasattr(event, "content")]
    assert scores == ["50", "60"]
    assert len(house.published(EvidenceAcceptedV1)) == 1
