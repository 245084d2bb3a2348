"""CSV of any shape: every dialect and encoding that is claimed reads alike; what is wrong is said by row or file."""

import csv
import io
import tracemalloc
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.claims import Fault
from services.ingest.domain.encodings import ENCODINGS
from services.ingest.formats import csv_rows
from services.ingest.formats.csv_rows import BLANK_ROW, check_csv, read_csv
from services.ingest.formats.csv_text import COLUMNS_MAX, DELIMITERS
from services.ingest.formats.rows import FileRow, Sent, TableShape
from services.ingest.formats.zip_package import PackageRefused

HEADER = ["Student State ID", "Level", "Notes"]


def rows(raw: bytes, charset: str | None = None, **shape: Any) -> list[FileRow]:
    """All rows, read twice: the second time has to be as the first."""
    found = read_csv(Sent.of(raw, charset, TableShape(**shape)))
    read = list(found)
    assert list(found) == read
    assert found.total == len(read)
    return read


def written(table: Sequence[Sequence[str]], encoding: str = "utf-8", **dialect: Any) -> bytes:
    """As Python's csv module writes it."""
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(table)
    return text.getvalue().encode(encoding)


ANY = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff")


def text_of(codec: str) -> st.SearchStrategy[str]:
    """Cells that the encoding can hold; line ends, quotes and delimiters too."""
    if codec.startswith("utf"):
        characters = ANY
    else:
        page = bytes([*range(32, 127), *(range(128, 256) if codec != "ascii" else ())]).decode(codec, "ignore")
        characters = st.sampled_from([one for one in page if not 0x7F <= ord(one) < 0xA0])
    return st.text(characters | st.sampled_from('",;\t|\n\r =+-@'), max_size=12).map(lambda cell: "x" + cell)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[list[str]], str, TableShape]:
    """A table, its bytes in some dialect and encoding, the charset said, and the shape the mapping says."""
    name = draw(st.sampled_from(sorted(ENCODINGS)))
    codec = "ascii" if name in {"us-ascii", "ascii"} else ENCODINGS[name]
    delimiter = draw(st.sampled_from(DELIMITERS))
    cell = text_of(codec)
    header = draw(st.lists(cell.map(str.strip), min_size=1, max_size=5, unique=True))
    body = draw(st.lists(st.lists(cell, min_size=len(header), max_size=len(header)), max_size=6))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]))
    ends = ["\r\n", "\n", "\r"] if quoting == csv.QUOTE_ALL else ["\r\n"]  # else the module leaves "\r" unquoted
    dialect = {"delimiter": delimiter, "quoting": quoting, "lineterminator": draw(st.sampled_from(ends))}
    return written([header, *body], codec, **dialect), [header, *body], name, TableShape(delimiter)


@given(files())
def test_what_the_csv_module_writes_in_any_claimed_dialect_and_encoding_reads_back(
    said: tuple[bytes, list[list[str]], str, TableShape],
) -> None:
    raw, (header, *body), charset, shape = said
    read = rows(raw, charset, delimiter=shape.delimiter)
    assert [row.document for row in read] == [dict(zip(header, cells, strict=True)) for cells in body]


@given(st.sampled_from(DELIMITERS), st.sampled_from(["utf-8-sig", "utf-16", "utf-8"]))
def test_delimiter_and_byte_order_mark_are_seen_and_need_not_be_said(delimiter: str, encoding: str) -> None:
    raw = written([HEADER, ["é1", "3", "a\nb"]], encoding, delimiter=delimiter)
    assert [row.document for row in rows(raw)] == [dict(zip(HEADER, ["é1", "3", "a\nb"], strict=True))]


def test_a_byte_order_mark_goes_before_what_the_request_and_the_mapping_say() -> None:
    raw = written([["Name"], ["Zoë"]], "utf-8-sig")
    assert rows(raw, "windows-1252", encoding="utf-16")[0].document == {"Name": "Zoë"}


def test_the_request_goes_before_the_mapping() -> None:
    raw = written([["Name"], ["Zoë"]], "cp1252")
    assert rows(raw, "windows-1252", encoding="utf-16")[0].document == {"Name": "Zoë"}
    assert rows(raw, encoding="windows-1252")[0].document == {"Name": "Zoë"}


def test_of_a_file_that_mixes_encodings_only_the_rows_that_cannot_be_decoded_are_faulty() -> None:
    raw = "Name,Level\nZoë,1\n".encode() + "Zoë,2\n".encode("cp1252") + b"Ana,3\n"
    first, second, third = rows(raw)
    assert (first.document, third.document) == ({"Name": "Zoë", "Level": "1"}, {"Name": "Ana", "Level": "3"})
    assert isinstance(second.problem, Fault)
    assert (second.line, second.problem.reason, second.problem.pointer) == (3, "wrong-encoding", "/Name")
    assert "Zo" not in second.problem.detail


def test_a_row_is_found_by_the_line_it_begins_on() -> None:
    raw = b'a,b\n1,"x\ny\nz"\n\n2,3,4\n5,6\n'
    assert [(row.line, bool(row.document)) for row in rows(raw)] == [(2, True), (6, False), (7, True)]


def test_cells_that_a_spreadsheet_would_run_are_text() -> None:
    cells = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"]
    raw = written([list("abcde"), cells])
    assert rows(raw)[0].document == dict(zip("abcde", cells, strict=True))


def test_rows_that_are_alike_have_ordinals_in_the_order_of_the_file() -> None:
    raw = written([["a", "b"], ["1", "x"], ["2", "y"], ["1", "x"], ["1", "z"], ["1", "x"]])
    assert [row.ordinal for row in rows(raw)] == [1, 1, 2, 1, 3]


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_ordinals_count_each_kind_of_row_from_one(cells: list[str]) -> None:
    raw = written([["a"], *([cell] for cell in cells)])
    assert [row.ordinal for row in rows(raw)] == [cells[: n + 1].count(cell) for n, cell in enumerate(cells)]


def test_rows_that_only_share_a_mark_are_not_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_mark", lambda document: 7)
    raw = written([["a"], ["1"], ["2"], ["1"]])
    assert [row.ordinal for row in rows(raw)] == [1, 1, 2]


def test_a_row_of_blank_cells_says_nothing_and_a_blank_line_is_no_row() -> None:
    assert [row.problem for row in rows(b"a,b\n\n,\n , \n,,,\n")][:1] == [BLANK_ROW]
    assert [row.problem for row in rows(b"a,b\n,,,\n")] == [BLANK_ROW]


def test_columns_without_a_name_are_not_read() -> None:
    assert [row.document for row in rows(b"a,,b,\n1,2,3,4\n")] == [{"a": "1", "b": "3"}]


def test_a_file_without_a_header_or_with_lines_before_it_is_read_as_the_mapping_says() -> None:
    assert rows(b"1,2\n", columns=("a", "b"))[0].document == {"a": "1", "b": "2"}
    read = rows(b"Report of May\n\nStudent State ID;Level\n1;2\n", skip_lines=1)
    assert (read[0].line, read[0].document) == (4, {"Student State ID": "1", "Level": "2"})


@pytest.mark.parametrize(
    ("raw", "reason", "pointer"),
    [
        (b"a,b\n1\n", "wrong-number-of-columns", ""),
        (b"a,b\n1,2,3\n", "wrong-number-of-columns", ""),
        (b"a,b\n" + b"," * 1_000_000 + b"1\n", "wrong-number-of-columns", ""),
        (b"a,b\n1,x\x00y\n", "control-character", "/b"),
        (b"a,b\n" + b"x" * 17_000 + b",2\n", "cell-too-long", "/a"),
        (b"a,b/c\n1,\xff\n", "wrong-encoding", "/b~1c"),
    ],
)
def test_a_faulty_row_says_why_and_where_and_lets_the_others_through(raw: bytes, reason: str, pointer: str) -> None:
    faulty, sound = rows(raw + b"8,9\n")
    assert isinstance(faulty.problem, Fault)
    assert (faulty.problem.reason, faulty.problem.pointer) == (reason, pointer)
    assert sound.problem is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b",,\n1,2,3\n", "empty"),
        (b"a,b,a\n", "column 3 has the name of column 1"),
        (b"a,\xff\n", "column 2"),
        (b"a,b\x00\n", "column 2"),
        (b"PK\x03\x04\x00", "ZIP"),
        (b"\xd0\xcf\x11\xe0", "Excel"),
        (b'a,b\n1,"2\n', "line 2: broken quoting"),
        (b'a,b\n1,"2"x\n', "line 2: broken quoting"),
        (b'"a,b\n', "quoting"),
        (b"a,b\n1," + b"x" * 1_100_000, "line 2: a row takes at most"),
        (b'a\n"' + b"x\n" * 600_000 + b'"\n', "line 2"),
        (b'a\n' + b'"\n",' * 600_000 + b"\n", "line 2: a row takes at most"),
        (",".join(f"c{n}" for n in range(COLUMNS_MAX + 1)).encode(), "1001 columns; at most 1000"),
    ],
)  # fmt: skip
def test_what_no_row_can_be_blamed_for_refuses_the_file(raw: bytes, words: str) -> None:
    with pytest.raises(PackageRefused) as refused:
        rows(raw)
    assert words in (refused.value.detail or "")


@pytest.mark.parametrize("name", [b"c", b"", b"column with a long name", b'"a\n"'])
def test_a_million_columns_are_refused_clearly_and_cheaply(name: bytes) -> None:
    raw = b",".join([name] * 1_000_000)
    tracemalloc.start()
    with pytest.raises(PackageRefused) as refused:
        check_csv(Sent.of(raw))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    detail = refused.value.detail or ""
    assert "at most" in detail or "empty" in detail
    assert peak < 160 * 1024 * 1024


def test_a_header_that_lacks_what_the_mapping_reads_is_refused_without_naming_what_it_has() -> None:
    with pytest.raises(PackageRefused) as refused:
        rows(b"Ada Lovelace,3\n", wanted=frozenset({"Student State ID", "Level"}))
    assert "'Level', 'Student State ID'" in (refused.value.detail or "")
    assert "Ada" not in (refused.value.detail or "")


def test_a_charset_that_is_not_read_is_refused_without_being_quoted() -> None:
    with pytest.raises(PackageRefused) as refused:
        rows(b"a\n1\n", "x-secret-charset")
    assert "x-secret" not in (refused.value.detail or "")


def test_more_rows_than_are_taken_refuse_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "ROWS_MAX", 3)
    assert len(rows(b"a\n1\n2\n3\n")) == 3
    with pytest.raises(PackageRefused, match="more than 3 rows"):
        rows(b"a\n1\n2\n3\n4\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_one_refusal(raw: bytes) -> None:
    try:
        read = rows(raw)
    except PackageRefused:
        return
    assert all((row.document is None) == (row.problem is not None) for row in read)


@given(st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r", b"\xff", b"\x00", b";", b"\xef\xbb\xbf", b"1"])))
def test_any_bytes_that_look_like_csv_are_rows_or_one_refusal(parts: list[bytes]) -> None:
    test_any_bytes_are_rows_or_one_refusal.hypothesis.inner_test(b"a,b\n" + b"".join(parts))  # type: ignore[attr-defined]


class Endless(io.RawIOBase):
    """A file of so many rows that is nowhere in memory."""

    def __init__(self, count: int) -> None:
        self._count, self._made, self._left = count, 0, b"Student State ID,Level\n"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        self._made, self._left = 0, b"Student State ID,Level\n"
        return 0

    def tell(self) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        while len(self._left) < len(buffer) and self._made < self._count:
            more = range(self._made, min(self._made + 500, self._count))
            self._left += b"".join(b"%d,%d\n" % (number, number % 4) for number in more)
            self._made = more.stop
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def test_reading_holds_a_row_at_a_time_however_many_there_are() -> None:
    few, many = peak_of_reading(5_000), peak_of_reading(60_000)
    assert many - few < 512 * 1024


def peak_of_reading(count: int) -> int:
    """The most memory that looking through and reading so many rows takes."""
    tracemalloc.start()
    try:
        found = read_csv(Sent(partial(opened, count)))
        assert sum(1 for _ in found) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def opened(count: int) -> BinaryIO:
    return io.BufferedReader(Endless(count))
