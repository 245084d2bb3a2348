"""Redrive: a mapping is fixed, and what waited in quarantine comes to the end it should have had, once."""

from typing import Any

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1
from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from tests.ingest.house import FORM_MAPPING, LINE_MAPPING, TENANT, House, form, project

Employer = tuple[str, str]
WRONG_PATH = {**LINE_MAPPING, "version": 2, "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.points"}}}
RIGHT_AGAIN = {**LINE_MAPPING, "version": 3}


def put(house: House, source: str, mapping: dict[str, Any]) -> None:
    answer = house.http.post(f"/v1/sources/{source}/mappings", json=mapping, headers=house.token("district"))
    assert answer.status_code == 201, answer.text


def redrive(house: House, status: int = 200, **said: Any) -> dict[str, Any]:
    answer = house.http.post("/v1/quarantine/redrive", json=said, headers=house.token("registrar"))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def state(house: House) -> dict[str, list[Any]]:
    """Everything a redrive could change, row for row."""
    tables = ("outcome", "quarantine", "record", "tally", "outbox", "parked", "submission", "receipt")
    with house.parts.database.read() as cursor:
        return {table: cursor.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def broken(house: House, school: str, *lines: dict[str, Any]) -> str:
    """Lines that arrive while the mapping is wrong."""
    put(house, school, WRONG_PATH)
    stream = house.stream(school)
    assert house.lines(school, stream, 1, list(lines)).status_code == 200
    return stream


def test_what_a_fixed_mapping_can_read_is_accepted_once_and_its_receipt_says_redriven(
    house: House, school: str
) -> None:
    house.learner("100")
    broken(house, school, project("p-1", 70), project("p-2", "many"))
    put(house, school, RIGHT_AGAIN)

    first, again = redrive(house, source=school), redrive(house, source=school)

    assert first["outcomes"] == {"accepted": 1, "quarantined": 1}
    assert again["outcomes"] == {"quarantined": 1}
    ((envelope, event),) = house.published(EvidenceAcceptedV1)
    assert event.content.mapping == "projects@3"
    accepted, waiting = house.receipt(first["items"][0]["receipt"])["items"]
    assert (accepted["outcome"], accepted["evidence"]) == ("accepted", str(envelope.id))
    assert accepted["redriven"].startswith("2026-11-20T12:00")
    assert waiting["outcome"] == "quarantined"
    assert "redriven" not in waiting
    assert (waiting["reason"], waiting["pointer"]) != ("path-missing", "/points"), "the reason is that of today"
    assert house.tally(school) == {"accepted": 1, "quarantined": 1}


def test_an_item_keeps_its_id_as_long_as_it_waits(house: House, school: str) -> None:
    house.learner("100")
    broken(house, school, project("p-1", "many"))
    before = house.http.get("/v1/quarantine", headers=house.token("registrar")).json()["quarantine"][0]
    put(house, school, RIGHT_AGAIN)
    redrive(house)
    after = house.http.get(f"/v1/quarantine/{before['id']}", headers=house.token("registrar")).json()
    assert after["id"] == before["id"]
    assert after["reasons"] != before["reasons"]


def test_a_dry_run_says_what_a_real_run_then_does_and_changes_nothing(house: House, school: str) -> None:
    house.learner("100")
    same = [project("p-1", 70), project("p-1", 80), project("p-1", 80), project("p-2", 60, "nobody"), {"id": "p-2"}]
    broken(house, school, *same)
    put(house, school, RIGHT_AGAIN)
    before = state(house)

    dry = redrive(house, dry_run=True)

    assert state(house) == before
    real = redrive(house)
    without_evidence = [{name: said for name, said in item.items() if name != "evidence"} for item in real["items"]]
    assert dry["items"] == without_evidence
    assert dry["outcomes"] == real["outcomes"] == {"accepted": 2, "duplicate": 1, "parked": 1, "quarantined": 1}
    assert all("evidence" not in item for item in dry["items"])


def test_a_dry_run_over_several_transactions_still_counts_a_repeat_as_one(house: House, school: str) -> None:
    house.learner("100")
    broken(house, school, *[project("p-1", 70) for _ in range(450)])
    put(house, school, RIGHT_AGAIN)
    dry = redrive(house, dry_run=True)
    assert dry["outcomes"] == {"accepted": 1, "duplicate": 449}
    assert redrive(house)["outcomes"] == dry["outcomes"]


def test_a_version_that_a_later_one_has_revised_or_withdrawn_is_superseded(house: House, school: str) -> None:
    house.learner("100")
    stream = broken(house, school, project("p-1", 70), project("p-2", 70))
    put(house, school, RIGHT_AGAIN)
    house.lines(school, stream, 3, [project("p-1", 90), {"id": "p-2", "gone": "true"}])

    done = redrive(house)

    assert done["outcomes"] == {"superseded": 2}
    assert [event.content.rating.score for _, event in house.published(EvidenceAcceptedV1)] == ["90"]
    assert not house.published(EvidenceRevisedV1, EvidenceRetractedV1)
    assert house.count("quarantine") == 0


def test_a_withdrawal_that_could_not_be_read_retracts_when_redriven(house: House, school: str) -> None:
    house.learner("100")
    stream = house.stream(school)
    house.lines(school, stream, 1, [project("p-1", 70)])
    put(house, school, {**WRONG_PATH, "withdrawn": {"equals": {"path": "doc.removed"}, "to": "yes"}})
    house.lines(school, stream, 2, [{"id": "p-1", "gone": "true"}])
    put(house, school, RIGHT_AGAIN)
    assert redrive(house)["outcomes"] == {"accepted": 1}
    ((accepted, _),), ((_, retracted),) = house.published(EvidenceAcceptedV1), house.published(EvidenceRetractedV1)
    assert retracted.retracts == accepted.id


def test_a_document_whose_items_were_not_found_becomes_all_its_items(house: House, employer: Employer) -> None:
    house.learner("100")
    put(house, employer[0], {**FORM_MAPPING, "version": 2, "items": "doc.scores"})
    receipt = house.webhook(*employer, "msg-1", form(TEAM="3", SAFE="4")).json()
    assert receipt["outcomes"] == {"quarantined": 1}
    put(house, employer[0], {**FORM_MAPPING, "version": 3})

    assert redrive(house)["outcomes"] == {"accepted": 2}

    said = house.receipt(receipt["receipt"])
    assert [(item["item"], item["outcome"]) for item in said["items"]] == [(0, "accepted"), (1, "accepted")]
    assert house.tally(employer[0]) == {"accepted": 2}
    again = house.webhook(*employer, "msg-1", form(TEAM="3", SAFE="4"))
    assert (again.status_code, again.json()["outcomes"]) == (200, {"accepted": 2})


def test_one_item_of_a_document_is_redriven_in_its_place(house: House, employer: Employer) -> None:
    house.learner("100")
    house.webhook(*employer, "msg-1", form(TEAM="3", SAFE="excellent"))
    level = {"lookup": {"path": "item.rating"}, "table": "words"}
    words = {"words": {"excellent": "4", "3": "3"}}
    rating = {**FORM_MAPPING["rating"], "level": level}
    put(house, employer[0], {**FORM_MAPPING, "version": 2, "tables": words, "rating": rating})
    assert redrive(house)["outcomes"] == {"accepted": 1}
    levels = [event.content.rating.level for _, event in house.published(EvidenceAcceptedV1)]
    assert levels == ["3", "4"]


def test_a_named_version_reads_though_a_later_one_is_in_use(house: House, school: str) -> None:
    house.learner("100")
    broken(house, school, project("p-1", 70))
    assert redrive(house, source=school)["outcomes"] == {"quarantined": 1}
    assert redrive(house, source=school, mapping=1)["outcomes"] == {"accepted": 1}
    assert house.published(EvidenceAcceptedV1)[0][1].content.mapping == "projects@1"
    broken(house, school, project("p-9", 70))
    redrive(house, 404, source=school, mapping=77)
    redrive(house, 400, mapping=1)


def test_an_observation_is_redriven_once_its_competency_is_published(house: House) -> None:
    learner = house.learner("100")
    body = {
        "learner": {"id": str(learner)},
        "competency": {"code": "NEW"},
        "rating": {"scale": "four", "level": "3"},
        "occurred_at": "2026-11-19T10:00:00Z",
        "pathway": "classroom",
    }
    headers = house.token("teacher") | {"Idempotency-Key": "o-1"}
    sent = house.http.post("/v1/observations", json=body, headers=headers).json()
    assert sent["outcomes"] == {"quarantined": 1}
    item = FrameworkItem(identifier="new", code="NEW", statement="new")
    framework = FrameworkPublishedV1(framework="other", version=1, digest="d", title="Other", items=(item,))
    house.publish(framework)
    house.wait(lambda: house.count("framework", id="other") == 1)

    assert redrive(house)["outcomes"] == {"accepted": 1}

    ((envelope, event),) = house.published(EvidenceAcceptedV1)
    assert (envelope.subject, event.content.assessor.id) == (str(learner), "t-1")
    assert event.content.organisation == "lincoln"
    again = house.http.post("/v1/observations", json=body, headers=headers)
    assert (again.status_code, again.json()["outcomes"]) == (200, {"accepted": 1})


def test_pages_go_on_where_the_last_one_ended(house: House, school: str) -> None:
    house.learner("100")
    broken(house, school, *[project(f"p-{n}", n) for n in range(5)])
    put(house, school, RIGHT_AGAIN)
    pages, after = [], None
    while True:
        page = redrive(house, limit=2, after=after)
        pages.append(len(page["items"]))
        if (after := page["next"]) is None:
            break
    assert pages == [2, 2, 1]
    assert house.tally(school) == {"accepted": 5}


def test_only_what_is_chosen_is_redriven(house: House, school: str, employer: Employer) -> None:
    house.learner("100")
    broken(house, school, project("p-1", 70), project("p-2", 70))
    put(house, school, RIGHT_AGAIN)
    waiting = house.http.get("/v1/quarantine", headers=house.token("registrar")).json()["quarantine"]
    assert redrive(house, source=employer[0])["items"] == []
    assert redrive(house, reason="no-such-reason")["items"] == []
    done = redrive(house, ids=[waiting[1]["id"]])
    assert [item["id"] for item in done["items"]] == [waiting[1]["id"]]
    oak = house.http.post("/v1/quarantine/redrive", json={}, headers=house.token("registrar", "oak"))
    assert oak.json()["items"] == []
    assert house.count("quarantine") == 1


def test_whoever_may_only_read_quarantine_redrives_nothing(house: House, school: str) -> None:
    for role in ("auditor", "teacher"):
        answer = house.http.post("/v1/quarantine/redrive", json={}, headers=house.token(role))
        assert answer.status_code == 403
    assert house.http.post("/v1/quarantine/redrive", json={}).status_code == 401


def test_what_is_no_longer_kept_stays_and_says_so(house: House, school: str) -> None:
    house.learner("100")
    broken(house, school, project("p-1", 70))
    put(house, school, RIGHT_AGAIN)
    with house.parts.database.write() as cursor:
        cursor.execute("DELETE FROM submission")
    (item,) = redrive(house)["items"]
    assert (item["outcome"], item["reason"]) == ("quarantined", "submission-erased")


def test_evidence_is_dated_by_its_receipt_not_by_its_redrive(house: House, school: str) -> None:
    """A day that had not come when it was received is not believed later either."""
    house.learner("100")
    stream = house.stream(school)
    house.lines(school, stream, 1, [{**project("p-1", 70), "on": "2026-11-25T10:00:00Z"}])
    house.clock.pass_time(days=30)
    (item,) = redrive(house, source=school)["items"]
    assert (item["outcome"], item["reason"]) == ("quarantined", "occurred-in-future")
    assert TENANT in school
