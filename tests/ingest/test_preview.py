"""A mapping tried on the beginning of a file: what each row would come to, decided in earnest, and nothing is kept."""

import base64
from typing import Any

import pytest

from tests.ingest.cte import STUDENTS, centre, file_of, imported, signoff
from tests.ingest.house import House
from tests.support.documents import mapping

TABLES = ("outcome", "receipt", "quarantine", "parked", "record", "outbox")
ROWS = [
    signoff(),
    signoff(STUDENTS[1], level="9"),
    signoff("MA-unknown"),
    signoff(code="CA.99"),
    signoff(STUDENTS[2], Status="Void"),
]


def tried(house: House, source: str, raw: bytes, **said: Any) -> Any:
    body = {"file": base64.b64encode(raw).decode(), **said}
    return house.http.post(f"/v1/sources/{source}/mappings/try", json=body, headers=house.token("district"))


def test_each_of_the_first_rows_says_what_it_would_come_to_and_nothing_is_kept(house: House) -> None:
    source = centre(house)
    before = [house.count(table) for table in TABLES]
    said = tried(house, source, file_of(ROWS)).json()
    assert said["mapping"] == "cte-signoffs@1"
    assert [(row["line"], row["outcome"], row.get("reason")) for row in said["readings"]] == [
        (2, "accepted", None),
        (3, "quarantined", "not-in-table"),
        (4, "parked", "unknown-learner"),
        (5, "quarantined", "unknown-competency"),
        (6, "accepted", None),
    ]
    first, second, _, fourth, fifth = said["readings"]
    assert (first["reading"], first["claim"]["competency"], first["claim"]["level"]) == ("claim", "CA.1", "3")
    assert (second["reading"], second["pointer"]) == ("fault", "/Level")
    assert (fourth["pointer"], fourth["claim"]["competency"]) == ("/Competency Code", "CA.99")
    assert fifth["reading"] == "withdrawal"
    assert [house.count(table) for table in TABLES] == before


@pytest.mark.parametrize("rows", [ROWS, [signoff(), signoff(), signoff(level="2"), signoff()]])
def test_what_is_foretold_is_what_an_import_then_does(house: House, rows: list[dict[str, str]]) -> None:
    source = centre(house)
    foretold = tried(house, source, file_of(rows)).json()["readings"]
    done = imported(house, source, file_of(rows))
    items = house.receipt(done["receipt"])["items"]
    assert [row["outcome"] for row in foretold] == [item["outcome"] for item in items]
    again = tried(house, source, file_of(rows)).json()["readings"]
    redone = house.receipt(imported(house, source, file_of(rows))["receipt"])["items"]
    assert [row["outcome"] for row in again] == [item["outcome"] for item in redone]


def test_a_mapping_is_tried_before_it_is_put(house: House) -> None:
    source = centre(house)
    document = mapping("cte-signoffs")
    other = {**document, "version": 7, "tables": {**document["tables"], "levels": {"gold": "3"}}}
    raw = file_of([signoff(level="Gold")])
    assert tried(house, source, raw).json()["readings"][0]["outcome"] == "quarantined"
    said = tried(house, source, raw, mapping=other).json()
    assert (said["mapping"], said["readings"][0]["outcome"]) == ("cte-signoffs@7", "accepted")


def test_a_sample_may_break_off_anywhere_after_the_rows_that_are_looked_at(house: House) -> None:
    source = centre(house)
    raw = file_of([signoff(Notes='a "quoted" note\nof two lines')] * 30)
    for end in range(len(raw) // 2, len(raw), 7):
        said = tried(house, source, raw[:end], rows=10)
        assert (said.status_code, len(said.json()["readings"])) == (200, 10)


def test_the_charset_of_the_sample_may_be_said(house: House) -> None:
    source = centre(house)
    raw = file_of([signoff(Competency="Flambé")], "cp1252")
    assert tried(house, source, raw).json()["readings"][0]["reason"] == "wrong-encoding"
    assert tried(house, source, raw, charset="Windows-1252").json()["readings"][0]["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"file": "not base64!"}, "sample-malformed"),
        ({"file": "QQ==", "sample": {}}, "request-malformed"),
        ({}, "request-malformed"),
        ({"file": base64.b64encode(b"Level\n1\n").decode()}, "file-refused"),
        ({"file": base64.b64encode(b"PK\x03\x04").decode()}, "file-refused"),
        ({"file": "QQ==", "rows": 1_000_000}, "request-malformed"),
    ],
)
def test_what_cannot_be_tried_is_refused(house: House, said: dict[str, Any], problem: str) -> None:
    source = centre(house)
    answer = house.http.post(f"/v1/sources/{source}/mappings/try", json=said, headers=house.token("district"))
    assert answer.status_code == 400
    if problem != "request-malformed":
        assert answer.json()["type"] == f"/problems/{problem}"


def test_only_those_who_manage_mappings_see_what_is_in_a_sample(house: House) -> None:
    source = centre(house)
    body = {"file": base64.b64encode(file_of(ROWS)).decode()}
    url = f"/v1/sources/{source}/mappings/try"
    assert house.http.post(url, json=body, headers=house.token("auditor")).status_code == 403
    assert house.http.post(url, json=body, headers=house.token("district", "oak")).status_code == 404
