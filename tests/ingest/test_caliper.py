"""Caliper 1.2: who is the learner and who graded, by file, by stream and at a door of its own."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1
from services.ingest.domain.claims import Fault, NoClaim
from services.ingest.formats.caliper import LINE_BYTES_MAX, read_events
from services.ingest.formats.rows import FileRow, Sent
from services.ingest.formats.zip_package import PackageRefused
from tests.ingest.house import House
from tests.support.documents import mapping
from tests.support.paths import SHARED_DATA

Json = dict[str, Any]
VERSION = "http://purl.imsglobal.org/ctx/caliper/v1p2"
TEACHER, STUDENT, TASK = "https://school.example/t/9", "https://school.example/s/1", "https://school.example/tasks/7"
OPEN_EDX = [
    json.loads(line)["event"] for line in (SHARED_DATA / "caliper" / "openedx-caliper.jsonl").read_text().splitlines()
]
GRADED = next(event for event in OPEN_EDX if event["type"] == "GradeEvent")
LEARNER = GRADED["object"]["extensions"]["assignee"]["id"]
SHOWS = {GRADED["object"]["extensions"]["assignable"]["id"]: "TEAM", TASK: "TEAM"}


def grade(id_: str = "urn:uuid:1", points: object = 8, **said: Any) -> Json:
    """As the standard has it: a teacher grades a student's attempt."""
    attempt = {
        "id": "urn:a:1",
        "type": "Attempt",
        "assignee": {"id": STUDENT, "type": "Person"},
        "assignable": {"id": TASK},
    }
    score = {"id": "urn:s:1", "type": "Score", "scoreGiven": points, "maxScore": 10}
    head = {"id": id_, "type": "GradeEvent", "actor": {"id": TEACHER, "type": "Person"}, "action": "Graded"}
    return {**head, "object": attempt, "eventTime": "2026-11-18T10:15:00.000Z", "generated": score, **said}


def envelope(*data: object, **said: Any) -> Json:
    head = {"sensor": "https://school.example/sensor", "sendTime": "2026-11-18T10:16:00.000Z", "dataVersion": VERSION}
    return {**head, "data": list(data), **said}


def grades() -> Json:
    return {**mapping("caliper-grades"), "tables": {"shows": SHOWS}}


@pytest.fixture
def lms(house: House) -> str:
    """A source of Caliper events; everybody is on the roster, the teacher too."""
    house.publish_catalogue()
    people = [
        {"identifiers": {"caliper": who}, "enrolments": [{"organisation": "lincoln"}]}
        for who in (TEACHER, STUDENT, LEARNER)
    ]
    house.roster(people)
    return house.source("lms", grades(), "virtual")


def evidence(house: House) -> list[tuple[str, str | None, str]]:
    """Whose, what score, judged by whom."""
    found = house.published(EvidenceAcceptedV1)
    return [(each.subject, event.content.rating.score, event.content.assessor.id) for each, event in found]


def whose(house: House, identifier: str) -> str:
    asked = {"identifiers": [{"scheme": "caliper", "value": identifier}]}
    answer = house.http.post("/v1/learners/lookup", json=asked, headers=house.token("registrar"))
    return str(answer.json()["learners"][0])


def send(house: House, source: str, body: object, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = {"Content-Type": "application/json", **house.token("source", source=source), **headers}
    return house.http.post("/v1/caliper", content=raw, headers=head)


def imported(house: House, source: str, raw: bytes) -> Json:
    taken = house.http.post(f"/v1/files/{source}", content=raw, headers=house.token("source", source=source))
    assert taken.status_code == 202, taken.text
    url, key = f"/v1/imports/{taken.json()['import']}", house.token("auditor")
    house.wait(lambda: house.http.get(url, headers=key).json()["state"] == "done")
    return dict(house.http.get(url, headers=key).json())


# ---- Open edX's 35, by every door


def test_of_open_edx_s_35_events_in_a_stream_one_is_a_grade_and_34_claim_nothing(house: House, lms: str) -> None:
    answer = house.lines(lms, house.stream(lms), 1, OPEN_EDX)
    assert answer.status_code == 200
    assert house.tally(lms) == {"accepted": 1, "no_claim": 34}
    assert evidence(house) == [(whose(house, LEARNER), "0", GRADED["actor"]["id"])]


@pytest.mark.parametrize("how", ["lines", "packed lines", "an envelope", "an envelope a line", "a list"])
def test_of_open_edx_s_35_events_in_a_file_one_is_a_grade_and_34_claim_nothing(
    house: House, lms: str, how: str
) -> None:
    lines = "\n".join(map(json.dumps, OPEN_EDX)).encode()
    raw = {
        "lines": lines,
        "packed lines": gzip.compress(lines),
        "an envelope": json.dumps(envelope(*OPEN_EDX), indent=1).encode(),
        "an envelope a line": "\n".join(json.dumps(envelope(each)) for each in OPEN_EDX).encode(),
        "a list": json.dumps(OPEN_EDX).encode(),
    }[how]
    done = imported(house, lms, raw)
    assert (done["rows_total"], done["outcomes"]) == (35, {"accepted": 1, "no_claim": 34})
    assert evidence(house) == [(whose(house, LEARNER), "0", GRADED["actor"]["id"])]


def test_the_same_event_by_file_stream_and_envelope_counts_once(house: House, lms: str) -> None:
    assert send(house, lms, envelope(*OPEN_EDX)).json()["outcomes"] == {"accepted": 1, "no_claim": 34}
    assert imported(house, lms, json.dumps(OPEN_EDX).encode())["outcomes"] == {"duplicate": 1, "no_claim": 34}
    house.lines(lms, house.stream(lms), 1, OPEN_EDX)
    assert house.tally(lms) == {"accepted": 1, "duplicate": 2, "no_claim": 102}
    assert len(evidence(house)) == 1


# ---- who is the learner


def test_the_learner_is_the_assignee_and_the_actor_is_who_graded(house: House, lms: str) -> None:
    send(house, lms, envelope(grade()))
    assert evidence(house) == [(whose(house, STUDENT), "80", TEACHER)]


def test_a_mapping_that_took_the_actor_for_the_learner_would_give_the_mastery_to_the_teacher(
    house: House, lms: str
) -> None:
    """What ours does not do; the test before this one would fail with it."""
    blind = {**grades(), "learner": {"scheme": "caliper", "value": {"path": "doc.actor.id"}}}
    blindly = house.source("blindly", blind, "virtual")
    send(house, blindly, envelope(grade("urn:uuid:1"), grade("urn:uuid:2")))
    assert {who for who, _, _ in evidence(house)} == {whose(house, TEACHER)} != {whose(house, STUDENT)}


def test_a_grade_without_an_assignee_is_quarantined_and_not_the_grader_s(house: House, lms: str) -> None:
    group = {"id": "urn:a:2", "type": "Attempt", "assignable": {"id": TASK}}
    assert send(house, lms, envelope(grade(object=group))).json()["outcomes"] == {"quarantined": 1}
    assert evidence(house) == []


def test_an_event_of_the_same_id_and_other_content_is_a_conflict(house: House, lms: str) -> None:
    send(house, lms, envelope(grade()))
    assert send(house, lms, envelope(grade(points=9))).json()["outcomes"] == {"conflict": 1}
    assert [score for _, score, _ in evidence(house)] == ["80"]


# ---- the door


def test_an_envelope_sent_again_finds_its_receipt(house: House, lms: str) -> None:
    first, again = (send(house, lms, envelope(grade())) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["receipt"] == again.json()["receipt"]
    assert house.tally(lms) == {"accepted": 1, "duplicate": 1}


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (grade(), 400, None),
        ([grade()], 400, None),
        ({"data": [grade()]}, 400, None),
        ({**envelope(), "data": {}}, 400, "/data"),
        ({**envelope(), "sendTime": "yesterday"}, 400, "/sendTime"),
        ({key: said for key, said in envelope().items() if key != "sendTime"}, 400, "/sendTime"),
        ({**envelope(), "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v9"}, 422, "/dataVersion"),
        ({**envelope(), "dataVersion": ["v"]}, 422, "/dataVersion"),
        (b"{", 400, None),
        (b"[" * 100_000, 400, None),
        (b"", 400, None),
        (envelope(*[0] * 10_001), 413, None),
    ],
)
def test_what_is_no_envelope_is_refused_as_the_standard_says(
    house: House, lms: str, body: object, status: int, pointer: str | None
) -> None:
    answer = send(house, lms, body)
    assert (answer.status_code, answer.json().get("pointer")) == (status, pointer), answer.text
    assert house.count("receipt") == 0


def test_the_door_asks_for_json_and_for_a_key(house: House, lms: str) -> None:
    assert send(house, lms, envelope(), **{"Content-Type": "text/plain"}).status_code == 415
    assert house.http.post("/v1/caliper", json=envelope()).status_code == 401
    assert house.http.post("/v1/caliper", json=envelope(), headers=house.token("teacher")).status_code == 403


def test_an_envelope_may_describe_entities_hold_nothing_or_hold_what_is_no_event(house: House, lms: str) -> None:
    person = {"id": STUDENT, "type": "Person"}
    answer = send(house, lms, envelope(person, 3, {**grade(), "eventTime": ""}))
    items = house.receipt(answer.json()["receipt"])["items"]
    assert [(item["outcome"], item["reason"]) for item in items] == [
        ("no_claim", "describes-an-entity"),
        ("quarantined", "not-a-caliper-event"),
        ("quarantined", "not-a-caliper-event"),
    ]
    assert items[2]["pointer"] == "/eventTime"
    assert send(house, lms, envelope()).json()["outcomes"] == {}


def test_what_waits_in_quarantine_is_read_again_by_a_better_mapping(house: House, lms: str) -> None:
    answer = send(house, lms, envelope(grade("urn:uuid:1", 8), grade("urn:uuid:2", 12), 3))
    assert answer.json()["outcomes"] == {"accepted": 1, "quarantined": 2}
    better = grades()
    better["version"] = 2
    better["rating"]["score"]["beyond"] = "clamp"
    boss = house.token("district")
    assert house.http.post(f"/v1/sources/{lms}/mappings", json=better, headers=boss).status_code == 201
    redriven = house.http.post("/v1/quarantine/redrive", json={"source": lms}, headers=boss).json()
    assert redriven["outcomes"] == {"accepted": 1, "quarantined": 1}
    assert sorted(str(score) for _, score, _ in evidence(house)) == ["100", "80"]


# ---- files


def rows(raw: bytes) -> list[FileRow]:
    return list(read_events(Sent.of(raw)))


def test_lines_that_cannot_be_read_are_named_and_the_others_are_read() -> None:
    found = rows(b"\n".join([json.dumps(grade()).encode(), b"", b"{", b"3", json.dumps(envelope()).encode()]))
    said = [(row.line, row.problem.reason if row.problem else None) for row in found]
    assert said == [
        (1, None),
        (2, "blank-line"),
        (3, "malformed-json"),
        (4, "not-a-caliper-event"),
        (5, "no-events"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello\nworld",
        json.dumps(envelope(grade()), indent=1).encode()[:-9],
        b"\xff\xfe{\x00",
        b"[" * 1000,
        gzip.compress(b"{}", mtime=0)[:-3],
        json.dumps(grade()).encode() + b"\n" + b"x" * (LINE_BYTES_MAX + 70_000),
    ],
)
def test_what_is_neither_a_document_nor_lines_is_refused_whole(raw: bytes) -> None:
    with pytest.raises(PackageRefused):
        rows(raw)


EVENTS = st.one_of(
    st.just(grade()), st.sampled_from(OPEN_EDX), st.just({"type": "Person"}), st.integers(0, 9), st.just({"type": 1})
)


@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_events_are_the_same_rows_in_an_envelope_in_a_list_and_in_lines(events: list[Any]) -> None:
    forms = (json.dumps(envelope(*events)), json.dumps(events), "\n".join(map(json.dumps, events)) + "\n")
    found = [[(row.document, row.problem) for row in rows(form.encode())] for form in forms]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(events)
    assert all(isinstance(problem, Fault | NoClaim | None) for _, problem in found[0])
