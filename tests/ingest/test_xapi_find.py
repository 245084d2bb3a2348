"""Reading statements back: as they were sent, byte for byte, and by every filter needed to find them."""

import json
from typing import Any

import pytest

from tests.ingest.house import House
from tests.ingest.xapi_world import HOME, SCORED, Sender, sender, statement

IDS = [f"6f1c0a5e-0d0f-4a7e-9b0e-{n:012}" for n in range(12)]
LOOKED = "http://example.org/verbs/looked"


@pytest.fixture
def lms(house: House) -> Sender:
    house.learner("100")
    return sender(house)


def ids(lms: Sender, **asked: Any) -> list[int]:
    """Which of IDS are found, in order."""
    return [IDS.index(each["id"]) for each in lms.found(**asked)]


ODD = (
    b'{ "actor":{"mbox":"mailto:a@lms.example" , "name":"Zo\xc3\xab } \\" { \\u00e9\\n"},\n\t"verb" : {"id":"%s"},'
    b' "object":{"id":"https://lms.example/a?b=%%7B"},  "result":{"score":{"raw":1.50,"max":1.50e1}},'
    b'"context":{"extensions":{"http://x.example/e":[null,{"a":1e2},"\\/"]}} }'
) % SCORED.encode()


def test_a_statement_comes_back_byte_for_byte_with_what_an_lrs_adds_at_its_end(lms: Sender) -> None:
    (id_,) = lms.post(ODD).json()
    for raw in (lms.get(statementId=id_).content, lms.get().content[len('{"statements":[') :]):
        assert raw.startswith(ODD[:-1])
    added = lms.get(statementId=id_).json()
    assert added["id"] == id_
    assert added["stored"] == added["timestamp"] == "2026-11-20T12:00:00.000000Z"
    assert added["authority"]["account"]["name"] == lms.source
    within = lms.post(b"[" + ODD.replace(b"1.50,", b"1.60,") + b" , " + ODD + b"]").json()
    assert lms.get(statementId=within[0]).content.startswith(ODD.replace(b"1.50,", b"1.60,")[:-1])


def test_a_sender_s_stored_and_authority_are_not_believed(lms: Sender) -> None:
    said = {"stored": "1999-01-01T00:00:00Z", **statement(IDS[0]), "authority": {"mbox": "mailto:root@lms.example"}}
    lms.post(json.dumps(said).encode())
    found = lms.get(statementId=IDS[0])
    assert found.json()["stored"].startswith("2026-11-20")
    assert "root@" not in found.text
    assert found.content.startswith(json.dumps(statement(IDS[0]))[:40].encode())


def test_filters_find_what_matches_newest_first(lms: Sender) -> None:
    group = {"objectType": "Group", "member": [{"mbox": "mailto:m@lms.example"}]}
    person = {"objectType": "Agent", "account": {"homePage": HOME, "name": "200"}}
    registered = {"context": {"registration": "0E7A1C9E-0000-4000-8000-000000000001"}}
    lms.post(
        [
            statement(IDS[0]),
            statement(IDS[1], verb=LOOKED),
            statement(IDS[2], object={"id": f"{HOME}/activities/2"}),
            statement(IDS[3], student="200"),
            statement(IDS[4], object=person),
            statement(IDS[5], actor=group),
            statement(IDS[6], **registered),
        ]
    )
    account = {"account": {"homePage": HOME, "name": "200"}}
    assert ids(lms) == [6, 5, 4, 3, 2, 1, 0]
    assert ids(lms, ascending="true", limit=2) == [0, 1]
    assert ids(lms, verb=LOOKED) == [1]
    assert ids(lms, activity=f"{HOME}/activities/2") == [2]
    assert ids(lms, agent=json.dumps(account)) == [4, 3]
    assert ids(lms, agent=json.dumps({"mbox": "mailto:m@lms.example"})) == [5]
    assert ids(lms, registration="0e7a1c9e-0000-4000-8000-000000000001") == [6]
    assert ids(lms, agent=json.dumps(account), verb=LOOKED) == []
    assert ids(lms, agent=json.dumps(account), activity=f"{HOME}/activities/1") == [3]


def test_since_is_exclusive_and_until_inclusive_of_when_it_was_stored(lms: Sender) -> None:
    for n in range(3):
        lms.post(statement(IDS[n], n))
        lms.house.clock.pass_time(minutes=1)
    middle = lms.get(statementId=IDS[1]).json()["stored"]
    assert ids(lms, since=middle) == [2]
    assert ids(lms, until=middle) == [1, 0]
    assert ids(lms, since="2026-11-20T13:00:00+01:00", until=middle) == [1]


def test_more_leads_on_to_the_end_and_stays_true_while_others_are_stored(lms: Sender) -> None:
    lms.post([statement(IDS[n], n) for n in range(7)])
    page = lms.get(limit=3).json()
    seen = [each["id"] for each in page["statements"]]
    lms.post(statement(IDS[7]))
    while page["more"]:
        answer = lms.house.http.get(page["more"], headers=lms.headers)
        page = answer.json()
        seen += [each["id"] for each in page["statements"]]
    assert seen == IDS[6::-1]
    assert lms.get(limit=7).json()["more"] != ""
    assert lms.get(limit=8).json()["more"] == ""


@pytest.mark.parametrize(
    "asked",
    [
        {"statementId": "x"},
        {"statementId": IDS[0], "verb": SCORED},
        {"statementId": IDS[0], "voidedStatementId": IDS[1]},
        {"verb": "no iri"},
        {"agent": "{"},
        {"agent": "{}"},
        {"agent": '{"name":"Ada"}'},
        {"since": "yesterday"},
        {"until": "2026-02-30T00:00:00Z"},
        {"since": "2026-01-01T24:59:60Z"},
        {"limit": "-1"},
        {"limit": "٣"},
        {"ascending": "yes"},
        {"cursor": "9" * 30},
        {"related_agents": "true"},
        {"format": "ids"},
        {"attachments": "true"},
        {"Verb": SCORED},
        {"verbs": SCORED},
    ],
    ids="-".join,
)
def test_a_parameter_that_is_not_understood_is_refused_not_ignored(lms: Sender, asked: dict[str, str]) -> None:
    answer = lms.get(**asked)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/query-refused"), answer.text


def test_a_parameter_twice_is_refused_and_a_post_takes_none(lms: Sender) -> None:
    twice = lms.house.http.get("/xapi/statements?limit=1&limit=2", headers=lms.headers)
    posted = lms.house.http.post("/xapi/statements?statementId=x", json=statement(), headers=lms.headers)
    assert [twice.status_code, posted.status_code] == [400, 400]


def test_head_answers_as_get_without_the_body(lms: Sender) -> None:
    lms.post(statement(IDS[0]))
    head = lms.house.http.head("/xapi/statements", params={"statementId": IDS[0]}, headers=lms.headers)
    got = lms.get(statementId=IDS[0])
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in got.headers} == dict(got.headers)
    assert (
        lms.house.http.head("/xapi/statements", params={"statementId": IDS[1]}, headers=lms.headers).status_code == 404
    )


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_end_of_the_calendar_in_another_zone_is_refused(lms: Sender, at: str) -> None:
    answer = lms.get(since=at)
    assert answer.status_code == 400, answer.text
