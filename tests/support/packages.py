"""OneRoster 1.2 packages as a test writes them: some results and their objective levels, bulk or delta, a ZIP."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BASE = ("sourcedId", "status", "dateLastModified")
COLUMNS = {
    "results": (
        *BASE,
        *("lineItemSourcedId", "studentSourcedId", "scoreStatus", "score", "scoreDate", "comment", "textScore"),
        *("classSourcedId", "inProgress", "incomplete", "late", "missing"),
    ),
    "resultLearningObjectiveIds": (
        *BASE,
        *("resultSourcedId", "source", "learningObjectiveId", "score", "textScore"),
    ),
    "users": (
        *BASE,
        *("enabledUser", "username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms"),
        *("phone", "agentSourcedIds", "grades", "password", "userMasterIdentifier", "preferredGivenName"),
        *("preferredMiddleName", "preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
    ),
    "enrollments": (
        *BASE,
        *("classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate"),
    ),
    "lineItems": (
        *BASE,
        *("title", "description", "assignDate", "dueDate", "classSourcedId", "categorySourcedId"),
        *("academicSessionSourcedId", "resultValueMin", "resultValueMax", "schoolSourcedId"),
    ),
}


@dataclass(frozen=True)
class Result:
    """A row of results.csv."""

    student: str = "100"
    on: str = "2026-11-01"
    status: str = "fully graded"

    def cells(self) -> dict[str, str]:
        graded = {"lineItemSourcedId": "li-1", "classSourcedId": "cls-1", "scoreDate": self.on}
        return {**graded, "studentSourcedId": self.student, "scoreStatus": self.status}


@dataclass(frozen=True)
class Level:
    """A row of resultLearningObjectiveIds.csv."""

    result: str
    competency: str
    score: int

    def cells(self) -> dict[str, str]:
        said = {"source": "case", "learningObjectiveId": f"urn:uuid:{self.competency}", "score": str(self.score)}
        return {**said, "resultSourcedId": self.result}


GONE = None  # in a delta: to be deleted


def package(files: Mapping[str, tuple[str, Sequence[Mapping[str, str]]]]) -> bytes:
    """Files by name: how each is meant (bulk, delta) and its rows; cells that are not said are blank."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = [("propertyName", "value"), ("manifest.version", "1.0"), ("oneroster.version", "1.2")]
        archive.writestr(
            "manifest.csv", _csv([*manifest, *((f"file.{name}", how) for name, (how, _) in files.items())])
        )
        for name, (_, rows) in files.items():
            columns = COLUMNS[name]
            lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
            archive.writestr(f"{name}.csv", _csv(lines))
    return raw.getvalue()


def results_package(
    results: Mapping[str, Result | None],
    levels: Mapping[str, Level | None],
    how: str = "bulk",
    levels_how: str | None = None,
) -> bytes:
    """The two files of results."""
    return package(
        {
            "results": (how, [_row(id_, row, Result()) for id_, row in results.items()]),
            "resultLearningObjectiveIds": (levels_how or how, [_row(id_, row, LOST) for id_, row in levels.items()]),
        }
    )


LOST = Level("res-x", "00000000-0000-4000-8000-000000000000", 0)


def _row(id_: str, row: Result | Level | None, blank: Result | Level) -> dict[str, str]:
    status = "tobedeleted" if row is None else ""
    return {**(row or blank).cells(), "sourcedId": id_, "status": status}


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
