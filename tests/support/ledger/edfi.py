"""Ed-Fi's bulk XML as the ledger reads it: the whole tree at once, and what its metadata says an objective shows."""

import gzip
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.support.ledger.book import Piece

NS = "{http://ed-fi.org/5.2.0}"


@dataclass(frozen=True)
class Objective:
    """An objective of a test: the standards of its items, and the most points there are."""

    standards: frozenset[str]
    highest: Fraction


@dataclass(frozen=True)
class Result:
    """One objective result of the file, and the piece it is where its objective shows one standard alone."""

    record: str
    student: str
    objective: str
    piece: Piece | None


def read_objectives(metadata: Path) -> dict[str, Objective]:
    """By code. An objective names items, and an item a standard; the objective names none itself."""
    root = _root(metadata)
    standard = {
        _text(item, "IdentificationCode"): _text(item, ".LearningStandardId") for item in _all(root, "AssessmentItem")
    }
    return {
        _text(each, "IdentificationCode"): Objective(
            frozenset(standard[_text(item, ".IdentificationCode")] for item in _all(each, "AssessmentItemReference")),
            Fraction(_text(each, ".MaximumScore")),
        )
        for each in _all(root, "ObjectiveAssessment")
    }


def read_results(assessments: Path, objectives: dict[str, Objective]) -> list[Result]:
    """Every objective result in the order of the file."""
    return [
        _result(assessment, result, objectives)
        for assessment in _all(_root(assessments), "StudentAssessment")
        for result in _all(assessment, "StudentObjectiveAssessment")
    ]


def _result(assessment: ET.Element, result: ET.Element, objectives: dict[str, Objective]) -> Result:
    code, student = _text(result, ".IdentificationCode"), _text(assessment, ".StudentUniqueId")
    record = f"{_text(assessment, 'StudentAssessmentIdentifier')}#{code}"
    objective = objectives[code]
    if len(objective.standards) != 1:
        return Result(record, student, code, None)
    (standard,) = objective.standards
    percent = round(Fraction(_text(result, ".Result")) / objective.highest * 10_000)  # in hundredths, half to even
    at = _text(assessment, "AdministrationDate")
    return Result(record, student, code, Piece(record, student, standard, Fraction(percent, 100), at))


def _root(path: Path) -> ET.Element:
    with gzip.open(path) as file:
        return ET.parse(file).getroot()


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    return element.findall(NS + name)


def _text(element: ET.Element, name: str) -> str:
    """Of a child; with a dot before its name, of the first below."""
    found = next(element.iter(NS + name[1:])) if name.startswith(".") else element.find(NS + name)
    assert found is not None and found.text, name
    return found.text
