"""A teacher's observation: whose judgement it is comes from the key, never from the body."""

from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1
from tests.ingest.house import House


def observed(**said: Any) -> dict[str, Any]:
    """An observation."""
    seen = {"learner": {"scheme": "student-number", "value": "100"}, "competency": {"code": "TEAM"}}
    rest = {"rating": {"scale": "four", "level": "3"}, "occurred_at": "2026-11-20T09:00:00-06:00"}
    return {**seen, **rest, "pathway": "classroom", **said}


def post(house: House, body: Any, key: str | None = "obs-1", **who: str) -> Any:
    """Send it as a teacher."""
    headers = {**house.token("teacher", **who), **({"Idempotency-Key": key} if key else {})}
    return house.http.post("/v1/observations", json=body, headers=headers)


def test_an_observation_is_evidence_by_the_person_of_the_key(house: House) -> None:
    learner = house.learner("100")
    answer = post(house, observed(comment="Led the team."))
    assert (answer.status_code, answer.json()["outcomes"]) == (202, {"accepted": 1})
    ((envelope, event),) = house.published(EvidenceAcceptedV1)
    assert envelope.subject == str(learner)
    assert envelope.occurredat is not None
    assert envelope.occurredat.isoformat() == "2026-11-20T15:00:00+00:00"
    assessor = event.content.assessor
    assert (assessor.id, assessor.role, assessor.organisation) == ("t-1", "teacher", "lincoln")
    assert (event.content.source, event.content.comment) == ("maple.observations", "Led the team.")


def test_a_learner_may_be_named_by_id(house: House) -> None:
    learner = house.learner("100")
    answer = post(house, observed(learner={"id": str(learner)}))
    assert answer.json()["outcomes"] == {"accepted": 1}
    stranger = post(house, observed(learner={"id": "7b0c2f0e-93a5-4a53-8a0e-0d2f5a7b9d11"}), key="obs-2")
    assert (stranger.status_code, stranger.json()["pointer"]) == (404, "/learner/id")
    oak = post(house, observed(learner={"id": str(learner)}), key="obs-3", tenant="oak")
    assert oak.status_code == 404


def test_the_key_repeats_the_receipt_and_refuses_other_content(house: House) -> None:
    house.learner("100")
    first, again = post(house, observed()), post(house, observed())
    assert (again.status_code, again.json()) == (200, first.json())
    assert post(house, observed(comment="changed")).status_code == 409
    assert post(house, observed(), person="t-2").json()["receipt"] != first.json()["receipt"]
    assert len(house.published(EvidenceAcceptedV1)) == 2


def test_an_unknown_learner_is_parked_and_an_unknown_competency_quarantined(house: House) -> None:
    assert post(house, observed()).json()["outcomes"] == {"parked": 1}
    answer = post(house, observed(competency={"code": "NONE"}), key="obs-2").json()
    assert answer["outcomes"] == {"quarantined": 1}
    (item,) = house.receipt(answer["receipt"])["items"]
    assert (item["reason"], item["pointer"]) == ("unknown-competency", "/competency/code")
    house.learner("100")
    ((_, event),) = house.published(EvidenceAcceptedV1)
    assert event.content.organisation == "lincoln"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"assessor": {"id": "x"}}, "/assessor"),
        ({"occurred_at": "2026-11-20"}, "/occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at"),
        ({"occurred_at": "9999-12-31T23:00:00-14:00"}, "/occurred_at"),
        ({"occurred_at": "0000-01-01T00:00:00Z"}, "/occurred_at"),
        ({"rating": {"scale": "four", "score": "1e400"}}, "/rating/score"),
        ({"learner": {}}, "/learner"),
        ({"pathway": "NOT A SLUG"}, "/pathway"),
        ({"kind": "final"}, "/kind"),
    ],
)
def test_a_malformed_observation_is_refused_with_a_pointer(house: House, change: dict[str, Any], pointer: str) -> None:
    answer = post(house, observed(**change))
    assert (answer.status_code, answer.json()["pointer"]) == (400, pointer)
    assert house.count("receipt") == 0


def test_an_observation_needs_an_idempotency_key_and_a_teacher(house: House) -> None:
    assert post(house, observed(), key=None).status_code == 400
    headers = {**house.token("registrar"), "Idempotency-Key": "k"}
    assert house.http.post("/v1/observations", json=observed(), headers=headers).status_code == 403
    assert house.http.post("/v1/observations", json=observed(), headers={"Idempotency-Key": "k"}).status_code == 401
