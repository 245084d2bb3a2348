"""CTE files: sign-offs and certifications by CSV, one outcome a row, resumed wherever a kill left them."""

import csv
import itertools
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from services.ingest.use_cases.group import Group
from tests.ingest.cte import (
    CERTIFICATIONS,
    STUDENTS,
    centre,
    certificate,
    file_of,
    finished,
    imported,
    post,
    signoff,
)
from tests.ingest.house import House
from tests.support.documents import mapping


def accepted(house: House) -> list[Any]:
    return [event for _, event in house.published(EvidenceAcceptedV1)]


def test_a_sign_off_says_who_showed_what_at_which_level_judged_by_whom_and_when(house: House) -> None:
    source = centre(house)
    done = imported(house, source, file_of([signoff(level="Proficient", Work_Sample="portfolio/14")]))
    assert (done["state"], done["outcomes"], done["rows_done"], done["rows_total"]) == ("done", {"accepted": 1}, 1, 1)
    ((envelope, event),) = house.published(EvidenceAcceptedV1)
    said = event.content
    assert (said.competency.code, said.competency.framework, said.rating.level) == ("CA.1", "culinary-arts", "3")
    assert (said.assessor.id, said.assessor.role, said.pathway) == ("t-88", "cte-teacher", "cte")
    assert envelope.occurredat == datetime(2026, 5, 14, 23, 59, 59, 999999, UTC)
    assert said.activity.id == "portfolio/14"


def test_a_certification_counts_until_its_last_day_and_one_without_such_a_day_does_not_expire(house: House) -> None:
    source = centre(house, CERTIFICATIONS)
    rows = [certificate("F-1"), certificate("F-2", STUDENTS[1], Expires_On=""), certificate("F-3", Certification="X")]
    done = imported(house, source, file_of(rows, "cp1252", delimiter=";"))
    assert done["outcomes"] == {"accepted": 2, "no_claim": 1}
    ends = sorted((event.content.expires_at for event in accepted(house)), key=str)
    assert ends == [datetime(2028, 6, 1, 23, 59, 59, 999999, UTC), None]


def test_the_same_file_again_is_all_duplicates_also_in_another_encoding_and_dialect(house: House) -> None:
    source = centre(house)
    rows = [signoff(one, f"CA.{n}") for one in STUDENTS for n in (1, 2)]
    assert imported(house, source, file_of(rows))["outcomes"] == {"accepted": 6}
    assert imported(house, source, file_of(rows))["outcomes"] == {"duplicate": 6}
    other = file_of(rows, "utf-16", delimiter="\t", quoting=csv.QUOTE_ALL)
    assert imported(house, source, other)["outcomes"] == {"duplicate": 6}
    assert len(accepted(house)) == 6


def test_rows_that_are_alike_are_records_of_their_own_and_all_duplicates_when_they_come_again(house: House) -> None:
    source = centre(house)
    raw = file_of([signoff(), signoff(), signoff(code="CA.2"), signoff()])
    assert imported(house, source, raw)["outcomes"] == {"accepted": 4}
    assert imported(house, source, raw)["outcomes"] == {"duplicate": 4}


def test_a_corrected_row_revises_its_record_and_no_other(house: House) -> None:
    source = centre(house)
    imported(house, source, file_of([signoff(level="2"), signoff(code="CA.2")]))
    done = imported(house, source, file_of([signoff(level="3"), signoff(code="CA.2")]))
    assert done["outcomes"] == {"accepted": 1, "duplicate": 1}
    ((_, revised),) = house.published(EvidenceRevisedV1)
    assert (revised.content.competency.code, revised.content.rating.level) == ("CA.1", "3")


def test_a_voided_row_takes_back_what_it_said(house: House) -> None:
    source = centre(house)
    imported(house, source, file_of([signoff()]))
    assert imported(house, source, file_of([signoff(Status="Void")]))["outcomes"] == {"accepted": 1}
    assert len(house.published(EvidenceRetractedV1)) == 1


@pytest.mark.parametrize(("on_change", "outcome", "counted"), [("conflict", "conflict", 1), ("new", "accepted", 2)])
def test_a_changed_row_is_a_conflict_or_a_new_record_where_the_mapping_says_so(
    house: House, on_change: str, outcome: str, counted: int
) -> None:
    said = {name: value for name, value in mapping("cte-signoffs").items() if name != "withdrawn"}
    source = centre(house)
    changed = {**said, "version": 2, "on_change": on_change}
    url, boss = f"/v1/sources/{source}/mappings", house.token("district")
    assert house.http.post(url, json=changed, headers=boss).status_code == 201
    imported(house, source, file_of([signoff(level="2")]))
    assert imported(house, source, file_of([signoff(level="3")]))["outcomes"] == {outcome: 1}
    assert len(accepted(house)) == counted
    assert house.published(EvidenceRevisedV1) == []


def test_an_unknown_student_waits_and_counts_once_it_is_known_who_that_is(house: House) -> None:
    source = centre(house)
    assert imported(house, source, file_of([signoff("MA-9")]))["outcomes"] == {"parked": 1}
    house.roster([{"identifiers": {"state-student-id": "MA-9"}, "enrolments": [{"organisation": "lincoln"}]}])
    house.wait(lambda: len(accepted(house)) == 1)


def test_faulty_rows_are_told_by_line_reason_and_pointer_and_the_others_count(house: House) -> None:
    source = centre(house)
    rows = [
        signoff(level="7"),
        signoff(code="CA.99"),
        signoff(code="CA.2"),
        signoff(CIP_Code="00"),
        signoff(Signed_On="x"),
    ]
    done = imported(house, source, file_of(rows) + b"too,few\n")
    assert done["outcomes"] == {"accepted": 1, "quarantined": 5}
    assert [(fault["line"], fault["reason"], fault["pointer"]) for fault in done["faults"]] == [
        (2, "not-in-table", "/Level"),
        (3, "unknown-competency", "/Competency Code"),
        (5, "not-in-table", "/CIP Code"),
        (6, "not-a-date", "/Signed On"),
        (7, "wrong-number-of-columns", ""),
    ]


def test_of_mixed_encodings_the_rows_that_decode_count_and_the_others_wait_with_their_reason(house: House) -> None:
    source = centre(house)
    good, bad = file_of([signoff(Competency="Flambé")]), file_of([signoff(Competency="Flambé", code="CA.2")], "cp1252")
    done = imported(house, source, good + bad.partition(b"\n")[2])
    assert done["outcomes"] == {"accepted": 1, "quarantined": 1}
    assert [(fault["reason"], fault["pointer"]) for fault in done["faults"]] == [("wrong-encoding", "/Competency")]


def test_the_charset_of_the_request_is_kept_for_the_import_and_for_a_redrive(house: House) -> None:
    source = centre(house)
    raw = file_of([signoff(level="Übung")], "cp1252")
    done = imported(house, source, raw, "text/csv; charset=windows-1252")
    assert [fault["reason"] for fault in done["faults"]] == ["not-in-table"]
    document = mapping("cte-signoffs")
    mended = {**document, "version": 2, "tables": {**document["tables"], "levels": {"übung": "2"}}}
    url, boss = f"/v1/sources/{source}/mappings", house.token("district")
    assert house.http.post(url, json=mended, headers=boss).status_code == 201
    driven = house.http.post("/v1/quarantine/redrive", json={"source": source}, headers=house.token("district"))
    assert driven.json()["outcomes"] == {"accepted": 1}
    assert accepted(house)[0].content.rating.level == "2"


def test_rows_are_redriven_in_their_places_also_those_that_are_alike(house: House) -> None:
    source = centre(house)
    rows = [signoff(level="Gold"), signoff(code="CA.2"), signoff(level="Gold"), signoff(code="CA.3", level="Gold")]
    assert imported(house, source, file_of(rows))["outcomes"] == {"accepted": 1, "quarantined": 3}
    document = mapping("cte-signoffs")
    mended = {**document, "version": 2, "tables": {**document["tables"], "levels": {"gold": "3", "3": "3"}}}
    url, boss = f"/v1/sources/{source}/mappings", house.token("district")
    assert house.http.post(url, json=mended, headers=boss).status_code == 201
    driven = house.http.post("/v1/quarantine/redrive", json={"source": source}, headers=house.token("district"))
    assert driven.json()["outcomes"] == {"accepted": 3}
    assert imported(house, source, file_of(rows))["outcomes"] == {"duplicate": 4}


def test_cells_a_spreadsheet_would_run_are_kept_as_text(house: House) -> None:
    source = centre(house)
    run = '=HYPERLINK("http://x","y")'
    imported(house, source, file_of([signoff(Notes=run, Work_Sample="@SUM(1)", Signed_By="+1")]))
    (event,) = accepted(house)
    said = event.content
    assert (said.comment, said.activity.id, said.assessor.id) == (run, "@SUM(1)", "+1")


@pytest.mark.parametrize(
    ("raw", "content_type", "words"),
    [
        (b"", "text/csv", "empty"),
        (b"Student State ID,Level\n1,2\n", "text/csv", "lacks columns"),
        (",".join(f"c{n}" for n in range(1_000_000)).encode(), "text/csv", "at most"),
        (b"PK\x03\x04", "text/csv", "ZIP"),
        (file_of([signoff()]), "text/csv; charset=klingon", "charset"),
    ],
)
def test_what_is_no_such_file_is_refused_while_the_sender_waits(
    house: House, raw: bytes, content_type: str, words: str
) -> None:
    source = centre(house)
    answer = post(house, source, raw, content_type)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert house.count("receipt") == 0


def test_a_file_that_breaks_off_is_refused_whole_and_nothing_of_it_counts(house: House) -> None:
    source = centre(house)
    raw = file_of([signoff(one) for one in STUDENTS]) + b'"MA-1001,12.0503\n'
    answer = post(house, source, raw)
    done = finished(house, answer.json()["import"])
    assert (done["state"], done["rows_done"], done["outcomes"]) == ("refused", 0, {})
    assert "line 5: broken quoting" in done["refused"]
    assert house.count("outcome") == 0
    assert accepted(house) == []


def test_a_mapping_of_another_door_refuses_files_and_a_csv_mapping_without_a_record_key_is_not_put(
    house: House, school: str
) -> None:
    answer = post(house, school, b"a,b\n1,2\n")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/no-file-format")
    keyless = {
        name: value for name, value in mapping("cte-signoffs").items() if name not in {"record_key", "withdrawn"}
    }
    said = house.http.post(f"/v1/sources/{school}/mappings", json=keyless, headers=house.token("district"))
    assert (said.status_code, said.json()["pointer"]) == (400, "/record_key")


# ---- one outcome a row, whatever happens


CELLS = st.sampled_from(["MA-1001", "12.0503", "CA.1", "3", "05/14/2026", "", "x", "=1", "Zoë", "a\nb", "Void", "t-1"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@any_of(
    table=st.lists(st.lists(CELLS, min_size=1, max_size=10), max_size=12), encoding=st.sampled_from(["utf-8", "cp1252"])
)
def test_every_row_of_any_file_comes_to_exactly_one_outcome(
    any_house: tuple[House, str], table: list[list[str]], encoding: str
) -> None:
    house, source = any_house
    raw = file_of([signoff()]) + b"".join(
        (",".join('"' + cell + '"' for cell in row) + "\n").encode(encoding) for row in table
    )
    done = imported(house, source, raw)
    assert done["state"] == "done"
    assert sum(done["outcomes"].values()) == done["rows_total"] == 1 + len(table)
    items = house.receipt(done["receipt"])["items"]
    assert [each["item"] for each in items] == list(range(done["rows_total"]))


@pytest.fixture
def any_house(house: House) -> tuple[House, str]:
    return house, centre(house)


class KilledError(BaseException):
    """As if the process had ended here."""


ROWS = [
    *(signoff(one, f"CA.{n}") for one in (*STUDENTS, "MA-unknown") for n in (1, 2, 3)),
    *(signoff(), signoff(level="9"), signoff(), signoff(code="CA.2", level="1"), signoff(Status="Void")),
]


def told(house: House, import_id: str) -> tuple[Any, ...]:
    """Everything that was decided, as far as it does not depend on chance."""
    done = finished(house, import_id)
    items = [
        {name: value for name, value in each.items() if name != "evidence"}
        for each in house.receipt(done["receipt"])["items"]
    ]
    kinds = [type(event).__name__ for _, event in house.published()]
    return done["state"], done["outcomes"], items, sorted(kinds), house.count("record")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["make_keys", "write", "answer"])
def test_killed_at_any_commit_an_import_goes_on_to_the_same_outcomes(tmp_path: Path, step: str) -> None:
    wanted, commits = run_to_the_end(tmp_path / "whole")
    assert commits == 7  # the file, then 17 rows three at a time
    for commit in range(commits):
        assert run_killed(tmp_path / f"{step}-{commit}", step, commit) == wanted


def opened(folder: Path) -> tuple[House, str]:
    house = House(folder)
    house.publish_catalogue()
    source = centre(house)
    house.parts.importer._rows_max = 3
    return house, source


def run_to_the_end(folder: Path) -> tuple[tuple[Any, ...], int]:
    house, source = opened(folder)
    before = house.parts.commits.commits
    said = told(house, post(house, source, file_of(ROWS)).json()["import"])
    commits = house.parts.commits.commits - before
    house.close()
    return said, commits


def run_killed(folder: Path, step: str, commit: int) -> tuple[Any, ...]:
    """The committing thread dies at its n-th commit; then the service starts again on what is on disk."""
    house, source = opened(folder)
    with pytest.MonkeyPatch.context() as patch:
        killed = kill_at(patch, house, step, commit)
        sender = threading.Thread(target=post, args=(house, source, file_of(ROWS)), daemon=True)
        sender.start()
        assert killed.wait(10)
    house.stop.set()
    house.service.close()
    house.open()
    house.parts.importer._rows_max = 3
    import_id = sent_before(house) or post(house, source, file_of(ROWS)).json()["import"]
    said = told(house, import_id)
    house.close()
    shutil.rmtree(folder)
    return said


def sent_before(house: House) -> str | None:
    """The import that was durable when the kill came."""
    with house.parts.database.read() as cursor:
        row = cursor.execute("SELECT id FROM import").fetchone()
    return UUID(bytes=row[0]).hex if row else None


def kill_at(patch: pytest.MonkeyPatch, house: House, step: str, commit: int) -> threading.Event:
    killed, commits = threading.Event(), itertools.count()

    def die(*_: object) -> None:
        if next(commits) == commit:
            killed.set()
            raise KilledError

    if step == "answer":
        patch.setattr(house.parts.commits, "_on_commit", die)
        return killed
    whole = getattr(Group, step)
    patch.setattr(Group, step, lambda self, *said: (whole(self, *said), die()))
    return killed


def test_faults_are_told_page_by_page(house: House) -> None:
    source = centre(house)
    rows = [signoff(level="9" if n % 2 else "3", Signed_On=f"2026-05-{n:02}") for n in range(1, 12)]
    done = imported(house, source, file_of(rows))
    assert done["outcomes"] == {"accepted": 5, "quarantined": 6}
    url, key = f"/v1/imports/{done['import']}", house.token("auditor")
    found, first = [], 0
    while first is not None:
        page = house.http.get(f"{url}?first={first}&limit=4", headers=key).json()
        found += page["faults"]
        first = page["next"]
    assert found == done["faults"]
    assert [fault["line"] for fault in found] == [2, 4, 6, 8, 10, 12]
    assert house.http.get(f"{url}?limit=0", headers=key).json()["faults"] == []
