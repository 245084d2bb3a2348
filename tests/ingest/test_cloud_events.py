"""CloudEvents 1.0 over HTTP: what the specification asks of a receiver, mode by mode, rule by rule."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1
from services.ingest.formats.cloud_events import BATCHED, EVENTS_MAX, STRUCTURED, Sent, read_batch, read_event
from services.runtime.problems import Refusal
from tests.ingest.house import FORM_MAPPING, House
from tests.ingest.test_redrive import put, redrive

Json = dict[str, Any]
DATA = {
    "response": "r-1",
    "student": "S-1",
    "on": "2026-11-18",
    "mentor": "m-9",
    "ratings": [{"skill": "TEAM", "rating": "3"}],
}
HEAD = {"specversion": "1.0", "id": "e-1", "source": "https://partner.example/forms", "type": "org.example.evaluation"}


def event(**said: Any) -> Json:
    """An event that is in order, changed as said."""
    return {**HEAD, "time": "2026-11-18T10:15:00Z", "datacontenttype": "application/json", "data": DATA, **said}


def structured(said: object, content_type: str = STRUCTURED) -> Sent:
    return read_event([], content_type, said if isinstance(said, bytes) else json.dumps(said).encode())


def binary(headers: dict[str, str], content_type: str = "application/json", body: bytes = b"{}") -> Sent:
    return read_event([(f"ce-{name}", value) for name, value in headers.items()], content_type, body)


# ---- the rules, one by one

TAKEN: list[Json] = [
    event(),
    {**HEAD},
    event(subject="S-1", dataschema="https://example.org/schemas/evaluation"),
    event(time="2026-11-18T10:15:00.123456+01:00"),
    event(time=None, subject=None, datacontenttype=None),
    event(comexampleextension="text", count1=2147483647, flag=True, empty=""),
    event(comexampleextension=None),
    event(data=None),
    event(data="text"),
    event(data=[1, 2]),
    event(data=0),
    event(source="/forms/1#x", id="ä ✓"),
    event(source="urn:event:from:myapi/resource/123"),
    {**HEAD, "data_base64": b64encode(b"\x00\xff").decode()},
    event(datacontenttype='application/json; charset="utf-8"'),
]
REFUSED: list[tuple[str, object, str]] = [
    *((f"no {gone}", {n: v for n, v in event().items() if n != gone}, f"/{gone}") for gone in HEAD),
    ("an id of null", event(id=None), "/id"),
    ("an empty id", event(id=""), "/id"),
    ("an id that is a number", event(id=1), "/id"),
    ("an empty source", event(source=""), "/source"),
    ("a source with a blank", event(source="my forms"), "/source"),
    ("a source that ends within an escape", event(source="/a%2"), "/source"),
    ("an empty type", event(type=""), "/type"),
    ("another version", event(specversion="0.3"), "/specversion"),
    ("a version that is a number", event(specversion=1.0), "/specversion"),
    ("an empty subject", event(subject=""), "/subject"),
    ("a subject with a control character", event(subject="a\tb"), "/subject"),
    ("a time without a zone", event(time="2026-11-18T10:15:00"), "/time"),
    ("a time in words", event(time="yesterday"), "/time"),
    ("a schema that is no URI", event(dataschema="schemas/1"), "/dataschema"),
    ("a content type that is none", event(datacontenttype="json"), "/datacontenttype"),
    ("an attribute that is an object", event(more={"a": 1}), "/more"),
    ("an attribute that is a list", event(more=[1]), "/more"),
    ("an attribute that is a fraction", event(more=1.5), "/more"),
    ("an attribute beyond 32 bits", event(more=2147483648), "/more"),
    ("an attribute with a capital", event(moreOf="x"), ""),
    ("an attribute with a dash", event(**{"more-of": "x"}), ""),
    ("data twice", event(data_base64="AAAA"), "/data_base64"),
    ("base64 that is none", {**HEAD, "data_base64": "?"}, "/data_base64"),
    ("base64 that is a number", {**HEAD, "data_base64": 7}, "/data_base64"),
    ("a list", [event()], ""),
    ("text", "event", ""),
    ("nothing", None, ""),
]


@pytest.mark.parametrize("said", TAKEN, ids=range(len(TAKEN)))
def test_what_is_in_order_is_taken_as_it_stands(said: Json) -> None:
    assert structured(said).event == {name: value for name, value in said.items() if value is not None}
    assert [sent.event for sent in read_batch(json.dumps([said, said]).encode())] == [structured(said).event] * 2


@pytest.mark.parametrize(("said", "at"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_breaks_a_rule_is_refused_with_its_place(said: object, at: str) -> None:
    with pytest.raises(Refusal) as refused:
        structured(said)
    assert refused.value.pointer == at
    with pytest.raises(Refusal) as refused:
        read_batch(json.dumps([event(), said]).encode())
    assert refused.value.pointer == f"/1{at}"


def test_in_binary_mode_attributes_are_headers_and_the_body_is_the_data() -> None:
    body = json.dumps(DATA).encode()
    found = binary({**HEAD, "subject": "S-1", "partnumber": "7"}, "application/json; charset=utf-8", body).event
    assert found == {
        **HEAD, "subject": "S-1", "partnumber": "7", "datacontenttype": "application/json; charset=utf-8", "data": DATA,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "means"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"with blanks"', "with blanks"),
        (r'"a \"quoted\" word"', 'a "quoted" word'),
        ('"%22once%22"', '"once"'),
        ("%2541", "%41"),
    ],
)
def test_a_header_s_quotes_are_undone_first_and_then_it_is_decoded_once(header: str, means: str) -> None:
    assert binary({**HEAD, "subject": header}).event["subject"] == means


@pytest.mark.parametrize(
    ("headers", "at"),
    [
        ({n: v for n, v in HEAD.items() if n != "id"}, "/id"),
        ({n: v for n, v in HEAD.items() if n != "specversion"}, "/specversion"),
        ({**HEAD, "subject": "%FF"}, "/subject"),
        ({**HEAD, "subject": '"open'}, "/subject"),
        ({**HEAD, "subject": "a%0Ab"}, "/subject"),
        ({**HEAD, "datacontenttype": "text/plain"}, "/datacontenttype"),
        ({**HEAD, "ID": "e-2"}, "/id"),
        ({**HEAD, "data": "{}"}, "/data"),
    ],
)
def test_headers_that_break_a_rule_are_refused_with_the_attribute(headers: dict[str, str], at: str) -> None:
    with pytest.raises(Refusal) as refused:
        binary(headers)
    assert refused.value.pointer == at


def test_data_of_another_type_is_kept_as_base64_and_no_body_is_no_data() -> None:
    assert binary(HEAD, "text/plain", b"\xff\x00").event["data_base64"] == b64encode(b"\xff\x00").decode()
    assert not {"data", "data_base64"} & binary(HEAD, "application/json", b"").event.keys()


@pytest.mark.parametrize("content_type", ["application/cloudevents+xml", "application/cloudevents", "text/plain", ""])
def test_what_is_no_cloud_event_by_its_type_is_refused_for_that(content_type: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_event([], content_type, b"{}")
    assert refused.value.status == 415


SIMPLE = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="\x7f"), min_size=1).filter(
    lambda text: all(not 0x7F <= ord(each) <= 0x9F for each in text)
)


@settings(deadline=None)
@given(SIMPLE, SIMPLE, st.recursive(st.integers(-9, 9) | SIMPLE | st.booleans(), st.lists, max_leaves=5))
def test_an_event_says_the_same_in_every_mode(id_: str, subject: str, data: Any) -> None:
    said = {**HEAD, "id": id_, "subject": subject, "datacontenttype": "application/json", "data": data}
    escaped = {n: "".join(f"%{byte:02X}" for byte in v.encode()) for n, v in {"id": id_, "subject": subject}.items()}
    modes = [
        structured(said),
        structured(json.dumps(dict(reversed(said.items())), indent=2).encode()),
        binary({**HEAD, **escaped}, body=json.dumps(data).encode()),
        *read_batch(json.dumps([said]).encode()),
    ]
    assert len({sent.content for sent in modes}) == len({sent.key for sent in modes}) == 1
    for sent in modes:  # what is kept of it reads as the event again
        assert structured(sent.raw).content == sent.content


# ---- the door


@pytest.fixture
def partner(house: House) -> str:
    house.publish_catalogue()
    house.roster([{"identifiers": {"student-number": "S-1"}, "enrolments": [{"organisation": "lincoln"}]}])
    return house.source("partner", mapping(), "work_based")


def mapping() -> Json:
    """The form's, out of an event's data."""
    said: Json = json.loads(json.dumps(FORM_MAPPING).replace('"doc.', '"doc.data.'))
    return said


def send(house: House, source: str, said: object, content_type: str = STRUCTURED, **headers: str) -> Any:
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    head = {"Content-Type": content_type, **house.token("source", source=source), **headers}
    return house.http.post("/v1/events", content=raw, headers=head)


def as_headers(said: Json) -> dict[str, str]:
    return {f"ce-{name}": str(value) for name, value in said.items()}


def test_an_event_is_taken_once_in_whatever_mode_it_comes_again(house: House, partner: str) -> None:
    said = {**HEAD, "datacontenttype": "application/json", "data": DATA}
    first = send(house, partner, said)
    assert (first.status_code, first.json()["outcomes"]) == (202, {"accepted": 1})
    again = send(house, partner, json.dumps(DATA).encode(), "application/json", **as_headers(HEAD))
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert again.json()["receipt"] == first.json()["receipt"]
    batch = send(house, partner, [said], BATCHED).json()["events"]
    assert [(each["status"], each["receipt"]) for each in batch] == [(200, first.json()["receipt"])]
    assert len(house.published(EvidenceAcceptedV1)) == 1


def test_the_same_source_and_id_with_other_content_is_a_conflict(house: House, partner: str) -> None:
    send(house, partner, event())
    assert send(house, partner, event(data={**DATA, "mentor": "m-8"})).status_code == 409
    assert send(house, partner, event(source="https://other.example/forms")).json()["outcomes"] == {"duplicate": 1}


def test_a_batch_is_answered_event_by_event(house: House, partner: str) -> None:
    send(house, partner, event())
    unread = {**DATA, "ratings": [{"skill": "NOTHING", "rating": "3"}]}
    later = {**DATA, "response": "r-2", "ratings": [{"skill": "TEAM", "rating": "4"}]}
    said = [event(), event(data=later), event(id="e-2", data=later), event(id="e-3", data=unread)]
    answer = send(house, partner, said, BATCHED)
    told = [(each["id"], each["status"], each.get("outcomes")) for each in answer.json()["events"]]
    assert answer.status_code == 202
    assert told == [
        ("e-1", 200, {"accepted": 1}),
        ("e-1", 409, None),
        ("e-2", 202, {"accepted": 1}),
        ("e-3", 202, {"quarantined": 1}),
    ]


def test_of_a_batch_with_one_that_breaks_a_rule_nothing_is_taken(house: House, partner: str) -> None:
    answer = send(house, partner, [event(), event(id="")], BATCHED)
    assert (answer.status_code, answer.json()["pointer"]) == (400, "/1/id")
    assert house.published(EvidenceAcceptedV1) == []
    assert send(house, partner, event(), BATCHED).status_code == 400
    many = send(house, partner, [event(id=f"{n}", data=1) for n in range(EVENTS_MAX + 1)], BATCHED)
    assert (many.status_code, many.json()["events_max"]) == (413, EVENTS_MAX)


def test_what_was_quarantined_is_read_again_from_the_event_as_it_was_kept(house: House, partner: str) -> None:
    unread = {**DATA, "ratings": [{"skill": "TEAM", "rating": "proficient"}]}
    sent = [
        send(house, partner, event(data=unread)),
        send(house, partner, json.dumps(unread).encode(), "application/json", **as_headers({**HEAD, "id": "e-2"})),
        send(house, partner, [event(id="e-3", data=unread)], BATCHED),
    ]
    assert [answer.status_code for answer in sent] == [202, 202, 202]
    assert house.tally(partner) == {"quarantined": 3}
    level = {"lookup": {"path": "item.rating"}, "table": "levels"}
    mended = {**mapping(), "version": 2, "tables": {"levels": {"proficient": "3"}}}
    mended["rating"] = {**mended["rating"], "level": level}
    put(house, partner, mended)
    assert redrive(house, source=partner)["outcomes"] == {"accepted": 1, "duplicate": 2}


def test_no_key_of_a_source_no_event(house: House, partner: str) -> None:
    head = {"Content-Type": STRUCTURED}
    assert house.http.post("/v1/events", content=json.dumps(event()), headers=head).status_code == 401
    teacher = {**head, **house.token("registrar")}
    assert house.http.post("/v1/events", content=json.dumps(event()), headers=teacher).status_code == 403


def test_the_handshake_names_who_may_send_and_how_often(house: House) -> None:
    asked = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    answer = house.http.options("/v1/events", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert (answer.headers["webhook-allowed-rate"], answer.headers["allow"]) == ("*", "POST, OPTIONS")
    unasked = house.http.options("/v1/events", headers={"WebHook-Request-Origin": "eventemitter.example.com"})
    assert "webhook-allowed-rate" not in unasked.headers


@pytest.mark.parametrize(
    "asked",
    [{}, {"WebHook-Request-Origin": "a b"}, {"WebHook-Request-Origin": "x.example", "WebHook-Request-Rate": "0"}],
)
def test_a_handshake_that_asks_for_nothing_is_refused(house: House, asked: dict[str, str]) -> None:
    answer = house.http.options("/v1/events", headers=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
