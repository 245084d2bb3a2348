"""Rosters as OneRoster packages and CSV: learners only, their schools as organisations, what is wrong by row."""

import io
import zipfile

from contracts.learners_v1 import LearnerEnrolledV1
from tests.ingest.house import House
from tests.support.paths import SHARED_DATA

PACKAGE = SHARED_DATA / "oneroster" / "gradebook-valid.zip"


def package(change: dict[bytes, bytes]) -> bytes:
    """The sample with some bytes of its files changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(PACKAGE) as archive, zipfile.ZipFile(made, "w") as other:
        for name in archive.namelist():
            raw = archive.read(name)
            for before, after in change.items():
                raw = raw.replace(before, after)
            other.writestr(name, raw)
    return made.getvalue()


def put(house: House, raw: bytes, **query: str) -> dict[str, object]:
    """Import it; the answer."""
    answer = house.http.post("/v1/roster", params=query, content=raw, headers=house.token("registrar"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_package_registers_its_students_and_nobody_else(house: House) -> None:
    said = put(house, PACKAGE.read_bytes())
    students = house.count("learner")
    assert said["registered"] == said["enrolled"] == students == 40
    assert {event.enrolment.organisation for _, event in house.published(LearnerEnrolledV1)} == {"org-s1"}
    again = put(house, PACKAGE.read_bytes())
    assert (again["registered"], again["linked"], again["enrolled"]) == (0, 0, 0)
    teacher = {"identifiers": [{"scheme": "sourcedid", "value": "tch-1"}]}
    found = house.http.post("/v1/learners/lookup", json=teacher, headers=house.token("registrar"))
    assert found.json() == {"learners": [None]}


def test_a_school_that_is_no_slug_is_a_fault_unless_the_organisation_is_said(house: House) -> None:
    raw = package({b"org-s1": b"Org S1"})
    said = put(house, raw)
    assert {fault["reason"] for fault in said["faults"]} == {"not-a-slug"}  # type: ignore[attr-defined]
    assert said["enrolled"] == 0
    assert not house.published(LearnerEnrolledV1)
    assert put(house, raw, organisation="lincoln")["enrolled"] == said["registered"]


def test_a_user_taken_out_of_the_roster_is_not_registered_and_ends_where_known(house: House) -> None:
    gone = package({b"stu-001,,,true": b"stu-001,tobedeleted,,true"})
    known = put(house, PACKAGE.read_bytes())
    assert put(house, gone)["enrolled"] == 1
    ended = [event.enrolment for _, event in house.published(LearnerEnrolledV1) if event.enrolment.ends_on]
    assert [str(each.ends_on) for each in ended] == ["2026-11-20"]
    assert house.count("learner") == known["registered"]
    fresh = House(house.folder / "fresh")
    assert put(fresh, gone)["registered"] == 39
    fresh.close()


def test_a_csv_roster_names_its_schemes(house: House) -> None:
    raw = b"id:student-number,organisation,given_name\n100,lincoln,Ada\n,lincoln,Ben\n200,NOT A SLUG,Cleo\n"
    said = put(house, raw)
    assert (said["registered"], said["linked"], said["enrolled"]) == (1, 1, 1)
    assert [fault["reason"] for fault in said["faults"]] == ["missing", "not-a-slug"]  # type: ignore[attr-defined]
