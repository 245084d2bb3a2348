"""The webhook door: what is answered and what is published."""

from contracts.evidence_v1 import EvidenceAcceptedV1
from tests.ingest.house import TEAM, House, form


def test_a_signed_form_becomes_one_piece_of_evidence_a_rating(house: House, employer: tuple[str, str]) -> None:
    source, secret = employer
    learner = house.learner("100")

    answer = house.webhook(source, secret, "msg-1", form(TEAM="3", SAFE="4"))

    assert answer.status_code == 202, answer.text
    assert answer.json()["outcomes"] == {"accepted": 2}
    evidence = house.published(EvidenceAcceptedV1)
    assert [event.content.competency.code for _, event in evidence] == ["TEAM", "SAFE"]
    envelope, event = evidence[0]
    assert envelope.subject == str(learner)
    assert event.content.competency.identifier == TEAM
    assert (event.content.rating.scale, event.content.rating.level) == ("four", "3")
    assert (event.content.source, event.content.organisation, event.content.pathway) == (
        source,
        "lincoln",
        "work_based",
    )
    assert str(event.content.receipt) == answer.json()["receipt"]
    items = house.receipt(answer.json()["receipt"])["items"]
    assert [item["evidence"] for item in items] == [str(envelope.id) for envelope, _ in evidence]
