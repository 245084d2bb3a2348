"""A roster as a plain CSV file."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import RosterEnrolment
from services.ingest.formats.roster_csv import read_roster_csv
from services.ingest.formats.zip_package import PackageRefused

HEADER = "id:student,id:placement,organisation,cohort,begins_on,ends_on,given_name,family_name,email\n"


def test_a_line_is_a_person_with_identifiers_and_an_enrolment():
    (entry,) = read_roster_csv(
        (HEADER + "s-1,pl-9,acme,welding,2026-09-01,,Ana,Díaz,ana@example.org\n").encode()
    ).entries
    assert entry.identifiers == (Identifier("student", "s-1"), Identifier("placement", "pl-9"))
    assert entry.enrolments == (RosterEnrolment("student=s-1|acme|welding", "acme", "welding", date(2026, 9, 1), None),)
    assert (entry.given_name, entry.family_name, entry.email, entry.role) == (
        "Ana",
        "Díaz",
        "ana@example.org",
        "student",
    )


def test_columns_may_come_in_any_order_and_be_few():
    roster = read_roster_csv(b"organisation,id:student\nacme,s-1\nacme,s-2\n")
    assert [entry.identifiers[0].value for entry in roster.entries] == ["s-1", "s-2"]


def test_the_same_line_with_other_days_is_the_same_enrolment():
    earlier, later = (
        read_roster_csv(f"id:student,organisation,ends_on\ns-1,acme,{day}\n".encode()).entries[0].enrolments[0]
        for day in ("2026-12-01", "2027-01-01")
    )
    assert earlier.id == later.id
    assert earlier != later


@pytest.mark.parametrize(
    ("line", "pointer", "reason"),
    [
        ("s-1,,Acme,,,,,,", "/2/organisation", "not-a-slug"),
        (",,acme,,,,,,", "/2/id:student", "missing"),
        ("s-1,,acme,,1/9/2026,,,,", "/2/begins_on", "not-a-date"),
        ("s-1,,acme", "/2", "wrong-number-of-columns"),
        ("s-1,,acme,,,,a\x00b,,", "/2", "control-character"),
        ("s" * 400 + ",,acme,,,,,,", "/2/id:student", "text-too-long"),
    ],
)
def test_a_faulty_line_is_named_and_the_next_is_read(line, pointer, reason):
    roster = read_roster_csv((HEADER + line + "\ns-2,,acme,,,,,,\n").encode())
    assert [(fault.pointer, fault.reason) for fault in roster.faults] == [(pointer, reason)]
    assert [entry.row for entry in roster.entries] == [3]


def test_a_fault_quotes_nothing_of_the_line():
    roster = read_roster_csv((HEADER + "s-1,,acme,,planted-day,,Planted,,\n").encode())
    assert "lanted" not in repr(roster.faults)


@pytest.mark.parametrize(
    "raw", [b"", b"organisation\nacme\n", b"id:student\ns\n", b"id:student,organisation,shoe_size\n", b"\xff\xfe"]
)
def test_a_file_that_is_no_roster_is_refused(raw):
    with pytest.raises(PackageRefused):
        read_roster_csv(raw)


@given(st.binary(max_size=120) | st.binary(max_size=120).map(lambda tail: HEADER.encode() + tail))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    try:
        roster = read_roster_csv(raw)
    except PackageRefused:
        return
    assert len(roster.entries) + len(roster.faults) <= raw.count(b"\n") + raw.count(b"\r")
