"""Ed-Fi bulk XML of student assessments: a row for each objective result, as a document in the standard's own names."""

import re
from collections.abc import Iterator
from typing import Final

from services.ingest.domain.claims import NoClaim
from services.ingest.formats.gzip_chunks import chunks
from services.ingest.formats.rows import FileRow, Sent
from services.ingest.formats.xml_elements import Element, XmlReader

ROOT: Final = re.compile(r"http://ed-fi\.org/[0-9.]{1,12} InterchangeStudentAssessment")
ASSESSMENT: Final = "StudentAssessment"
OBJECTIVE: Final = "StudentObjectiveAssessment"
ITEM: Final = "StudentAssessmentItem"  # one answer of a test; left out of the documents, as it is most of the file
SEVERAL: Final = frozenset({"ScoreResult", "PerformanceLevel", "Accommodation", "Period"})
SAYS_NOTHING: Final = NoClaim("not-a-student-assessment")


def read_assessments(sent: Sent) -> Iterator[FileRow]:
    """Every objective result in the order of the file, plain or gzip.

    The document: `studentAssessment` (the assessment's own elements by name), `objective` (the same of its
    StudentObjectiveAssessment; null for an assessment that has none). What the standard allows more than once
    (ScoreResult, PerformanceLevel) is a list also when it is there once.
    """
    with sent.open() as file:
        for element in XmlReader(ROOT).read(chunks(file)):
            if element.name == ASSESSMENT:
                yield from _rows(element)
            else:
                yield FileRow(element.line, problem=SAYS_NOTHING)


def _rows(element: Element) -> Iterator[FileRow]:
    said = _members([child for child in element.children if child.name not in {OBJECTIVE, ITEM}])
    objectives = [child for child in element.children if child.name == OBJECTIVE]
    if not objectives:
        yield FileRow(element.line, {"studentAssessment": said, "objective": None})
    for objective in objectives:
        yield FileRow(objective.line, {"studentAssessment": said, "objective": _members(objective.children)})


def _value(element: Element) -> object:
    return _members(element.children) if element.children else element.text


def _members(elements: list[Element]) -> dict[str, object]:
    """By name; a list where there are several, or may be."""
    found: dict[str, list[object]] = {}
    for element in elements:
        found.setdefault(element.name, []).append(_value(element))
    return {name: values if _is_list(name, values) else values[0] for name, values in found.items()}


def _is_list(name: str, values: list[object]) -> bool:
    """A PerformanceLevel within a PerformanceLevel is the level itself."""
    return len(values) > 1 or (name in SEVERAL and isinstance(values[0], dict))
