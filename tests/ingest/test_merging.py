"""Merges, un-merges and corrected links: what was said of one learner is said of another, and nothing counts twice."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from contracts.learners_v1 import LearnerEnrolledV1, LearnersMergedV1, LearnersUnmergedV1, LinkCorrectedV1
from services.ingest.domain.claims import Identifier
from services.ingest.use_cases import move
from services.ingest.use_cases.merge import CorrectLink, MergeLearners, UnmergeLearner
from services.ingest.use_cases.registrars_word import Said
from tests.ingest.house import TENANT, House, form, project

Employer = tuple[str, str]


def ask(house: House, path: str, body: dict[str, Any], status: int = 201, role: str = "registrar") -> dict[str, Any]:
    answer = house.http.post(f"/v1/learners/{path}", json=body, headers=house.token(role))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def merge(house: House, learner: UUID, into: UUID, status: int = 201) -> dict[str, Any]:
    return ask(house, f"{learner}/merge", {"into": str(into), "reason": "entered twice"}, status)


def unmerge(house: House, learner: UUID, status: int = 201) -> dict[str, Any]:
    return ask(house, f"{learner}/unmerge", {"reason": "two cousins"}, status)


def counted(house: House) -> list[tuple[str, str]]:
    """(learner, score or level) of everything in force."""
    found: dict[Any, tuple[str, str]] = {}
    for envelope, event in house.published(EvidenceAcceptedV1, EvidenceRevisedV1):
        rating = event.content.rating
        found[envelope.id] = (envelope.subject, rating.score or rating.level)
    for _, event in house.published(EvidenceRevisedV1, EvidenceRetractedV1):
        found.pop(getattr(event, "revises", None) or event.retracts)
    return sorted(found.values())


def current(house: House, learner: UUID) -> dict[str, Any]:
    answer = house.http.get(f"/v1/learners/{learner}", headers=house.token("registrar"))
    assert answer.status_code == 200
    return dict(answer.json())


@pytest.fixture
def two(house: House, school: str) -> tuple[UUID, UUID, str]:
    """Two learners with two pieces of evidence each, and the stream they came by."""
    ana, anna = house.learner("100"), house.learner("200")
    stream = house.stream(school)
    lines = [project("a-1", 70), project("a-2", 80), project("b-1", 60, "200"), project("b-2", 90, "200", "SAFE")]
    house.lines(school, stream, 1, lines)
    return ana, anna, stream


def test_everything_of_a_merged_learner_is_retracted_there_and_accepted_here_under_new_ids(
    house: House, two: tuple[UUID, UUID, str]
) -> None:
    ana, anna, _ = two
    before = {envelope.id: event.content for envelope, event in house.published(EvidenceAcceptedV1)}

    said = merge(house, ana, anna)

    assert (said["moved"], said["from"], said["to"]) == (2, str(ana), str(anna))
    assert counted(house) == sorted((str(anna), score) for score in ("70", "80", "60", "90"))
    moved = [(e, event) for e, event in house.published(EvidenceAcceptedV1) if event.moved_from]
    retracted = {event.retracts: (e, event) for e, event in house.published(EvidenceRetractedV1)}
    assert len(moved) == 2
    for envelope, event in moved:
        there, retraction = retracted[event.moved_from]
        assert envelope.id not in before
        assert (there.subject, retraction.moved_to, retraction.merged_with) == (str(ana), envelope.id, anna)
        assert (event.content, event.merged_with) == (before[event.moved_from], ana)
        assert envelope.occurredat is not None
    merged = house.published(LearnersMergedV1)
    assert sorted(e.subject for e, _ in merged) == sorted([str(ana), str(anna)])
    assert {(event.learner, event.into) for _, event in merged} == {(ana, anna)}


def test_the_senders_retries_corrections_and_withdrawals_find_what_moved(
    house: House, school: str, two: tuple[UUID, UUID, str]
) -> None:
    ana, anna, stream = two
    merge(house, ana, anna)

    again = house.stream(school)
    house.lines(school, again, 1, [project("a-1", 70), project("a-2", 80)])
    assert house.tally(school) == {"accepted": 4, "duplicate": 2}
    house.lines(school, stream, 5, [project("a-1", 75), {"id": "a-2", "gone": "true"}])

    assert counted(house) == sorted((str(anna), score) for score in ("75", "60", "90"))
    assert {e.subject for e, _ in house.published(EvidenceRevisedV1)} == {str(anna)}


def test_the_old_id_points_to_the_new_one_and_its_identifiers_mean_it(
    house: House, two: tuple[UUID, UUID, str]
) -> None:
    ana, anna, _ = two
    merge(house, ana, anna)
    assert current(house, ana) == {"learner": str(ana), "current": str(anna), "merged": [str(ana)]}
    wanted = [{"scheme": "student-number", "value": number} for number in ("100", "200")]
    found = house.http.post("/v1/learners/lookup", json={"identifiers": wanted}, headers=house.token("registrar"))
    assert found.json()["learners"] == [str(anna), str(anna)]
    refused = ask(house, f"{ana}/links", {"scheme": "badge", "value": "7"}, 409)
    assert (refused["type"], refused["current"]) == ("/problems/learner-merged", str(anna))
    third = house.learner("300")
    assert merge(house, third, ana, 409)["current"] == str(anna)
    assert merge(house, ana, third, 409)["current"] == str(anna)


def test_receipts_name_the_evidence_by_the_id_it_has_now(house: House, employer: Employer) -> None:
    ana, anna = house.learner("100"), house.learner("200")
    receipt = house.webhook(*employer, "msg-1", form(TEAM="3")).json()["receipt"]
    merge(house, ana, anna)
    moved = [e.id for e, event in house.published(EvidenceAcceptedV1) if event.moved_from]
    assert [UUID(item["evidence"]) for item in house.receipt(receipt)["items"]] == moved


def test_merging_again_changes_nothing_and_answers_the_same(house: House, two: tuple[UUID, UUID, str]) -> None:
    ana, anna, _ = two
    first = merge(house, ana, anna)
    count = len(house.published())
    assert merge(house, ana, anna, 200) == first
    other_way = ask(house, f"{anna}/merge", {"from": str(ana), "reason": "entered twice"}, 200)
    assert other_way == first
    assert len(house.published()) == count


def test_what_comes_by_the_old_id_after_the_merge_is_the_survivors(house: House) -> None:
    ana, anna = house.learner("100"), house.learner("200")
    merge(house, ana, anna)
    body = {
        "learner": {"id": str(ana)},
        "competency": {"code": "TEAM"},
        "rating": {"scale": "four", "level": "3"},
        "occurred_at": "2026-11-19T10:00:00Z",
        "pathway": "classroom",
    }
    headers = house.token("teacher") | {"Idempotency-Key": "o-1"}
    assert house.http.post("/v1/observations", json=body, headers=headers).status_code == 202
    assert counted(house) == [(str(anna), "3")]
    unmerge(house, ana)
    assert counted(house) == [(str(ana), "3")], "it was said of the one that is somebody else again"


def test_an_unmerge_gives_back_what_came_by_the_learners_identifiers_before_and_since(
    house: House, school: str, two: tuple[UUID, UUID, str]
) -> None:
    ana, anna, stream = two
    merge(house, ana, anna)
    house.lines(school, stream, 5, [project("a-3", 85), project("b-3", 65, "200"), project("a-1", 71)])

    said = unmerge(house, ana)

    assert said["moved"] == 3
    assert counted(house) == sorted(
        [(str(ana), score) for score in ("71", "80", "85")] + [(str(anna), score) for score in ("60", "90", "65")]
    )
    assert current(house, ana)["current"] == str(ana)
    assert len(house.published(LearnersUnmergedV1)) == 2
    assert unmerge(house, ana, 409)["type"] == "/problems/not-merged"
    house.lines(school, stream, 8, [{"id": "a-1", "gone": "true"}, project("b-3", 66, "200")])
    assert (str(ana), "71") not in counted(house)
    assert (str(anna), "66") in counted(house)


def test_a_chain_of_merges_is_followed_and_can_be_taken_apart(house: House, two: tuple[UUID, UUID, str]) -> None:
    ana, anna, _ = two
    third = house.learner("300")
    merge(house, ana, anna)
    merge(house, anna, third)
    assert {learner for learner, _ in counted(house)} == {str(third)}
    assert current(house, ana)["current"] == str(third)
    unmerge(house, ana)
    assert [score for learner, score in counted(house) if learner == str(ana)] == ["70", "80"]
    assert current(house, anna) == {"learner": str(anna), "current": str(third), "merged": [str(anna)]}


def test_a_corrected_link_moves_what_came_by_that_identifier_and_nothing_else(
    house: House, school: str, two: tuple[UUID, UUID, str]
) -> None:
    ana, anna, stream = two
    ask(house, f"{ana}/links", {"scheme": "student-number", "value": "badge-7"})
    house.lines(school, stream, 5, [project("c-1", 55, "badge-7"), project("c-2", 56, "badge-7")])
    body = {"scheme": "student-number", "value": "badge-7", "corrects": str(ana), "reason": "her sister's badge"}

    said = ask(house, f"{anna}/links", body)

    assert said["moved"] == 2
    assert [score for learner, score in counted(house) if learner == str(ana)] == ["70", "80"]
    retracted = [event for _, event in house.published(EvidenceRetractedV1)]
    assert all(event.moved_to and event.merged_with is None for event in retracted), "they are two persons"
    corrected = house.published(LinkCorrectedV1)
    assert sorted(e.subject for e, _ in corrected) == sorted([str(ana), str(anna)])
    assert {(event.wrong, event.learner) for _, event in corrected} == {(ana, anna)}
    assert ask(house, f"{anna}/links", body, 200)["moved"] == 0
    house.lines(school, stream, 7, [project("c-1", 57, "badge-7"), project("a-1", 72)])
    assert {(str(anna), "57"), (str(ana), "72")} <= set(counted(house))


def test_a_correction_names_whom_the_identifier_meant(house: House, two: tuple[UUID, UUID, str]) -> None:
    ana, anna, _ = two
    third = house.learner("300")
    link = {"scheme": "student-number", "value": "100", "reason": "typo"}
    assert ask(house, f"{third}/links", {**link, "corrects": str(anna)}, 409)["type"] == "/problems/identifier-taken"
    nobody = {**link, "value": "nobody", "corrects": str(ana)}
    assert ask(house, f"{third}/links", nobody, 404)["type"] == "/problems/identifier-unknown"
    ask(house, f"{ana}/links", {**link, "corrects": str(ana)}, 400)
    ask(house, f"{third}/links", {"scheme": "student-number", "value": "100", "corrects": str(ana)}, 400)
    ask(house, f"{third}/links", link, 400)
    assert {learner for learner, _ in counted(house)} == {str(ana), str(anna)}


def test_only_a_registrar_merges_and_only_within_the_tenant(house: House, two: tuple[UUID, UUID, str]) -> None:
    ana, anna, _ = two
    body = {"into": str(anna), "reason": "x"}
    for role in ("teacher", "auditor", "adviser"):
        ask(house, f"{ana}/merge", body, 403, role)
    oak = house.http.post(f"/v1/learners/{ana}/merge", json=body, headers=house.token("registrar", "oak"))
    assert oak.json()["type"] == "/problems/learner-unknown"
    ask(house, f"{ana}/merge", {"into": str(uuid4()), "reason": "x"}, 404)
    ask(house, f"{ana}/merge", {"into": str(ana), "reason": "x"}, 400)
    ask(house, f"{ana}/merge", {"into": str(anna)}, 400)
    ask(house, f"{ana}/merge", {**body, "from": str(anna)}, 400)
    assert not house.published(LearnersMergedV1)


def test_a_large_learner_moves_in_batches_and_a_kill_between_two_is_made_good(
    house: House, school: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "BATCH_MAX", 3)
    ana, anna = house.learner("100"), house.learner("200")
    house.lines(school, house.stream(school), 1, [project(f"a-{n}", n) for n in range(10)])
    work = move.MoveBatch.decide
    monkeypatch.setattr(move.MoveBatch, "decide", lambda *_: (_ for _ in ()).throw(MemoryError("killed")))
    answer = house.http.post(
        f"/v1/learners/{ana}/merge", json={"into": str(anna), "reason": "x"}, headers=house.token("registrar")
    )
    assert answer.status_code == 500
    assert sorted({learner for learner, _ in counted(house)}) == sorted([str(ana), str(anna)])
    assert current(house, ana)["current"] == str(anna)

    monkeypatch.setattr(move.MoveBatch, "decide", work)
    house.reopen()
    house.wait(lambda: house.count("move", state="done") == 1)

    assert counted(house) == sorted((str(anna), str(n)) for n in range(10))
    assert merge(house, ana, anna, 200)["moved"] == 10


def test_a_move_waits_for_the_ones_before_it_whoever_goes_on_with_which(
    house: House, two: tuple[UUID, UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Corrected there and back with a kill in between: the second must not end before the first."""
    monkeypatch.setattr(move, "BATCH_MAX", 1)
    ana, anna, _ = two
    shared, by = house.parts, Said(TENANT, "registrar", "misread")
    name = Identifier("student-number", "100")

    shared.commits.do(CorrectLink(shared.moving, by, anna, ana, name))
    begun = shared.commits.do(CorrectLink(shared.moving, by, ana, anna, name))
    move.finish(shared.commits.do, shared.moving, begun)

    assert house.count("move", state="done") == 2
    assert counted(house) == sorted([(str(ana), "70"), (str(ana), "80"), (str(anna), "60"), (str(anna), "90")])


def test_a_merge_taken_back_before_it_was_complete_is_completed_first(
    house: House, two: tuple[UUID, UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "BATCH_MAX", 1)
    ana, anna, _ = two
    third, by = house.learner("300"), Said(TENANT, "registrar", "misread")
    shared, name = house.parts, Identifier("student-number", "100")

    shared.commits.do(MergeLearners(shared.moving, by, ana, anna))
    shared.commits.do(CorrectLink(shared.moving, by, third, anna, name))
    begun = shared.commits.do(UnmergeLearner(shared.moving, by, ana))
    move.finish(shared.commits.do, shared.moving, begun)

    assert counted(house) == sorted([(str(third), "70"), (str(third), "80"), (str(anna), "60"), (str(anna), "90")])


def test_enrolments_follow_and_a_later_roster_finds_them(house: House) -> None:
    person = {"identifiers": {"student-number": "100"}, "enrolments": [{"organisation": "jefferson"}]}
    ana = UUID(house.roster([person])["learners"][0])
    anna = house.learner("200")
    (enrolled,) = [event.enrolment for e, event in house.published(LearnerEnrolledV1) if e.subject == str(ana)]

    merge(house, ana, anna)

    theirs = [event.enrolment for e, event in house.published(LearnerEnrolledV1) if e.subject == str(ana)]
    assert str(theirs[-1].ends_on) == "2026-11-20"
    hers = [event.enrolment for e, event in house.published(LearnerEnrolledV1) if e.subject == str(anna)]
    assert hers[-1] == enrolled
    ended = {**person, "enrolments": [{"organisation": "jefferson", "ends_on": "2027-06-11"}]}
    assert house.roster([ended])["enrolled"] == 1
    hers = [event.enrolment for e, event in house.published(LearnerEnrolledV1) if e.subject == str(anna)]
    assert (hers[-1].id, str(hers[-1].ends_on)) == (enrolled.id, "2027-06-11")
    unmerge(house, ana)
    back = [event.enrolment for e, event in house.published(LearnerEnrolledV1) if e.subject == str(ana)]
    assert (back[-1].id, str(back[-1].ends_on)) == (enrolled.id, "2027-06-11")


def test_the_reason_is_kept_sealed(house: House, two: tuple[UUID, UUID, str]) -> None:
    ana, anna, _ = two
    body = {"into": str(anna), "reason": "Ana Ruiz was entered twice"}
    said = ask(house, f"{ana}/merge", body)
    with house.parts.database.read() as cursor:
        (sealed,) = cursor.execute("SELECT sealed FROM move").fetchone()
    assert b"Ruiz" not in sealed
    key = house.keys.learner_key("maple", anna)
    assert key.open(sealed, UUID(said["move"]).bytes).decode() == body["reason"]
