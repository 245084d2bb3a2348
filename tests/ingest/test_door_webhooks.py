"""The webhook door: what is answered, and what the others are told."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from services.ingest.formats.standard_webhooks import public_key_of, signed_headers
from services.runtime.store.database import Cursor
from tests.ingest.house import TEAM, House, form

Employer = tuple[str, str]


def test_a_signed_form_becomes_one_piece_of_evidence_a_rating(house: House, employer: Employer) -> None:
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


def test_the_same_message_again_gets_the_same_receipt_and_counts_nothing(house: House, employer: Employer) -> None:
    house.learner("100")
    first = house.webhook(*employer, "msg-1", form(TEAM="3"))
    house.clock.pass_time(minutes=7)

    again = house.webhook(*employer, "msg-1", form(TEAM="3"))

    assert again.status_code == 200
    assert again.json() == first.json()
    assert len(house.published(EvidenceAcceptedV1)) == 1
    assert house.tally(employer[0]) == {"accepted": 1, "duplicate": 1}


def test_other_content_under_a_message_id_is_a_conflict_and_counted_nowhere(house: House, employer: Employer) -> None:
    house.learner("100")
    house.webhook(*employer, "msg-1", form(TEAM="3"))

    other = house.webhook(*employer, "msg-1", form(TEAM="4"))

    assert other.status_code == 409
    assert other.json()["type"] == "/problems/message-conflict"
    assert len(house.published()) == len(house.published(EvidenceAcceptedV1)) + 3  # registered, linked, enrolled
    assert house.tally(employer[0]) == {"accepted": 1, "conflict": 1}


def test_a_corrected_record_revises_and_going_back_revises_again(house: House, employer: Employer) -> None:
    house.learner("100")
    for number, rating in enumerate(("3", "4", "3")):
        assert house.webhook(*employer, f"msg-{number}", form(TEAM=rating)).json()["outcomes"] == {"accepted": 1}

    accepted, first, second = house.published(EvidenceAcceptedV1, EvidenceRevisedV1)

    assert first[1].revises == accepted[0].id
    assert second[1].revises == first[0].id
    assert [event.content.rating.level for _, event in (accepted, first, second)] == ["3", "4", "3"]


def test_a_record_said_again_in_another_message_is_a_duplicate(house: House, employer: Employer) -> None:
    house.learner("100")
    house.webhook(*employer, "msg-1", form(TEAM="3"))

    again = house.webhook(*employer, "msg-2", form(TEAM="3", SAFE="2"))

    assert again.json()["outcomes"] == {"accepted": 1, "duplicate": 1}
    assert len(house.published(EvidenceAcceptedV1)) == 2


def test_a_withdrawal_retracts_what_the_record_proved(house: House, employer: Employer) -> None:
    learner = house.learner("100")
    house.webhook(*employer, "msg-1", form(TEAM="3"))

    answer = house.webhook(*employer, "msg-2", {**form(TEAM="3"), "type": "withdrawn"})

    ((accepted, _),) = house.published(EvidenceAcceptedV1)
    ((envelope, retraction),) = house.published(EvidenceRetractedV1)
    assert answer.json()["outcomes"] == {"accepted": 1}
    assert (envelope.subject, retraction.retracts) == (str(learner), accepted.id)
    assert house.webhook(*employer, "msg-3", {**form(TEAM="3"), "type": "withdrawn"}).json()["outcomes"] == {
        "duplicate": 1
    }


def test_a_record_corrected_to_another_learner_moves(house: House, employer: Employer) -> None:
    before, after = house.learner("100"), house.learner("200")
    house.webhook(*employer, "msg-1", form(TEAM="3"))

    house.webhook(*employer, "msg-2", form(TEAM="3", student="200"))

    events = house.published(EvidenceAcceptedV1, EvidenceRetractedV1)
    first = next(envelope for envelope, event in events if getattr(event, "moved_from", 1) is None)
    moved, event = next(pair for pair in events if getattr(pair[1], "moved_from", None))
    retracted, retraction = next(pair for pair in events if isinstance(pair[1], EvidenceRetractedV1))
    assert (first.subject, moved.subject, retracted.subject) == (str(before), str(after), str(before))
    assert event.moved_from == retraction.retracts == first.id != moved.id


def test_what_was_not_observed_and_baselines_are_published_and_say_so(house: House, employer: Employer) -> None:
    house.learner("100")
    house.webhook(*employer, "msg-1", form(TEAM="N/A"))
    house.webhook(*employer, "msg-2", form("r-2", kind="baseline", TEAM="1"))

    (_, unseen), (_, baseline) = house.published(EvidenceAcceptedV1)

    assert (unseen.content.rating.observed, unseen.content.rating.level) == (False, None)
    assert (baseline.content.kind, baseline.content.rating.level) == ("baseline", "1")


@pytest.mark.parametrize(
    ("body", "reason", "pointer"),
    [
        (form(NONE="3"), "unknown-competency", "/ratings/0/skill"),
        (form(TEAM="9"), "unknown-level", "/ratings/0/rating"),
        ({**form(TEAM="3"), "on": "2026-11-23"}, "occurred-in-future", "/on"),
        ({**form(TEAM="3"), "on": "1899-12-31"}, "occurred-too-early", "/on"),
        ({**form(TEAM="3"), "on": "soon"}, "not-a-date", "/on"),
        (b"{not json", "malformed-json", ""),
        (b'{"a": 1, "a": 2}', "malformed-json", "/a"),
    ],
)
def test_what_cannot_be_counted_is_quarantined_with_reason_and_pointer(
    house: House, employer: Employer, body: Any, reason: str, pointer: str
) -> None:
    house.learner("100")

    answer = house.webhook(*employer, "msg-1", body)

    assert answer.status_code == 202
    assert answer.json()["outcomes"] == {"quarantined": 1}
    assert not house.published(EvidenceAcceptedV1)
    boss = house.token("district")
    (entry,) = house.http.get("/v1/quarantine", headers=boss).json()["quarantine"]
    (why,) = entry["reasons"]
    assert (why["reason"], why["pointer"]) == (reason, pointer)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert house.http.get(f"/v1/quarantine/{entry['id']}/raw", headers=boss).content == raw
    assert house.http.get(f"/v1/quarantine/{entry['id']}", headers=house.token("auditor")).status_code == 403
    assert house.http.get(f"/v1/quarantine/{entry['id']}", headers=house.token("district", "oak")).status_code == 404


def test_one_bad_rating_leaves_the_others_of_its_form_alone(house: House, employer: Employer) -> None:
    house.learner("100")
    answer = house.webhook(*employer, "msg-1", form(TEAM="3", NONE="3", SAFE="2"))
    assert answer.json()["outcomes"] == {"accepted": 2, "quarantined": 1}
    items = house.receipt(answer.json()["receipt"])["items"]
    assert [item["outcome"] for item in items] == ["accepted", "quarantined", "accepted"]


def test_a_forged_or_unknown_webhook_is_refused(house: House, employer: Employer) -> None:
    source, _ = employer
    forged = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    assert house.webhook(source, forged, "msg-1", form(TEAM="3")).status_code == 401
    assert house.webhook("maple.nobody", forged, "msg-1", form(TEAM="3")).status_code == 404
    assert house.http.post(f"/v1/webhooks/{source}", content=b"{}").status_code == 400
    assert house.webhook(source, forged, "msg-1", b"x" * 70_000).status_code == 413
    assert house.count("receipt") == 0


def test_while_keys_rotate_both_sign_and_then_only_the_new_one(house: House, employer: Employer) -> None:
    source, old = employer
    house.learner("100")
    new = house.secret(source, end_others_after_s=3600)
    assert house.webhook(source, old, "msg-1", form("r-1", TEAM="3")).status_code == 202
    assert house.webhook(source, new, "msg-2", form("r-2", TEAM="3")).status_code == 202
    house.clock.pass_time(hours=1)
    assert house.webhook(source, old, "msg-3", form("r-3", TEAM="3")).status_code == 401
    assert house.webhook(source, new, "msg-4", form("r-4", TEAM="3")).status_code == 202


def test_a_public_key_of_the_sender_verifies_its_webhooks(house: House, employer: Employer) -> None:
    source, _ = employer
    house.learner("100")
    private = Ed25519PrivateKey.generate()
    pair = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    secret = "whsk_" + base64.b64encode(pair).decode()
    assert house.secret(source, key=public_key_of(secret)) == ""
    assert house.webhook(source, secret, "msg-1", form(TEAM="3")).status_code == 202


def test_64_webhooks_at_once_are_durable_in_at_most_16_commits(
    house: House, employer: Employer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, secret = employer
    for number in range(64):
        house.learner(f"n{number}")
    write, durable = house.parts.database.write, list[int]()

    @contextmanager
    def noted(**said: bool) -> Iterator[Cursor]:
        with write(**said) as cursor:
            yield cursor
        durable.append(house.count("receipt"))

    monkeypatch.setattr(house.parts.database, "write", noted)
    answers = asyncio.run(_at_once(house, source, secret))
    assert [answer.status_code for answer in answers] == [202] * 64
    assert len({answer.json()["receipt"] for answer in answers}) == 64
    assert len(house.published(EvidenceAcceptedV1)) == 64
    assert max(durable) == 64, "every receipt was seen to be durable"
    assert len({receipts for receipts in durable if receipts}) <= 16


async def _at_once(house: House, source: str, secret: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(house.service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
        sent = []
        for number in range(64):
            raw = json.dumps(form(f"r-{number}", f"n{number}", TEAM="3")).encode()
            headers = signed_headers([secret], f"msg-{number}", house.clock.at, raw)
            sent.append(client.post(f"/v1/webhooks/{source}", content=raw, headers=headers))
        return list(await asyncio.gather(*sent))


def test_a_source_without_a_mapping_is_told_so(house: House) -> None:
    boss = house.token("district")
    body = {"name": "bare", "organisation": "lincoln", "pathway": "work_based"}
    house.http.post("/v1/sources", json=body, headers=boss)
    secret = house.secret("maple.bare")
    answer = house.webhook("maple.bare", secret, "msg-1", form(TEAM="3"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/mapping-missing")


def test_a_stale_timestamp_is_refused_and_the_next_attempt_is_the_same_message(
    house: House, employer: Employer
) -> None:
    source, secret = employer
    house.learner("100")
    raw = json.dumps(form(TEAM="3")).encode()
    stale = signed_headers([secret], "msg-1", house.clock.at - timedelta(minutes=6), raw)
    assert house.http.post(f"/v1/webhooks/{source}", content=raw, headers=stale).status_code == 401
    assert house.webhook(source, secret, "msg-1", raw).status_code == 202
