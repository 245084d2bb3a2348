"""Erasing: what was said of a person opens nowhere any more, whatever is killed, and nobody else loses anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1
from contracts.learners_v1 import LearnerErasedV1
from services.ingest.storage import erasures
from services.ingest.storage.schema import MIGRATIONS, SEEN_WITH
from services.ingest.use_cases.eraser import Eraser, GoOn
from services.runtime.keys import KeyDestroyed
from services.runtime.store.postgres_schema import migrate
from tests.ingest.house import FORM_MAPPING, LINE_MAPPING, TENANT, House, form, project
from tests.ingest.test_merging import merge
from tests.ingest.test_roster_packages import PACKAGE, put
from tests.ingest.xapi_world import sender, statement

Employer = tuple[str, str]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def house(request, tmp_path: Path) -> Iterator[House]:
    settings = {}
    if request.param == "postgres":
        settings["store_url"] = request.getfixturevalue("postgres").fresh()
        migrate(settings["store_url"], "ingest", MIGRATIONS, SEEN_WITH)
    made = House(tmp_path, settings=settings)
    made.publish_catalogue()
    yield made
    made.close()


@pytest.fixture
def employer(house: House) -> Employer:
    source = house.source("employer", FORM_MAPPING)
    return source, house.secret(source)


def erase(house: House, learner: UUID, status: int = 201, role: str = "registrar", **said: Any) -> dict[str, Any]:
    body = {"reason": "asked for by a guardian", **said}
    answer = house.http.post(f"/v1/learners/{learner}/erasure", json=body, headers=house.token(role))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def opens(house: House, receipt: str) -> bool:
    """Whether what was sent can still be read."""
    id_ = UUID(receipt)
    with house.parts.database.read() as cursor:
        select = "SELECT s.sealed FROM submission s JOIN receipt r ON r.seq = s.receipt WHERE r.id = ?"
        (sealed,) = cursor.execute(select, (id_.bytes,)).fetchone()
    try:
        return bool(house.keys.submission_key(TENANT, id_).open(sealed, id_.bytes))
    except KeyDestroyed:
        return False


def gone(house: House, learner: UUID) -> bool:
    try:
        house.keys.learner_key(TENANT, learner)
    except KeyDestroyed:
        return True
    return False


def state(house: House, erasure: str) -> str:
    with house.parts.database.read() as cursor:
        found = erasures.by_id(cursor, UUID(erasure))
    assert found is not None
    return found.state


def test_an_erased_learner_is_said_in_clear_and_everything_of_it_is_unreadable(
    house: House, employer: Employer
) -> None:
    ana, ben = house.learner("100"), house.learner("200")
    hers = house.webhook(*employer, "msg-1", form(TEAM="3")).json()["receipt"]
    his = house.webhook(*employer, "msg-2", form("r-2", "200", TEAM="2")).json()["receipt"]
    assert (opens(house, hers), opens(house, his), gone(house, ana)) == (True, True, False)

    told = erase(house, ana)

    assert (told["complete"], told["learner"]) == (True, str(ana))
    assert (opens(house, hers), opens(house, his), gone(house, ana), gone(house, ben)) == (False, True, True, False)
    raw = [envelope for envelope in envelopes(house) if envelope["type"] == LearnerErasedV1.TYPE]
    ((envelope),) = raw
    assert (envelope["id"], envelope["data"]) == (told["events"][str(ana)], {"erasure": told["erasure"]})
    assert "data_base64" not in envelope
    assert "guardian" not in json.dumps(envelope)
    for table in ("identifier", "enrolment", "record"):
        assert house.count(table, learner=ana.bytes) == 0
        assert house.count(table, learner=ben.bytes) > 0 or table == "enrolment"
    assert house.count("learner", id=ana.bytes, sealed=b"", profile=b"") == 1
    assert house.count("outcome", outcome="accepted") == 2, "that something came stays"


def without_claim(house: House, employer: Employer) -> str:
    return str(house.webhook(*employer, "msg-1", {**form(), "ratings": []}).json()["receipt"])


def unreadable_skill(house: House, employer: Employer) -> str:
    return str(house.webhook(*employer, "msg-1", {**form(), "ratings": [{"rating": "3"}]}).json()["receipt"])


def tombstone(house: House, employer: Employer) -> str:
    return str(house.webhook(*employer, "msg-1", {**form(TEAM="3"), "type": "withdrawn"}).json()["receipt"])


@pytest.mark.parametrize("sent", [without_claim, unreadable_skill, tombstone])
def test_what_names_somebody_and_claims_nothing_goes_with_them(house: House, employer: Employer, sent) -> None:
    ana = house.learner("100")
    receipt = sent(house, employer)
    assert opens(house, receipt)
    erase(house, ana)
    assert not opens(house, receipt)


def test_a_repeated_line_is_not_kept_again_with_those_that_follow(house: House, school: str) -> None:
    ana, _ = house.learner("100"), house.learner("200")
    stream, hers, his = house.stream(school), project("a-1", 70), project("b-1", 60, "200")
    house.lines(school, stream, 1, [hers])
    receipt = json.loads(house.lines(school, stream, 1, [hers, his]).content.splitlines()[-1])["receipt"]
    erase(house, ana)
    with house.parts.database.read() as cursor:
        (sealed,) = cursor.execute("SELECT sealed FROM submission ORDER BY receipt DESC LIMIT 1").fetchone()
    id_ = UUID(receipt)
    assert json.loads(house.keys.submission_key(TENANT, id_).open(sealed, id_.bytes)) == his


def test_the_key_of_what_waited_once_goes_too_as_back_ups_of_that_time_hold_it_waiting(
    house: House, employer: Employer
) -> None:
    house.webhook(*employer, "msg-1", form(TEAM="3"))
    with house.parts.database.read() as cursor:
        (key,) = cursor.execute("SELECT key FROM parked").fetchone()
    ana = house.learner("100")
    assert house.keys.submission_key(TENANT, UUID(bytes=key))
    erase(house, ana)
    with pytest.raises(KeyDestroyed):
        house.keys.submission_key(TENANT, UUID(bytes=key))


def envelopes(house: House) -> list[dict[str, Any]]:
    with house.parts.database.read() as cursor:
        rows = cursor.execute("SELECT value FROM outbox WHERE topic = 'ingest.learner' ORDER BY part, seq").fetchall()
    return [json.loads(value) for (value,) in rows]


def test_again_is_the_same_erasure_and_only_a_registrar_may(house: House, employer: Employer) -> None:
    ana = house.learner("100")
    for role in ("teacher", "operator", "district", "adviser"):
        erase(house, ana, 403, role)
    erase(house, ana, 400, reason="")
    erase(house, uuid4(), 404)
    first = erase(house, ana)
    assert erase(house, ana, 200) == first
    assert len([each for each in envelopes(house) if each["type"] == LearnerErasedV1.TYPE]) == 1
    with house.parts.database.read() as cursor:
        row = cursor.execute("SELECT erased_by, sealed, id FROM erasure").fetchone()
    assert b"guardian" not in row[1]
    assert house.keys.tenant_data_key(TENANT, "erasures").open(row[1], row[2]) == b"asked for by a guardian"
    assert row[0]


def test_everything_about_an_erased_learner_is_410_and_names_the_event(house: House, employer: Employer) -> None:
    ana, ben = house.learner("100"), house.learner("200")
    told = erase(house, ana)
    clerk, reason = house.token("registrar"), {"reason": "x"}
    identifier = {"scheme": "student-number", "value": "555"}
    observation = {
        "learner": {"id": str(ana)}, "competency": {"code": "TEAM", "framework": "careers"},
        "rating": {"scale": "four-level", "level": "3"}, "occurred_at": "2026-11-19T10:00:00Z", "pathway": "work_based",
    }  # fmt: skip
    answers = [
        house.http.get(f"/v1/learners/{ana}", headers=clerk),
        house.http.post(f"/v1/learners/{ana}/links", json=identifier, headers=clerk),
        house.http.post(f"/v1/learners/{ben}/links", json=identifier | reason | {"corrects": str(ana)}, headers=clerk),
        house.http.post(f"/v1/learners/{ana}/merge", json=reason | {"into": str(ben)}, headers=clerk),
        house.http.post(f"/v1/learners/{ana}/merge", json=reason | {"from": str(ben)}, headers=clerk),
        house.http.post(f"/v1/learners/{ana}/unmerge", json=reason, headers=clerk),
    ]
    teacher = {**house.token("teacher"), "Idempotency-Key": "k-1"}
    seen = house.http.post("/v1/observations", json=observation, headers=teacher)
    for answer in [*answers, seen]:
        assert answer.status_code == 410, answer.text
        problem = answer.json()
        assert problem["type"] == "/problems/learner-erased"
        assert (problem["event"], problem["erased_at"]) == (told["events"][str(ana)], told["erased_at"])


def test_new_evidence_of_an_erased_identifier_waits_and_never_reaches_the_old_pseudonym(
    house: House, employer: Employer
) -> None:
    ana = house.learner("100")
    house.webhook(*employer, "msg-0", form("r-0", "nickname", TEAM="2"))  # waits for somebody else
    house.webhook(*employer, "msg-1", form(TEAM="3"))
    erase(house, ana)
    asked = {"identifiers": [{"scheme": "student-number", "value": "100"}]}
    found = house.http.post("/v1/learners/lookup", json=asked, headers=house.token("registrar"))
    assert found.json() == {"learners": [None]}
    again = house.webhook(*employer, "msg-2", form(TEAM="4"))  # the record that was accepted before
    other = house.webhook(*employer, "msg-3", form("r-3", TEAM="2"))
    assert [each.json()["outcomes"] for each in (again, other)] == [{"parked": 1}] * 2
    new = house.learner("100")
    assert new != ana
    told = [envelope["subject"] for envelope in envelopes(house) if envelope["type"] == EvidenceAcceptedV1.TYPE]
    assert sorted(told) == sorted([str(ana), str(new), str(new)])
    erase(house, new)
    assert house.webhook(*employer, "msg-4", form("r-4", TEAM="2")).json()["outcomes"] == {"parked": 1}
    assert house.count("parked") == 2  # and that of the other


def test_what_waited_is_over_when_its_identifier_is_erased(house: House, employer: Employer) -> None:
    """Parked for an identifier that an erased learner had: by its id, which an observation may name as a scheme."""
    ana = house.learner("100")
    erase(house, ana)
    receipt = house.webhook(*employer, "msg-1", form(TEAM="4")).json()["receipt"]
    new = house.learner("100")  # released
    assert house.count("parked") == 0
    erase(house, new)
    assert not opens(house, receipt)


def test_a_merged_learner_is_erased_by_the_id_it_is_known_by_and_with_it(house: House, school: str) -> None:
    ana, anna = house.learner("100"), house.learner("200")
    house.lines(school, house.stream(school), 1, [project("a-1", 70), project("b-1", 60, "200")])
    merge(house, ana, anna)
    refused = erase(house, ana, 409)
    assert (refused["type"], refused["current"]) == ("/problems/learner-merged", str(anna))
    told = erase(house, anna)
    assert set(told["events"]) == {str(ana), str(anna)}
    assert gone(house, ana)
    assert gone(house, anna)
    assert erase(house, ana, 200)["erasure"] == told["erasure"]


@pytest.fixture
def school(house: House) -> str:
    return house.source("virtual", LINE_MAPPING, "virtual")


def test_statements_of_an_erased_learner_are_passed_over(house: House) -> None:
    ana, _ = house.learner("100"), house.learner("200")
    lms = sender(house)
    (mine,) = lms.post(statement(raw=70)).json()
    (waiting,) = lms.post(statement(raw=80, student="300")).json()
    (his,) = lms.post(statement(raw=60, student="200")).json()
    assert {each["id"] for each in lms.found()} == {mine, waiting, his}
    erase(house, ana)
    assert {each["id"] for each in lms.found()} == {waiting, his}
    assert lms.get(statementId=mine).status_code == 410
    (later,) = lms.post(statement(raw=75)).json()  # of the erased identifier: nobody's, and kept as such
    assert {each["id"] for each in lms.found()} == {waiting, his, later}
    house.learner("100")
    assert {each["id"] for each in lms.found()} == {waiting, his, later}


def test_every_roster_that_was_read_goes_as_it_names_everybody(house: House) -> None:
    put(house, PACKAGE.read_bytes())
    with house.parts.database.read() as cursor:
        (id_,) = cursor.execute("SELECT r.id FROM receipt r JOIN import i ON i.receipt = r.seq").fetchone()
        (learner,) = cursor.execute("SELECT id FROM learner LIMIT 1").fetchone()
    assert opens(house, str(UUID(bytes=id_)))
    erase(house, UUID(bytes=learner))
    assert not opens(house, str(UUID(bytes=id_)))


def test_a_file_still_under_way_is_read_to_its_end_before_it_goes(house: House, employer: Employer) -> None:
    ana = house.learner("100")
    receipt = house.webhook(*employer, "msg-1", form(TEAM="3")).json()["receipt"]
    with house.parts.database.write() as cursor:  # as a file that waits for a person to confirm it
        cursor.execute(
            "INSERT INTO import (id, tenant, source, receipt, mapping, next_row, state) VALUES (?, ?, ?, 1, 1, 0, ?)",
            (b"i" * 16, TENANT, employer[0], "needs-confirmation"),
        )
    told = erase(house, ana)
    assert (told["complete"], state(house, told["erasure"])) == (False, "waiting")
    assert gone(house, ana)
    assert opens(house, receipt)
    with house.parts.database.write() as cursor:
        cursor.execute("UPDATE import SET state = 'done'")
    house.wait(lambda: state(house, told["erasure"]) == "done")
    assert not opens(house, receipt)


@pytest.mark.parametrize("dies_at", ["learner", "waiting", "submissions", "noted"])
def test_a_worker_completes_what_a_kill_interrupted(
    house: House, employer: Employer, monkeypatch, dies_at: str
) -> None:
    ana = house.learner("100")
    house.webhook(*employer, "msg-1", form("r-0", "nickname", TEAM="2"))
    receipt = house.webhook(*employer, "msg-2", form(TEAM="3")).json()["receipt"]
    killed = KillsOnce(house, dies_at, monkeypatch)
    monkeypatch.setattr(Eraser, "step", lambda eraser: None)  # only whoever asked goes on, and dies
    answer = house.http.post(f"/v1/learners/{ana}/erasure", json={"reason": "x"}, headers=house.token("registrar"))
    assert (answer.status_code, killed.times) == (500, 1)
    monkeypatch.undo()
    house.reopen()
    house.wait(lambda: not house.parts.eraser.pending())
    assert gone(house, ana)
    assert not opens(house, receipt)
    assert erase(house, ana, 200)["complete"]


class KillsOnce:
    """Ends what it is put in with an error nobody expects, before or after a step took effect."""

    def __init__(self, house: House, dies_at: str, monkeypatch) -> None:
        self.times = 0
        keys = type(house.keys)
        names = {"learner": (keys, "destroy_learner_key"), "waiting": (keys, "destroy_submission_keys"),
                 "submissions": (Eraser, "_submissions"), "noted": (GoOn, "decide")}  # fmt: skip
        monkeypatch.setattr(*names[dies_at], self.die)

    def die(self, *_: object) -> None:
        self.times += 1
        raise RuntimeError("killed")
