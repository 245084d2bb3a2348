"""What a gradebook exports: OneRoster packages, a result and an objective level for each thing said."""

import csv
import io
import zipfile
from dataclasses import dataclass

from tests.simulation.said import Said

MANIFEST = ("propertyName", "value")
RESULTS = (
    *("sourcedId", "status", "dateLastModified", "lineItemSourcedId", "studentSourcedId", "scoreStatus", "score"),
    *("scoreDate", "comment", "textScore", "classSourcedId", "inProgress", "incomplete", "late", "missing"),
)
LEVELS = (
    *("sourcedId", "status", "dateLastModified", "resultSourcedId", "source", "learningObjectiveId", "score"),
    "textScore",
)
PROPERTIES = (
    ("manifest.version", "1.0"),
    ("oneroster.version", "1.2"),
    ("file.results", "bulk"),
    ("file.resultLearningObjectiveIds", "bulk"),
)


@dataclass(frozen=True)
class Package:
    """A file under a message key of its own."""

    id: str
    says: tuple[Said, ...]

    @property
    def items(self) -> int:
        """A result says nothing by itself; its level does."""
        return 2 * len(self.says)

    def raw(self) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, rows in self._tables().items():
                archive.writestr(zipfile.ZipInfo(f"{name}.csv"), _csv(rows))
        return out.getvalue()

    def _tables(self) -> dict[str, list[tuple[str, ...]]]:
        return {
            "manifest": [MANIFEST, *PROPERTIES],
            "results": [RESULTS, *(_result(said) for said in self.says)],
            "resultLearningObjectiveIds": [LEVELS, *(_level(said) for said in self.says)],
        }


def _result(said: Said) -> tuple[str, ...]:
    """One that is spoilt has no status there is, and its level waits for it."""
    status = "lost" if said.spoilt else "fully graded"
    return (f"r-{said.record}", "active", "", "li-1", said.student, status, "", said.on, *[""] * 7)


def _level(said: Said) -> tuple[str, ...]:
    status = "tobedeleted" if said.score is None else "active"
    return (said.record, status, "", f"r-{said.record}", "unknown", said.code, said.score or "", "")


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
