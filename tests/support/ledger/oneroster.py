"""A OneRoster results package as the ledger reads it: two tables joined."""

import csv
import io
import zipfile
from fractions import Fraction

from tests.support.ledger.book import Piece


def read_pieces(package: bytes) -> list[Piece]:
    """Every objective level of a graded result, in the order of the file; the competency is the CASE identifier."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        results = {row["sourcedId"]: row for row in _table(archive, "results.csv")}
        levels = _table(archive, "resultLearningObjectiveIds.csv")
    graded = [(row, results[row["resultSourcedId"]]) for row in levels]
    return [_piece(level, result) for level, result in graded if result["scoreStatus"] == "fully graded"]


def results_of(package: bytes) -> dict[str, str]:
    """The result that each objective level belongs to."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {row["sourcedId"]: row["resultSourcedId"] for row in _table(archive, "resultLearningObjectiveIds.csv")}


def sourced_ids(package: bytes, name: str) -> dict[int, str]:
    """Which row stands on which line of a file (no cell of the sample has a line end in it)."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {line: row["sourcedId"] for line, row in enumerate(_table(archive, f"{name}.csv"), 2)}


def _piece(level: dict[str, str], result: dict[str, str]) -> Piece:
    return Piece(
        record=level["sourcedId"],
        learner=result["studentSourcedId"],
        competency=level["learningObjectiveId"].removeprefix("urn:uuid:"),
        value=Fraction(level["score"]) if level["score"] else None,
        at=result["scoreDate"],
    )


def _table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
