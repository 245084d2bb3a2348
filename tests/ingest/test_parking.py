"""Parking: what names an unknown learner waits, in order, until a roster or a person says who is meant."""

from datetime import timedelta
from uuid import UUID

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from contracts.learners_v1 import LearnerEnrolledV1, LearnerLinkedV1, LearnerRegisteredV1
from tests.ingest.house import House, form, project

Employer = tuple[str, str]


def test_what_was_parked_is_released_in_the_order_of_its_receipt(house: House, employer: Employer) -> None:
    receipts = [house.webhook(*employer, f"msg-{n}", form(TEAM=level)).json() for n, level in enumerate("243")]
    assert [receipt["outcomes"] for receipt in receipts] == [{"parked": 1}] * 3
    assert not house.published()

    learner = house.learner("100")

    kinds = [type(event) for _, event in house.published()]
    assert kinds[:2] == [LearnerRegisteredV1, LearnerLinkedV1]
    evidence = house.published(EvidenceAcceptedV1, EvidenceRevisedV1)
    assert [event.content.rating.level for _, event in evidence] == ["2", "4", "3"]
    assert {envelope.subject for envelope, _ in evidence} == {str(learner)}
    assert [event.revises for _, event in evidence[1:]] == [envelope.id for envelope, _ in evidence[:2]]
    for receipt, (envelope, event) in zip(receipts, evidence, strict=True):
        (item,) = house.receipt(receipt["receipt"])["items"]
        assert (item["outcome"], item["evidence"]) == ("accepted", str(envelope.id))
        assert str(event.content.receipt) == receipt["receipt"]
    assert house.tally(employer[0]) == {"accepted": 3}
    assert house.count("parked") == 0


def test_what_was_believable_when_it_came_is_so_when_it_is_released(house: House, employer: Employer) -> None:
    """Dated tomorrow and parked; then the clock is set back a day, and the learner becomes known."""
    tomorrow = {"on": (house.clock.at + timedelta(days=1)).date().isoformat()}
    assert house.webhook(*employer, "msg-1", form(TEAM="3") | tomorrow).json()["outcomes"] == {"parked": 1}
    house.clock.pass_time(days=-1)

    house.learner("100")

    assert (len(house.published(EvidenceAcceptedV1)), house.count("quarantine")) == (1, 0)


def test_a_later_version_that_took_effect_first_supersedes_the_parked_one(house: House, employer: Employer) -> None:
    house.learner("known")
    house.webhook(*employer, "msg-1", form(student="unknown", TEAM="4"))
    house.webhook(*employer, "msg-2", form(student="known", TEAM="2"))

    house.learner("unknown")

    ((_, event),) = house.published(EvidenceAcceptedV1)
    assert event.content.rating.level == "2"
    assert house.tally(employer[0]) == {"accepted": 1, "superseded": 1}


def test_a_person_links_an_identifier_once_and_releases_what_waited(house: House, employer: Employer) -> None:
    learner = house.learner("100")
    house.webhook(*employer, "msg-1", form(student="nickname", TEAM="3"))
    url, clerk = f"/v1/learners/{learner}/links", house.token("registrar")
    link = {"scheme": "student-number", "value": "nickname"}

    first, again = (house.http.post(url, json=link, headers=clerk) for _ in range(2))

    assert (first.status_code, first.json()["released"]) == (201, 1)
    assert (again.status_code, again.json()) == (200, {"link": first.json()["link"], "released": 0})
    ((envelope, _),) = house.published(EvidenceAcceptedV1)
    assert envelope.subject == str(learner)
    other = house.learner("200")
    taken = house.http.post(f"/v1/learners/{other}/links", json=link, headers=clerk)
    assert taken.json()["type"] == "/problems/identifier-taken"
    foreign = house.http.post(url, json={**link, "value": "x"}, headers=house.token("registrar", "oak"))
    assert foreign.status_code == 404


def test_what_waits_is_checked_again_and_duplicates_found_when_released(house: House, employer: Employer) -> None:
    house.webhook(*employer, "msg-1", form(TEAM="3"))
    house.webhook(*employer, "msg-2", form(TEAM="3"))
    house.learner("100")
    assert len(house.published(EvidenceAcceptedV1)) == 1
    assert house.tally(employer[0]) == {"accepted": 1, "duplicate": 1}


def test_a_withdrawal_after_the_release_retracts(house: House, school: str) -> None:
    stream = house.stream(school)
    house.lines(school, stream, 1, [project("p-1", 70)])
    learner = house.learner("100")
    house.lines(school, stream, 2, [{"id": "p-1", "gone": "true"}])
    ((accepted, _),) = house.published(EvidenceAcceptedV1)
    ((envelope, event),) = house.published(EvidenceRetractedV1)
    assert (envelope.subject, event.retracts) == (str(learner), accepted.id)


def test_parked_items_survive_a_restart(house: House, employer: Employer) -> None:
    house.webhook(*employer, "msg-1", form(TEAM="3"))
    house.reopen()
    house.learner("100")
    assert len(house.published(EvidenceAcceptedV1)) == 1


def test_a_roster_imported_twice_changes_nothing(house: House) -> None:
    people = [
        {
            "identifiers": {"student-number": str(n), "sourcedid": f"stu-{n}"},
            "given_name": "Ada",
            "enrolments": [{"organisation": "lincoln", "cohort": "11", "begins_on": "2026-08-17"}],
        }
        for n in range(3)
    ]
    first = house.roster(people)
    count = len(house.published())
    again = house.roster(people)

    assert (first["registered"], first["linked"], first["enrolled"]) == (3, 6, 3)
    assert (again["registered"], again["linked"], again["enrolled"]) == (0, 0, 0)
    assert again["learners"] == first["learners"]
    assert len(house.published()) == count == 12


def test_an_enrolment_that_ends_keeps_its_id(house: House) -> None:
    person = {"identifiers": {"student-number": "1"}, "enrolments": [{"organisation": "lincoln"}]}
    house.roster([person])
    ended = {**person, "enrolments": [{"organisation": "lincoln", "ends_on": "2027-06-11"}]}
    assert house.roster([ended])["enrolled"] == 1
    (_, first), (_, second) = house.published(LearnerEnrolledV1)
    assert first.enrolment.id == second.enrolment.id
    assert str(second.enrolment.ends_on) == "2027-06-11"


def test_identifiers_of_two_learners_in_one_row_are_refused_not_merged(house: House) -> None:
    house.learner("1")
    house.learner("2")
    said = house.roster([{"identifiers": {"student-number": "1", "sourcedid": "x"}}])
    assert said["registered"] == 0
    both = house.roster([{"identifiers": {"student-number": "2", "sourcedid": "x"}}])
    assert both["learners"] == [None]
    assert [fault["reason"] for fault in both["faults"]] == ["identifiers-of-several-learners"]


def test_identifiers_are_looked_up_within_the_tenant_and_e_mail_without_regard_to_case(house: House) -> None:
    learner = house.learner("100", email="ada@example.org")
    wanted = [{"scheme": "student-number", "value": "100"}, {"scheme": "email", "value": "ADA@example.org"}]
    url, clerk = "/v1/learners/lookup", house.token("registrar")
    assert house.http.post(url, json={"identifiers": wanted}, headers=clerk).json()["learners"] == [str(learner), None]
    people = [{"identifiers": {"student-number": "100"}, "email": "ada@example.org"}]
    house.http.post("/v1/roster?link_email=true", json=people, headers=clerk)
    found = house.http.post(url, json={"identifiers": wanted}, headers=clerk).json()["learners"]
    assert [UUID(each) for each in found] == [learner, learner]
    oak = house.http.post(url, json={"identifiers": wanted}, headers=house.token("registrar", "oak"))
    assert oak.json()["learners"] == [None, None]


def test_a_roster_that_cannot_be_read_is_refused_with_a_pointer(house: House) -> None:
    clerk = house.token("registrar")
    for raw, status in ((b"[{}]", 400), (b"{", 400), (b"who,what\n1,2\n", 400), (b"PK\x03\x04junk", 400), (b"", 400)):
        answer = house.http.post("/v1/roster", content=raw, headers=clerk)
        assert answer.status_code == status, raw
        assert answer.headers["content-type"] == "application/problem+json"
    wrong = house.http.post("/v1/roster", json=[{"identifiers": {"s": "1"}, "name": "Ada"}], headers=clerk)
    assert wrong.json()["pointer"] == "/0/name"
    assert house.count("learner") == 0
