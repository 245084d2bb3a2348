"""The Open University's results as the ledger reads them: its own table of assessments, its own reckoning of days."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from tests.support.ledger.book import Piece

FIRST_MONTH = {"B": 2, "J": 10}  # of a presentation such as 2013J, by its letter


class Assessments:
    """Which competency an assessment shows, and the day its presentation began."""

    def __init__(self, folder: Path) -> None:
        with (folder / "courses.csv").open(newline="") as file:
            presented = {(row["code_module"], row["code_presentation"]) for row in csv.DictReader(file)}
        with (folder / "assessments.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {(row["code_module"], row["code_presentation"]) for row in rows} == presented
        self._competency = {row["id_assessment"]: f"{row['code_module']}.{row['assessment_type']}" for row in rows}
        self._began = {row["id_assessment"]: _first_day(row["code_presentation"]) for row in rows}

    def competencies(self) -> list[str]:
        """Every one that an assessment shows."""
        return sorted(set(self._competency.values()))

    def piece(self, line: bytes) -> Piece:
        """One line as it was sent."""
        said = json.loads(line)
        assessment, score = said["id_assessment"], said["score"].strip()
        day = self._began[assessment] + timedelta(days=int(said["date_submitted"]))
        return Piece(
            record=f"{assessment}#{said['id_student']}",
            learner=said["id_student"],
            competency=self._competency[assessment],
            value=Fraction(score) if score else None,
            at=day.isoformat(),
        )


def read_rows(folder: Path) -> Iterator[dict[str, str]]:
    """The results, in the order of the file."""
    with gzip.open(folder / "studentAssessment.csv.gz", "rt", newline="") as file:
        yield from csv.DictReader(file)


def _first_day(presentation: str) -> date:
    return date(int(presentation[:4]), FIRST_MONTH[presentation[4:]], 1)
