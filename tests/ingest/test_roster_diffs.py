"""A complete OneRoster roster says who is enrolled no more; each row ends once; many gone ask a person."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.learners_v1 import LearnerEnrolledV1, LearnerRegisteredV1
from tests.ingest.house import House
from tests.ingest.test_door_files import kill_at
from tests.support.packages import package

TWENTY = tuple(f"s-{number}" for number in range(20))
User = Mapping[str, str]


def user(sourced_id: str, **said: str) -> dict[str, str]:
    named = {"username": sourced_id, "givenName": f"Given-{sourced_id}", "enabledUser": "true"}
    return {"sourcedId": sourced_id, **named, **said}


def enrolment(user_id: str, **said: str) -> dict[str, str]:
    where = {"classSourcedId": "cls-1", "schoolSourcedId": "lincoln", "role": "student"}
    return {"sourcedId": f"e-{user_id}", "userSourcedId": user_id, **where, **said}


def roster(users: list[User], enrolments: list[User], how: str = "bulk", enrolments_how: str | None = None) -> bytes:
    return package({"users": (how, users), "enrollments": (enrolments_how or how, enrolments)})


def of(*names: str) -> bytes:
    """Students, each enrolled, and a teacher."""
    users = [*(user(name) for name in names), user("t-1")]
    return roster(users, [*(enrolment(name) for name in names), enrolment("t-1", role="teacher")])


def post(house: House, raw: bytes, path: str = "/v1/roster", **query: str) -> tuple[int, dict[str, Any]]:
    said = {"source": "sis", **query}
    answer = house.http.post(path, params=said, content=raw, headers=house.token("registrar"))
    assert answer.is_success, answer.text
    return answer.status_code, dict(answer.json())


def put(house: House, raw: bytes, **query: str) -> dict[str, Any]:
    status, said = post(house, raw, **query)
    assert (status, said["state"]) == (200, "done"), said
    assert sum(said["outcomes"].values()) == len(house.receipt(said["receipt"])["items"])
    return said


def enrolled(house: House) -> set[str]:
    """Who is, by the events published; usernames for pseudonyms."""
    standing: dict[str, bool] = {}
    for envelope, event in house.published(LearnerEnrolledV1):
        standing[f"{envelope.subject}|{event.enrolment.id}"] = event.enrolment.ends_on is None
    names = [f"s-{number}" for number in range(40)]
    asked = {"identifiers": [{"scheme": "sourcedid", "value": name} for name in names]}
    found = house.http.post("/v1/learners/lookup", json=asked, headers=house.token("registrar")).json()["learners"]
    by_id = dict(zip(found, names, strict=True))
    return {by_id[key.partition("|")[0]] for key, now in standing.items() if now}


@pytest.fixture
def filled(house: House) -> House:
    """Twenty students of a source."""
    said = put(house, of(*TWENTY))
    assert (said["registered"], said["diff"]) == (20, {"added": 20, "changed": 0, "removed": 0})
    assert said["outcomes"] == {"accepted": 40, "no_claim": 2}
    return house


def test_who_is_missing_is_enrolled_no_more_and_again_when_back(filled: House):
    said = put(filled, of(*TWENTY[2:]))
    assert said["diff"] == {"added": 0, "changed": 0, "removed": 2}
    assert said["outcomes"] == {"accepted": 2, "duplicate": 36, "no_claim": 2}
    assert enrolled(filled) == set(TWENTY[2:])
    ended = [e.enrolment.ends_on for _, e in filled.published(LearnerEnrolledV1) if e.enrolment.ends_on]
    assert [str(day) for day in ended] == ["2026-11-20"] * 2
    assert put(filled, of(*TWENTY[2:]))["diff"] == {"added": 0, "changed": 0, "removed": 0}
    assert put(filled, of(*TWENTY))["diff"] == {"added": 0, "changed": 2, "removed": 0}
    assert enrolled(filled) == set(TWENTY)
    assert len(filled.published(LearnerRegisteredV1)) == 20


def test_an_empty_roster_changes_nothing_until_a_registrar_says_so(filled: House):
    status, said = post(filled, of())
    assert (status, said["state"], said["asks"]) == (202, "needs-confirmation", "too-large-a-share-missing")
    assert enrolled(filled) == set(TWENTY)
    filled.reopen()
    body = {"decision": "confirm", "reason": "the school closed"}
    url = f"/v1/imports/{said['import']}"
    codes = [
        filled.http.post(f"{url}/decision", json=body, headers=filled.token("registrar")).status_code for _ in range(2)
    ]
    assert codes == [201, 200]
    filled.wait(lambda: filled.http.get(url, headers=filled.token("auditor")).json()["state"] == "done")
    assert filled.http.get(url, headers=filled.token("auditor")).json()["diff"]["removed"] == 20
    assert enrolled(filled) == set()


def test_a_rejected_roster_counts_for_nothing_and_a_later_complete_one_replaces_one_that_waits(filled: House):
    first, second = (post(filled, of("s-30", "s-31"))[1]["import"] for _ in range(2))
    body = {"decision": "reject", "reason": "of another school"}
    filled.http.post(f"/v1/imports/{first}/decision", json=body, headers=filled.token("registrar")).raise_for_status()
    put(filled, of(*TWENTY))
    filled.wait(lambda: filled.parts.importer.pending() == 0)
    told = [filled.http.get(f"/v1/imports/{each}", headers=filled.token("auditor")).json() for each in (first, second)]
    assert [(each["state"], each["outcomes"]) for each in told] == [
        ("rejected", {"no_claim": 6}),
        ("replaced", {"superseded": 6}),
    ]
    assert len(filled.published(LearnerRegisteredV1)) == 20


def test_a_sender_without_a_name_ends_nothing_and_one_never_ends_anothers(filled: House):
    answer = filled.http.post("/v1/roster", content=of("s-30"), headers=filled.token("registrar"))
    assert (answer.status_code, answer.json()["diff"]["removed"]) == (200, 0)
    put(filled, of("s-31"), source="other-sis")
    assert enrolled(filled) == {*TWENTY, "s-30", "s-31"}


def test_each_row_that_cannot_be_taken_is_named_and_what_hangs_on_it_is_held(house: House):
    users = [user("s-1"), user("s-2", userIds="nonsense"), user("s-3", enabledUser="perhaps"), user("s-4")]
    rows = [*(enrolment(f"s-{number}") for number in range(1, 5)), enrolment("s-404")]
    said = put(house, roster(users, [*rows, {**enrolment("s-4", endDate="soon"), "sourcedId": "e-x"}]))
    assert {(fault["outcome"], fault["reason"], fault["pointer"]) for fault in said["faults"]} == {
        ("quarantined", "not-user-ids", "/users.csv/3/userIds"),
        ("quarantined", "not-in-vocabulary", "/users.csv/4/enabledUser"),
        ("held", "not-user-ids", "/users.csv/3/userIds"),
        ("held", "not-in-vocabulary", "/users.csv/4/enabledUser"),
        ("quarantined", "unknown-reference", "/enrollments.csv/6/userSourcedId"),
        ("quarantined", "not-a-date", "/enrollments.csv/7/endDate"),
    }
    assert said["outcomes"] == {"accepted": 4, "held": 2, "quarantined": 4}
    listed = house.http.get("/v1/quarantine", headers=house.token("registrar")).json()["quarantine"]
    assert len(listed) == 4
    again = house.http.post("/v1/quarantine/redrive", json={}, headers=house.token("registrar"))
    assert again.json()["outcomes"] == {"quarantined": 4}, "a roster is mended where it comes from"


def test_a_delta_changes_what_it_names_by_what_earlier_rosters_said(filled: House):
    put(filled, roster([user("s-30")], [], "delta"))
    assert len(filled.published(LearnerRegisteredV1)) == 20, "who is not enrolled is no learner"
    said = put(filled, roster([], [enrolment("s-30"), enrolment("s-2", status="tobedeleted")], "delta"))
    assert (said["registered"], said["diff"]) == (1, {"added": 1, "changed": 0, "removed": 1})
    gone = put(filled, roster([user("s-3", status="tobedeleted")], [], "delta"))
    assert gone["diff"]["removed"] == 1
    assert enrolled(filled) == ({*TWENTY, "s-30"}) - {"s-2", "s-3"}


@pytest.mark.usefixtures("either_store")
def test_a_dry_run_says_what_the_real_one_does_and_changes_nothing(filled: House):
    users = [*(user(name) for name in TWENTY[1:]), user("s-30")]
    rows = [*(enrolment(name) for name in TWENTY[1:]), enrolment("s-30"), enrolment("s-404")]
    rows[3] = {**rows[3], "endDate": "2027-06-30"}
    tables = ("outcome", "receipt", "import", "package_row", "roster_import", "learner", "identifier", "outbox")
    before = {table: filled.count(table) for table in tables}
    _, dry = post(filled, roster(users, rows), "/v1/roster/dry-run")
    assert {table: filled.count(table) for table in tables} == before
    real = put(filled, roster(users, rows))
    assert dry == {name: real[name] for name in dry}
    assert dry["diff"] == {"added": 1, "changed": 1, "removed": 1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["before the commit", "after the commit"])
@pytest.mark.parametrize("group", range(1, 8))
def test_a_kill_between_any_two_commits_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, group: int
) -> None:
    house = House(tmp_path, settings={"removals_max_percent": 100, "import_rows_max": 3})
    house.publish_catalogue()
    put(house, of(*TWENTY[:8]))
    killed = kill_at(monkeypatch, house, step, group)
    raw, headers = of(*TWENTY[4:12]), house.token("registrar")
    sent = threading.Thread(
        target=lambda: house.http.post("/v1/roster?source=sis", content=raw, headers=headers), daemon=True
    )
    sent.start()
    house.wait(killed.is_set)
    monkeypatch.undo()
    house.stop.set()
    house.service.close()
    house.open()
    house.wait(lambda: house.parts.importer.pending() == 0)
    assert enrolled(house) == set(TWENTY[4:12])
    assert len(house.published(LearnerRegisteredV1)) == 12
    ended = [e for _, e in house.published(LearnerEnrolledV1) if e.enrolment.ends_on]
    assert (len(ended), len(house.published(LearnerEnrolledV1))) == (4, 16)
    told = house.http.get("/v1/imports", headers=headers).json()["imports"][0]
    assert told["outcomes"] == {"accepted": 12, "duplicate": 8, "no_claim": 2}
    house.close()
