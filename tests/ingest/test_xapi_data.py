"""Real statements of Moodle, Open edX and FUN-MOOC at the xAPI door, counted exactly."""

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1
from tests.ingest.house import House
from tests.ingest.xapi_world import Sender, mapping_of, sender
from tests.support.paths import SHARED_DATA

DATA = SHARED_DATA / "xapi"


def fixtures(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text().splitlines()
    return [json.loads(line)["statement"] for line in lines]


def enrol_actors(house: House, statements: list[dict[str, Any]]) -> None:
    """Everybody who acts is on the roster, by account."""
    accounts = {(who["account"]["homePage"], who["account"]["name"]) for who in (each["actor"] for each in statements)}
    people = [
        {"identifiers": {"account": f"{home}|{name}"}, "enrolments": [{"organisation": "lincoln"}]}
        for home, name in sorted(accounts)
    ]
    for first in range(0, len(people), 500):
        house.roster(people[first : first + 500])


def counts(lms: Sender) -> tuple[int, dict[str, int]]:
    return lms.house.count("statement", source=lms.source), lms.tally()


def test_of_moodles_190_statements_169_are_taken_and_none_again(house: House) -> None:
    sent = fixtures("moodle-logstore-xapi-190.jsonl")
    enrol_actors(house, sent)
    lms = sender(house, "moodle", mapping_of("moodle-xapi"))

    for first in range(0, len(sent), 30):  # its own batch size
        answer = lms.post(sent[first : first + 30])
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) == len(sent[first : first + 30])

    assert counts(lms) == (169, {"accepted": 7, "no_claim": 162, "duplicate": 21})
    scores = [event.content.rating.score for _, event in house.published(EvidenceAcceptedV1)]
    assert sorted(scores, key=float) == ["50", "50", "50", "50", "75", "100", "100"]  # by `scaled` 50 would be 0
    assert lms.post(sent).status_code == 200
    assert counts(lms) == (169, {"accepted": 7, "no_claim": 162, "duplicate": 21 + 190})
    assert len(house.published(EvidenceAcceptedV1)) == 7


def test_of_open_edx_s_90_statements_65_are_taken_3_repeated_and_22_in_conflict(house: House) -> None:
    sent = fixtures("openedx-xapi.jsonl")
    enrol_actors(house, sent)
    lms = sender(house, "openedx", mapping_of("openedx-xapi"), lenient=True)

    whole = lms.post(sent)
    assert (whole.status_code, whole.json()["type"]) == (400, "/problems/statement-twice")
    assert counts(lms) == (0, {})

    answers = [lms.post(each).status_code for each in sent]
    assert (answers.count(200), answers.count(409)) == (65 + 3, 22)
    stored, tally = counts(lms)
    assert (stored, tally["duplicate"], tally["conflict"]) == (65, 3, 22)
    assert tally["accepted"] + tally["no_claim"] + tally.get("quarantined", 0) == 65


def test_strict_refuses_the_25_statements_of_open_edx_that_other_validators_refuse(house: House) -> None:
    lms = sender(house, "openedx", mapping_of("openedx-xapi"))
    answers = [lms.post({**each, "id": f"00000000-0000-4000-8000-{n:012}"}) for n, each in enumerate(open_edx())]
    refused = [answer for answer in answers if answer.status_code == 400]
    assert len(refused) == 25
    assert {answer.json()["type"] for answer in refused} == {"/problems/statement-refused"}


def open_edx() -> list[dict[str, Any]]:
    return fixtures("openedx-xapi.jsonl")


@pytest.fixture(scope="module")
def video() -> list[dict[str, Any]]:
    """FUN-MOOC's 22,000."""
    with gzip.open(DATA / "funmooc-video-22000.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def cut(sent: list[Any], seed: int) -> Iterator[list[Any]]:
    """Batches of 1 to 500."""
    chance, at = random.Random(seed), 0
    while at < len(sent):
        size = chance.randint(1, 500)
        yield sent[at : at + size]
        at += size


@pytest.mark.system  # 44,000 statements: half a minute
def test_of_fun_mooc_s_22000_statements_636_are_evidence_and_none_again(
    house: House, video: list[dict[str, Any]]
) -> None:
    enrol_actors(house, video)
    lms = sender(house, "funmooc", mapping_of("funmooc-video"), lenient=True)

    assert all(lms.post(batch).status_code == 200 for batch in cut(video, 1))

    first = (22_000, {"accepted": 636, "no_claim": 21_364})
    assert counts(lms) == first
    assert all(lms.post(batch).status_code == 200 for batch in cut(video, 2))
    assert counts(lms) == (22_000, {**first[1], "duplicate": 22_000})
    assert len(house.published(EvidenceAcceptedV1)) == 636


def test_strict_refuses_every_statement_of_fun_mooc(house: House, video: list[dict[str, Any]]) -> None:
    lms = sender(house, "funmooc", mapping_of("funmooc-video"))
    assert {lms.post(each).status_code for each in video[:50]} == {400}
    assert counts(lms) == (0, {})
