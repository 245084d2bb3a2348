"""Mappings read real senders' documents as claims: the fixtures, and each operator."""

import csv
import gzip
import timeit
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.ingest.domain.claims import Claim, ClaimedAssessor, Fault, Identifier, NoClaim, Withdrawal
from services.ingest.domain.records import OnChange
from services.ingest.formats.ndjson import read_lines
from services.ingest.formats.oneroster_results import read_results
from services.ingest.mappings.compiled import ITEMS_MAX, CompiledMapping, SourceFacts, compile_mapping
from services.ingest.mappings.documents import load
from tests.support.paths import SHARED_DATA

FIXTURES = Path(__file__).parents[1] / "support" / "mappings"
RECEIVED = datetime(2026, 11, 23, 9, tzinfo=UTC)
ACME = SourceFacts("acme", "internship")

FORM = {
    "type": "evaluation.completed",
    "data": {
        "response_id": "resp-7",
        "placement_id": "pl-12",
        "observed_on": "2026-11-20",
        "review": "final",
        "mentor_id": "m-3",
        "ratings": [
            {"skill": "communication", "rating": 3, "comment": "clear on the phone"},
            {"skill": "teamwork", "rating": "N/A"},
            {"skill": "problem-solving", "rating": "4", "comment": "  "},
        ],
    },
}


def mapping(name: str) -> CompiledMapping:
    return compile_mapping(load((FIXTURES / f"{name}.yaml").read_bytes()))


def small(**changes: object) -> CompiledMapping:
    document = {
        "name": "small",
        "version": 3,
        "format": "json",
        "learner": {"scheme": "student", "value": {"path": "doc.student"}},
        "competency": {"path": "doc.skill"},
        "rating": {"scale": {"const": "levels"}, "level": {"path": "doc.rating"}},
        "occurred_at": {"date": {"path": "doc.at"}},
        "assessor": {"id": {"path": "doc.by"}, "role": {"const": "mentor"}},
    }
    return compile_mapping(document | changes)


FLAT = {"student": "s-1", "skill": "WBL.1", "rating": 3, "at": "2026-11-20T10:00:00-07:00", "by": "m-3"}


def read(compiled: CompiledMapping, document: object, source: SourceFacts = ACME) -> list[object]:
    return compiled.read(document, source=source, received_at=RECEIVED)


def one(compiled: CompiledMapping, document: object, source: SourceFacts = ACME) -> object:
    (reading,) = read(compiled, document, source)
    return reading


def scored(score: object, document: object) -> object:
    """What the score expression makes of the document."""
    reading = one(small(rating={"scale": {"const": "percent"}, "score": score}), FLAT | {"x": document})
    return reading.score if isinstance(reading, Claim) else reading.reason


def dated(occurred_at: object, source: SourceFacts = ACME, **changes: object) -> object:
    reading = one(small(occurred_at=occurred_at, tables={"starts": {"m": "2013-10-01"}}), FLAT | changes, source)
    return reading.occurred_at.isoformat() if isinstance(reading, Claim) else reading.reason


# ---- the fixtures, on what their senders send


def test_an_employers_form_of_three_ratings_is_three_claims_under_one_response():
    first, second, third = read(mapping("internship-evaluation"), FORM)
    assert first == Claim(
        learner=Identifier("placement", "pl-12"),
        record_key="resp-7#communication",
        competency="WBL.1",
        framework=None,
        scale="internship-1-4",
        level="3",
        score=None,
        observed=True,
        occurred_at=datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC),
        pathway="internship",
        assessor=ClaimedAssessor("m-3", "mentor", "acme"),
        activity="pl-12",
        comment="clear on the phone",
    )
    assert (second.record_key, second.observed, second.level) == ("resp-7#teamwork", False, None)
    assert (third.record_key, third.level, third.comment) == ("resp-7#problem-solving", "4", None)
    assert third.pointers["level"] == "/data/ratings/2/rating"


@pytest.mark.parametrize("rating", [None, "", " ", "N/A"])
def test_no_opportunity_to_observe_is_not_a_zero(rating):
    form = FORM | {"data": FORM["data"] | {"ratings": [{"skill": "teamwork", "rating": rating}]}}
    claim = one(mapping("internship-evaluation"), form)
    assert (claim.observed, claim.level, claim.score) == (False, None, None)


def test_the_first_review_is_a_baseline():
    form = FORM | {"data": FORM["data"] | {"review": "first"}}
    assert {claim.kind for claim in read(mapping("internship-evaluation"), form)} == {"baseline"}


def test_another_type_of_message_says_nothing():
    assert read(mapping("internship-evaluation"), {"type": "ping"}) == [NoClaim("not-an-evaluation")]


def test_an_unknown_skill_is_a_fault_of_its_own_item_only():
    form = FORM | {"data": FORM["data"] | {"ratings": [{"skill": "planted", "rating": 1}, *FORM["data"]["ratings"]]}}
    bad, *good = read(mapping("internship-evaluation"), form)
    assert bad == Fault("not-in-table", "/data/ratings/0/skill", "competency: not in the table")
    assert [type(reading) for reading in good] == [Claim] * 3


def test_all_of_the_open_universitys_results_are_read():
    compiled = mapping("oulad-results")
    with gzip.open(SHARED_DATA / "oulad" / "studentAssessment.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    claims = [one(compiled, row) for row in rows]
    assert len(claims) == 36184
    assert {type(claim) for claim in claims} == {Claim}
    assert [claim.score is None for claim in claims] == [row["score"] == "" for row in rows]
    assert sum(not claim.observed for claim in claims) == 18
    assert len({claim.record_key for claim in claims}) == 36184
    assert min(claim.occurred_at for claim in claims).date().isoformat() == "2013-09-21"


def test_a_days_after_the_start_is_the_end_of_that_day():
    line = b'{"id_assessment":"1752","id_student":"11391","date_submitted":"18","is_banked":"0","score":"78"}'
    (document,) = [line.document for line in read_lines(line)]
    claim = one(mapping("oulad-results"), document)
    assert (claim.record_key, claim.score) == ("1752#11391", "78")
    assert claim.occurred_at == datetime(2013, 10, 19, 23, 59, 59, 999999, tzinfo=UTC)


def test_the_oneroster_package_is_720_claims():
    compiled = mapping("oneroster-results")
    rows = read_results((SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes())
    claims = [one(compiled, row.document) for row in rows if row.document]
    assert len(claims) == 720
    assert {type(claim) for claim in claims} == {Claim}
    assert len({claim.record_key for claim in claims}) == 720
    assert {claim.assessor.id for claim in claims} == {"tch-1"}
    assert sorted({claim.level for claim in claims}) == ["0", "1", "2", "3"]


def test_a_row_to_be_deleted_is_a_withdrawal_whatever_else_it_says():
    rows = read_results((SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes())
    document = next(row.document for row in rows if row.document)
    gone = document | {"status": "tobedeleted", "objective": document["objective"] | {"score": "x"}}
    assert one(mapping("oneroster-results"), gone) == Withdrawal("rlo-01-0-stu-001")


# ---- operators


def test_what_the_mapping_leaves_unsaid_is_the_sources():
    claim = one(small(), FLAT)
    assert (claim.pathway, claim.assessor.organisation, claim.kind) == ("internship", "acme", "summative")
    assert (small().label, small().on_change) == ("small@3", OnChange.REVISE)


@pytest.mark.parametrize(
    ("expression", "sent", "score"),
    [
        ({"path": "doc.x"}, "78", "78"),
        ({"path": "doc.x"}, 78, "78"),
        ({"path": "doc.x"}, Decimal("78.50"), "78.5"),
        ({"path": "doc.x"}, Decimal("7.85E+1"), "78.5"),
        ({"path": "doc.x"}, " 078.0 ", "78"),
        ({"path": "doc.x"}, "-0.0", "0"),
        ({"path": "doc.x"}, "0.1234567891", "score-not-decimal"),
        ({"path": "doc.x"}, "1234567890123", "score-not-decimal"),
        ({"path": "doc.x"}, Decimal("1E+90"), "not-text"),
        ({"path": "doc.x"}, "85%", "not-a-number"),
        ({"path": "doc.x"}, "٣", "not-a-number"),
        ({"path": "doc.x"}, None, "missing"),
        ({"path": "doc.x"}, [3], "not-text"),
        ({"path": "doc.x.y"}, {"y": "5"}, "5"),
        ({"path": "max(doc.x)"}, ["1", "9", "5"], "9"),
        ({"path": "doc.x[?k=='b'].v | [0]"}, [{"k": "a", "v": 1}, {"k": "b", "v": 2}], "2"),
        ({"path": "sum(doc.x)"}, ["a"], "path-not-applicable"),
        ({"path": "to_number(doc.x)"}, "1.5", "not-text"),  # a float: JMESPath's arithmetic is not exact
        ({"first_of": [{"path": "doc.nope"}, {"path": "doc.x"}, {"const": "1"}]}, "", "1"),
        ({"first_of": [{"path": "doc.nope"}, {"path": "doc.x"}, {"const": "1"}]}, "2", "2"),
        ({"lookup": {"lower": {"strip": {"path": "doc.x"}}}, "table": "words"}, " GOOD ", "3"),
        ({"lookup": {"path": "doc.x"}, "table": "words", "default": "0"}, "odd", "0"),
        ({"lookup": {"path": "doc.x"}, "table": "words", "missing": "no_claim"}, "odd", "not-in-table"),
    ],
)
def test_scores_are_exact_and_in_one_form(expression, sent, score):
    compiled = small(rating={"scale": {"const": "p"}, "score": expression}, tables={"words": {"good": "3"}})
    reading = one(compiled, FLAT | {"x": sent})
    assert (reading.score if isinstance(reading, Claim) else reading.reason) == score


@pytest.mark.parametrize(
    ("span", "sent", "score"),
    [
        ({"from": {"low": "-1", "high": "1"}, "to": {"low": "0", "high": "100"}, "decimals": 0}, "0.5", "75"),
        ({"from": {"low": "-1", "high": "1"}, "to": {"low": "0", "high": "100"}, "decimals": 0}, Decimal("0.0"), "50"),
        ({"from": {"low": "0", "high": "3"}, "to": {"low": "0", "high": "1"}, "decimals": 4}, 1, "0.3333"),
        ({"from": {"low": "0", "high": "8"}, "to": {"low": "0", "high": "1"}, "decimals": 2}, 1, "0.12"),
        ({"from": {"low": "0", "high": "8"}, "to": {"low": "0", "high": "1"}, "decimals": 2}, 3, "0.38"),
        (
            {"from": {"low": "0", "high": "10"}, "to": {"low": "0", "high": "1"}, "decimals": 2},
            11,
            "score-out-of-range",
        ),
        (
            {"from": {"low": "0", "high": "10"}, "to": {"low": "0", "high": "1"}, "decimals": 2, "beyond": "clamp"},
            11,
            "1",
        ),
        (
            {"from": {"low": "0", "high": {"path": "doc.by"}}, "to": {"low": "0", "high": "1"}, "decimals": 2},
            1,
            "not-a-number",
        ),
        ({"from": {"low": "3", "high": "3"}, "to": {"low": "0", "high": "1"}, "decimals": 2}, 3, "range-is-empty"),
        ({"from": {"low": "0", "high": "10"}, "to": {"low": "0", "high": "1"}, "decimals": 2}, "", "missing"),
    ],
)
def test_rescaling_is_exact_and_rounds_half_to_even_once(span, sent, score):
    assert scored({"rescale": {"path": "doc.x"}} | span, sent) == score


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ("2026-11-20T10:00:00-07:00", "2026-11-20T17:00:00+00:00"),
        ("2026-11-20t10:00:00.123456789z", "2026-11-20T10:00:00.123456+00:00"),
        ("2026-11-20", "2026-11-20T23:59:59.999999+00:00"),
        ("2026-11-20T10:00:00", "not-a-date"),
        ("2026-11-20T25:00:00Z", "not-a-date"),
        ("2026-02-30", "not-a-date"),
        ("20261120", "not-a-date"),
        ("0000-01-01", "not-a-date"),
        ("0001-01-01T00:00:00+14:00", "not-a-date"),
        ("9999-12-31T23:59:59-14:00", "not-a-date"),
        ("", "missing"),
        (20261120, "not-a-date"),
    ],
)
def test_a_date_is_an_instant_or_the_last_moment_of_a_day(sent, wanted):
    assert dated({"date": {"path": "doc.at"}}, at=sent) == wanted


def test_a_bare_date_and_a_local_time_are_the_sources():
    denver = replace(ACME, zone=ZoneInfo("America/Denver"))
    local = {"date": {"path": "doc.at"}, "formats": ["%m/%d/%Y %H:%M", "%m/%d/%Y", "date"]}
    assert dated(local, denver, at="2026-11-20") == "2026-11-21T06:59:59.999999+00:00"
    assert dated(local, denver, at="11/20/2026") == "2026-11-21T06:59:59.999999+00:00"
    assert dated(local, denver, at="11/20/2026 09:30") == "2026-11-20T16:30:00+00:00"


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        ("0", "2013-10-01T23:59:59.999999+00:00"),
        (-10, "2013-09-21T23:59:59.999999+00:00"),
        ("1.5", "not-a-whole-number"),
        ("-999999", "not-a-date"),
        ("1000000", "not-a-whole-number"),
    ],
)
def test_days_after_a_start_that_a_table_gives(days, wanted):
    start = {"days": {"path": "doc.d"}, "after": {"lookup": {"const": "m"}, "table": "starts"}}
    assert dated(start, d=days) == wanted


def test_a_source_without_dates_may_take_the_moment_of_receipt():
    assert dated({"received_at": True}) == RECEIVED.isoformat()


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ({"equals": {"path": "doc.by"}, "to": "m-3"}, True),
        ({"not": {"equals": {"path": "doc.by"}, "to": "m-3"}}, False),
        ({"equals": {"path": "doc.nope"}, "to": None}, True),
        ({"one_of": {"path": "doc.rating"}, "values": ["3", "4"]}, True),
        ({"one_of": {"path": "doc.flag"}, "values": ["true"]}, True),
    ],
)
def test_a_condition_that_does_not_hold_is_no_claim_with_its_reason(test, holds):
    reading = one(small(when=[{"test": test, "otherwise": "left-out"}]), FLAT | {"flag": True})
    assert isinstance(reading, Claim) if holds else reading == NoClaim("left-out")


@pytest.mark.parametrize(
    ("items", "reason"),
    [({}, "items-not-a-list"), (None, "items-not-a-list"), ([0] * (ITEMS_MAX + 1), "too-many-items")],
)
def test_items_are_a_list_of_bounded_length(items, reason):
    form = FORM | {"data": FORM["data"] | {"ratings": items}}
    assert one(mapping("internship-evaluation"), form).reason == reason


def test_no_items_is_one_reading_that_says_nothing():
    form = FORM | {"data": FORM["data"] | {"ratings": []}}
    assert one(mapping("internship-evaluation"), form) == NoClaim("no-items")


def test_conditions_on_items_leave_out_single_items():
    compiled = small(
        items="doc.list",
        when_item=[{"test": {"equals": {"path": "item.final"}, "to": "true"}, "otherwise": "draft"}],
        competency={"path": "item.skill"},
    )
    readings = read(compiled, FLAT | {"list": [{"final": True, "skill": "a"}, {"final": False, "skill": "b"}, 7]})
    assert [type(reading) for reading in readings] == [Claim, NoClaim, NoClaim]


def test_pointers_escape_what_json_pointers_escape():
    compiled = small(competency={"path": 'doc."a/b"."c~d"'})
    assert one(compiled, FLAT).pointer == "/a~1b/c~0d"


def test_a_flat_document_of_eight_fields_is_mapped_within_30_microseconds():
    compiled = small(comment={"path": "doc.comment"}, kind={"path": "doc.kind"}, record_key={"path": "doc.id"})
    document = FLAT | {"comment": "well done", "kind": "summative", "id": "r-1"}
    assert len(document) == 8
    assert isinstance(one(compiled, document), Claim)
    best = min(timeit.repeat(lambda: read(compiled, document), number=500, repeat=20)) / 500
    assert best < 30e-6
