"""A body of lines: every line gets a number and is a document, a fault or blank."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.claims import Fault
from services.ingest.formats.ndjson import BLANK, LINE_BYTES_MAX, LINES_MAX, TooManyLines, read_lines


def read(body: bytes, first: int = 1):
    return list(read_lines(body, first))


@pytest.mark.parametrize("body", [b'{"a":1}\n{"a":2}\n', b'{"a":1}\n{"a":2}', b'{"a":1}\r\n{"a":2}\r\n'])
def test_line_ends_may_be_either_kind_and_the_last_may_be_missing(body):
    assert [(line.number, line.document) for line in read(body)] == [(1, {"a": 1}), (2, {"a": 2})]


def test_blank_lines_keep_their_numbers_and_say_nothing():
    assert [(line.number, line.problem) for line in read(b"1\n\n \r\n2\n", first=41)] == [
        (41, None),
        (42, BLANK),
        (43, BLANK),
        (44, None),
    ]


def test_a_json_null_is_a_document_not_a_blank():
    assert [(line.document, line.problem) for line in read(b"null\n")] == [(None, None)]


def test_numbers_are_exact():
    assert read(b'{"score":78.10}')[0].document == {"score": Decimal("78.10")}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":1', "malformed-json"),
        (b'{"a":NaN}', "malformed-json"),
        (b'{"a":1e400}', "malformed-json"),
        (b'{"a":1,"a":2}', "malformed-json"),
        (b'{"a":"\xff"}', "malformed-json"),
        (b'\xef\xbb\xbf{"a":1}', "malformed-json"),
        (b"[" * 40 + b"]" * 40, "malformed-json"),
        (b'"' + b"x" * LINE_BYTES_MAX + b'"', "line-too-long"),
    ],
)
def test_a_bad_line_is_a_fault_and_its_neighbours_are_read(line, reason):
    before, bad, after = read(b"1\n" + line + b"\n3\n")
    assert (before.document, after.document) == (1, 3)
    assert isinstance(bad.problem, Fault)
    assert bad.problem.reason == reason


def test_a_fault_points_into_the_line_and_quotes_nothing():
    (bad,) = read(b'{"a":{"planted":1,"b":[0,NaN]},"name":"planted-value"}')
    assert isinstance(bad.problem, Fault)
    assert bad.problem.pointer == "/a/b/1"
    assert "planted" not in repr(bad.problem)


def test_an_empty_body_has_no_lines():
    assert read(b"") == []


def test_the_longest_line_taken_is_taken():
    assert len(read(b'"' + b"x" * (LINE_BYTES_MAX - 2) + b'"')[0].document) == LINE_BYTES_MAX - 2


def test_more_lines_than_a_request_may_carry_are_refused_before_any_is_read():
    assert len(read(b"\n" * LINES_MAX)) == LINES_MAX
    with pytest.raises(TooManyLines):
        read_lines(b"\n" * (LINES_MAX + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_into_as_many_lines_as_they_have(body):
    assert len(read(body)) == body.count(b"\n") + (bool(body) and not body.endswith(b"\n"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=6))
def test_what_json_writes_is_read_back_in_order(documents):
    body = b"\n".join(json.dumps(document, ensure_ascii=False).encode() for document in documents)
    assert [line.document for line in read(body)] == documents
