"""OneRoster packages: sound rows, the nine known faults by row and reason, rows held, and the roster."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Mapping

import pytest

from services.ingest.domain.claims import Fault, Held, Identifier, NoClaim
from services.ingest.formats.csv_table import FileRefused
from services.ingest.formats.oneroster import ManifestRefused
from services.ingest.formats.oneroster_people import NOT_A_LEARNER, USERS, open_people
from services.ingest.formats.oneroster_results import PackageRow, read_results
from services.ingest.formats.zip_package import PackageRefused, read_package
from tests.support.paths import SHARED_DATA

VALID = (SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes()
FAULTY = (SHARED_DATA / "oneroster" / "gradebook-9-faults.zip").read_bytes()


def packed(changes: Mapping[str, bytes | None], base: bytes = VALID) -> bytes:
    """The valid package with files replaced, added, or (None) left out."""
    members = {**read_package(base), **changes}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return out.getvalue()


def edited(name: str, line: int, column: str, cell: str) -> bytes:
    """The valid package with one cell changed."""
    rows = list(csv.reader(io.StringIO(read_package(VALID)[name].decode())))
    rows[line - 1][rows[0].index(column)] = cell
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return packed({name: out.getvalue().encode()})


def replaced(name: str, old: str, new: str) -> bytes:
    text = read_package(VALID)[name].decode()
    assert old in text
    return packed({name: text.replace(old, new).encode()})


def kinds(rows: list[PackageRow]) -> Counter[str]:
    return Counter(type(row.problem).__name__ if row.problem else "document" for row in rows)


def faults(rows: list[PackageRow]) -> dict[str, str]:
    return {row.problem.pointer: row.problem.reason for row in rows if isinstance(row.problem, Fault)}


def test_the_valid_package_is_240_results_and_720_objective_levels():
    rows = read_results(VALID)
    assert kinds(rows) == {"document": 720, "NoClaim": 240}
    assert {row.file for row in rows if row.document} == {"resultLearningObjectiveIds"}


def test_a_document_joins_the_level_with_its_result_line_item_and_teacher():
    document = next(row.document for row in read_results(VALID) if row.document)
    assert document["objective"]["textScore"] == "Proficient"
    assert (document["result"]["studentSourcedId"], document["result"]["scoreDate"]) == ("stu-001", "2026-09-10")
    assert (document["lineItem"]["title"], document["teacher"], document["status"]) == (
        "Shop task 1",
        "tch-1",
        "active",
    )


def test_the_nine_faults_are_named_by_row_and_reason():
    assert faults(read_results(FAULTY)) == {
        "/results.csv/9/scoreStatus": "not-in-vocabulary",
        "/results.csv/20/score": "not-a-number",
        "/results.csv/31/scoreDate": "not-a-date",
        "/results.csv/42/studentSourcedId": "unknown-reference",
        "/results.csv/53/lineItemSourcedId": "missing",
        "/results.csv/97/sourcedId": "duplicate-sourced-id",
        "/resultLearningObjectiveIds.csv/64/learningObjectiveId": "not-a-case-id",
        "/resultLearningObjectiveIds.csv/75/source": "not-in-vocabulary",
        "/resultLearningObjectiveIds.csv/86/resultSourcedId": "unknown-reference",
    }


def test_eighteen_rows_are_held_each_naming_its_cause_and_699_are_read():
    rows = read_results(FAULTY)
    assert kinds(rows) == {"document": 699, "NoClaim": 234, "Held": 18, "Fault": 9}
    causes = Counter(row.problem.cause.pointer for row in rows if isinstance(row.problem, Held))
    assert causes == dict.fromkeys((pointer for pointer in faults(rows) if pointer.startswith("/results.csv")), 3)
    lost = {row.sourced_id for row in rows if isinstance(row.problem, Held) and "/97/" in row.problem.cause.pointer}
    assert lost == {"rlo-03-0-stu-016", "rlo-03-1-stu-016", "rlo-03-2-stu-016"}


@pytest.mark.parametrize("package", [VALID, FAULTY], ids=["valid", "faulty"])
def test_every_row_of_both_files_comes_out_once(package):
    rows = read_results(package)
    assert len({(row.file, row.line) for row in rows}) == len(rows) == 960


@pytest.mark.parametrize(
    ("name", "line", "column", "cell", "reason"),
    [
        ("results.csv", 2, "sourcedId", "", "missing"),
        ("results.csv", 2, "status", "deleted", "not-in-vocabulary"),
        ("results.csv", 2, "scoreDate", "2026-02-30", "not-a-date"),
        ("results.csv", 2, "scoreDate", "", "missing"),
        ("results.csv", 2, "late", "yes", "not-in-vocabulary"),
        ("results.csv", 2, "lineItemSourcedId", "li-99", "unknown-reference"),
        ("results.csv", 2, "dateLastModified", "yesterday", "not-an-instant"),
        ("results.csv", 2, "comment", "a\x00b", "control-character"),
        ("results.csv", 2, "comment", "x" * 20_000, "cell-too-long"),
        ("resultLearningObjectiveIds.csv", 2, "score", "=1+1", "not-a-number"),
        ("resultLearningObjectiveIds.csv", 3, "sourcedId", "rlo-01-0-stu-001", "duplicate-sourced-id"),
    ],
)
def test_a_faulty_cell_costs_its_row_and_what_hangs_on_it(name, line, column, cell, reason):
    rows = read_results(edited(name, line, column, cell))
    (found,) = faults(rows).items()
    assert found[0].startswith(f"/{name}/{line}")
    assert found[1] == reason
    assert kinds(rows)["document"] == (717 if name == "results.csv" else 719)


def test_a_faulty_row_keeps_its_id_so_that_a_second_row_cannot_take_it():
    rows = read_results(edited("results.csv", 2, "scoreStatus", "x"))
    assert kinds(rows) == {"document": 717, "NoClaim": 239, "Held": 3, "Fault": 1}


def test_a_fault_quotes_nothing_of_the_row():
    rows = read_results(edited("results.csv", 2, "score", "planted-score"))
    assert "planted" not in repr([row.problem for row in rows])


def test_a_row_of_another_width_is_a_fault():
    text = read_package(VALID)["results.csv"].decode()
    rows = read_results(packed({"results.csv": (text + "res-extra,,\n").encode()}))
    assert faults(rows) == {"/results.csv/242": "wrong-number-of-columns"}


@pytest.mark.parametrize(
    "change", [lambda text: "\ufeff" + text, lambda text: text.replace("\r\n", "\n"), lambda t: t + "\n\n"]
)
def test_a_mark_other_line_ends_and_blank_lines_change_nothing(change):
    members = read_package(VALID)
    rows = read_results(packed({name: change(content.decode()).encode() for name, content in members.items()}))
    assert kinds(rows) == {"document": 720, "NoClaim": 240}


def test_lines_are_counted_as_an_editor_counts_them():
    """A quoted cell with line ends in it moves the lines after it."""
    text = read_package(VALID)["results.csv"].decode().replace("2026-09-10,,,", '2026-09-10,"a\nb\n""c""",,', 1)
    rows = read_results(packed({"results.csv": text.replace("stu-002,fully graded", "stu-002,graded", 1).encode()}))
    assert faults(rows) == {"/results.csv/5/scoreStatus": "not-in-vocabulary"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("results.csv", "sourcedId,status,dateLastModified", "status,sourcedId,dateLastModified"),
        ("results.csv", ",missing\r\n", ",missing,extra\r\n"),
        ("results.csv", ",scoreStatus,", ",scorestatus,"),
        ("users.csv", "sourcedId,status", "sourcedId,sourcedId"),
    ],
)
def test_columns_in_another_order_refuse_the_package(name, old, new):
    with pytest.raises(FileRefused):
        read_results(replaced(name, old, new))


def test_a_districts_own_columns_come_last_and_are_passed_over():
    text = read_package(VALID)["orgs.csv"].decode().splitlines()
    own = "\n".join([text[0] + ",metadata.colour", *(line + ",red" for line in text[1:])])
    assert kinds(read_results(packed({"orgs.csv": own.encode()})))["document"] == 720


@pytest.mark.parametrize(
    "change",
    [
        {"manifest.csv": None},
        {"results.csv": None},
        {"readme.csv": b"x"},
        {"readme.txt": b"x"},
        {"demographics.csv": b"sourcedId\n"},
        {"manifest.csv": b"propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\n"},
        {"manifest.csv": b"propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.results,all\n"},
        {"manifest.csv": b"propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.results,bulk\n"},
        {"manifest.csv": b"\xff\xfe"},
        {"manifest.csv": b""},
        {"manifest.csv": b"a,b\n1,2\n"},
    ],
)
def test_a_package_that_is_not_what_its_manifest_says_is_refused(change):
    with pytest.raises(PackageRefused):
        read_results(packed(change))


def test_a_package_without_results_says_so():
    manifest = read_package(VALID)["manifest.csv"].decode().replace("file.results,bulk", "file.results,absent")
    with pytest.raises(ManifestRefused):
        read_results(packed({"manifest.csv": manifest.encode(), "results.csv": None}))


@pytest.mark.parametrize("raw", [b"\xff\xfeab", b'a,b\n1,"2\n', b'a,b\n1,"2"x\n'])
def test_a_file_that_is_no_csv_in_utf8_refuses_the_package(raw):
    with pytest.raises(FileRefused):
        read_results(packed({"results.csv": raw}))


def test_a_reference_into_a_file_the_package_lacks_is_left_for_the_roster():
    manifest = read_package(VALID)["manifest.csv"].decode()
    without = {f"{name}.csv": None for name in ("users", "enrollments", "roles")}
    absent = manifest.replace("users,bulk", "users,absent").replace("roles,bulk", "roles,absent")
    absent = absent.replace("enrollments,bulk", "enrollments,absent")
    rows = read_results(packed({"manifest.csv": absent.encode(), **without}))
    assert kinds(rows)["document"] == 720
    assert next(row.document for row in rows if row.document)["teacher"] is None


def test_a_deleted_result_deletes_its_objective_levels():
    rows = read_results(edited("results.csv", 2, "status", "tobedeleted"))
    gone = [row.sourced_id for row in rows if row.document and row.document["status"] == "tobedeleted"]
    assert gone == ["rlo-01-0-stu-001", "rlo-01-1-stu-001", "rlo-01-2-stu-001"]


# ---- roster


def test_the_roster_is_forty_students_and_two_teachers_with_their_enrolments():
    people = open_people(VALID)
    assert Counter(row.problem for row in people.rows if row.file == USERS) == {None: 40, NOT_A_LEARNER: 2}
    assert {row.problem for row in people.rows} == {None, NOT_A_LEARNER}
    student = people.units[0].entry
    assert student.identifiers == (Identifier("sourcedid", "stu-001"), Identifier("username", "stu-001"))
    assert (student.given_name, student.family_name, student.email) == ("Given001", "Family001", None)
    (enrolment,) = student.enrolments
    assert (enrolment.id, enrolment.organisation, enrolment.cohort) == ("enr-stu-001", "org-s1", "cls-mfg-1")


def test_typed_user_ids_are_identifiers_and_e_mail_is_not():
    people = open_people(replaced("users.csv", "stu-001,,Given001", 'stu-001,"{SIS:77-1},{LDAP:ana}",Given001'))
    student = next(unit.entry for unit in people.units if unit.entry.given_name == "Given001")
    assert student.identifiers[2:] == (Identifier("sis", "77-1"), Identifier("ldap", "ana"))
    mailed = [unit.entry for unit in open_people(edited("users.csv", 4, "email", "a@example.org")).units]
    assert [entry.email for entry in mailed if entry.email] == ["a@example.org"]
    assert {identifier.scheme for entry in mailed for identifier in entry.identifiers} == {"sourcedid", "username"}


@pytest.mark.parametrize(
    ("name", "line", "column", "cell", "reason"),
    [
        ("users.csv", 4, "userIds", "SIS:77-1", "not-user-ids"),
        ("users.csv", 4, "enabledUser", "maybe", "not-in-vocabulary"),
        ("enrollments.csv", 4, "userSourcedId", "stu-999", "unknown-reference"),
        ("enrollments.csv", 4, "beginDate", "1/9/2026", "not-a-date"),
    ],
)
def test_a_faulty_row_of_the_roster_is_named_and_the_others_are_read(name, line, column, cell, reason):
    people = open_people(edited(name, line, column, cell))
    faults = [row.problem for row in people.rows if isinstance(row.problem, Fault)]
    assert [(fault.pointer, fault.reason) for fault in faults] == [(f"/{name}/{line}/{column}", reason)]
    assert len(people.units) == 39


def test_who_may_no_longer_sign_in_is_withdrawn():
    people = open_people(edited("users.csv", 4, "enabledUser", "false"))
    assert [people.rows[unit.user or 0].line for unit in people.units if unit.entry.withdrawn] == [4]


def test_results_by_themselves_say_nothing():
    assert {row.problem for row in read_results(VALID) if row.file == "results"} == {NoClaim("said-by-its-objectives")}
