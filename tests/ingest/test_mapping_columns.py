"""Mappings of tables: cells by the name of their column, whatever it holds, and which columns have to be there."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.domain.claims import Claim, Fault
from services.ingest.mappings.compiled import MappingRefused, SourceFacts, compile_mapping
from tests.support.documents import mapping

FACTS = SourceFacts("centre", "cte")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SMALL: dict[str, Any] = {
    "name": "table",
    "version": 1,
    "format": "csv",
    "record_key": {"column": "Row No."},
    "learner": {"scheme": "student", "value": {"path": 'doc."Student ID"'}},
    "competency": {"lookup": {"column": "Skill"}, "table": "skills", "default": "S.0"},
    "rating": {"scale": {"const": "four"}, "level": {"first_of": [{"column": "Level"}, {"column": "Grade"}]}},
    "occurred_at": {"date": {"column": "On"}},
    "expires_at": {"date": {"column": "Until"}},
    "assessor": {"id": {"column": 'a "quoted".name/~'}, "role": {"const": "teacher"}},
    "when": [{"test": {"not": {"equals": {"column": "Draft"}, "to": "yes"}}, "otherwise": "draft"}],
    "tables": {"skills": {"x": "S.1"}},
}
ROW = {
    "Row No.": "1",
    "Student ID": "s-1",
    "Skill": "x",
    "Level": "",
    "Grade": "3",
    "On": "2026-05-01",
    "Until": "",
    'a "quoted".name/~': "t-1",
}


def read(document: dict[str, Any], row: dict[str, str]) -> Any:
    (reading,) = compile_mapping(document).read(row, source=FACTS, received_at=NOW)
    return reading


def test_cells_are_read_by_the_name_of_their_column() -> None:
    claim = read(SMALL, ROW)
    assert isinstance(claim, Claim)
    assert (claim.record_key, claim.competency, claim.level, claim.assessor.id) == ("1", "S.1", "3", "t-1")


def test_columns_that_are_read_outright_have_to_be_there_and_those_that_may_be_absent_need_not() -> None:
    assert compile_mapping(SMALL).columns == {"Row No.", "Student ID", "On", "Until", 'a "quoted".name/~'}
    assert compile_mapping({**SMALL, "format": "ndjson"}).columns == frozenset()


def test_a_fault_points_at_the_column() -> None:
    fault = read(SMALL, {**ROW, 'a "quoted".name/~': ""})
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.pointer) == ("missing", '/a "quoted".name~1~0')


def test_a_blank_expiry_is_none_and_one_that_cannot_be_read_is_a_fault() -> None:
    assert read(SMALL, ROW).expires_at is None
    assert read(SMALL, {**ROW, "Until": "2027-05-01"}).expires_at == datetime(2027, 5, 1, 23, 59, 59, 999999, UTC)
    fault = read(SMALL, {**ROW, "Until": "never"})
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.pointer) == ("not-a-date", "/Until")


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"record_key": None}, "/record_key"),
        ({"items": "doc.rows"}, "/items"),
        ({"csv": {"delimiter": ":"}}, "/csv/delimiter"),
        ({"csv": {"encoding": "klingon"}}, "/csv/encoding"),
        ({"csv": {"columns": ["Row No."]}}, "/csv/columns"),
        ({"csv": {"columns": [*ROW, "On"]}}, "/csv/columns"),
        ({"csv": {"skip_lines": -1}}, "/csv/skip_lines"),
        ({"format": "ndjson", "csv": {"delimiter": ";"}}, "/csv"),
        ({"competency": {"column": ""}}, "/competency/column"),
    ],
)
def test_a_table_mapping_that_makes_no_sense_is_refused_where_it_does_not(
    changed: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(MappingRefused) as refused:
        compile_mapping({**SMALL, **changed})
    assert pointer in [error["pointer"] for error in refused.value.body()["errors"]]


@pytest.mark.parametrize("name", ["cte-signoffs", "cte-certifications"])
def test_the_examples_compile_and_need_the_columns_of_their_offices(name: str) -> None:
    columns = compile_mapping(mapping(name)).columns
    assert "Student State ID" in columns
    assert not columns & {"Notes", "Task", "Status"}
