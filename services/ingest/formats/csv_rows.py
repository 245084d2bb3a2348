"""A CSV of any shape as rows for a mapping: read from front to back, however long, in little memory."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.ingest.domain.claims import Fault, NoClaim
from services.ingest.formats.csv_table import CELL_CHARACTERS_MAX, CONTROL, FileRefused
from services.ingest.formats.csv_text import DAMAGED, Header, Lines, begin
from services.ingest.formats.rows import FileRow, Sent
from services.runtime.problems import pointer_to

ROWS_MAX: Final = 2_000_000
BLANK_ROW: Final = NoClaim("blank-row")
BITS: Final = 1 << 26  # of the map in which rows are looked for that are there twice: 8 MiB, whatever the file


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The rows of one file, counted; `alike` has the marks of all that are there more than once, and of few others."""

    sent: Sent
    total: int
    alike: frozenset[int] = field(repr=False)

    def __iter__(self) -> Iterator[FileRow]:
        return _numbered(self.sent, lambda document: _mark(document) in self.alike)


def read_csv(sent: Sent) -> CsvRows:
    """Look the whole file through; what no row can be blamed for refuses the file before any row is settled."""
    seen, alike, total = bytearray(BITS // 8), set[int](), 0
    for _, document, problem in _read(sent):
        total += 1
        if problem is None:
            mark = _mark(document)
            byte, bit = mark >> 3, 1 << (mark & 7)
            if seen[byte] & bit:
                alike.add(mark)
            seen[byte] |= bit
    return CsvRows(sent, total, frozenset(alike))


def first_rows(sent: Sent) -> Iterator[FileRow]:
    """Rows from the beginning of a file, for as long as they are asked for."""
    return _numbered(sent, lambda document: True)


def _numbered(sent: Sent, may_come_again: Callable[[dict[str, str]], bool]) -> Iterator[FileRow]:
    seen: dict[bytes, int] = {}
    for line, document, problem in _read(sent):
        ordinal = 1
        if problem is None and may_come_again(document):
            digest = _digest(document)
            ordinal = seen[digest] = seen.get(digest, 0) + 1
        yield FileRow(line, document or None, problem, ordinal)


def check_csv(sent: Sent) -> None:
    """The header."""
    with begin(sent) as (header, _):
        assert header.columns


_Read = tuple[int, dict[str, str], Fault | NoClaim | None]


def _read(sent: Sent) -> Iterator[_Read]:
    with begin(sent) as (header, lines):
        reader = csv.reader(lines, delimiter=header.delimiter, strict=True)
        count = 0
        while (row := _next(reader, lines)) is not None:
            if row:
                count += 1
                if count > ROWS_MAX:
                    raise FileRefused(f"more than {ROWS_MAX} rows")
                yield lines.row_line, *_row(row, header, lines)
            lines.begin_row()


def _next(reader: Iterator[list[str]], lines: Lines) -> list[str] | None:
    """Where quoting is broken nobody can say where the next row begins, so nothing after it can be believed."""
    try:
        return next(reader, None)
    except csv.Error:
        raise FileRefused(
            f"line {lines.row_line}: broken quoting, or a cell longer than {csv.field_size_limit()} characters"
        ) from None


def _row(cells: list[str], header: Header, lines: Lines) -> tuple[dict[str, str], Fault | NoClaim | None]:
    if len(cells) != len(header.columns):
        detail = f"{len(header.columns)} cells are wanted, as in the header; the row has {len(cells)}"
        return {}, BLANK_ROW if not any(cells) else Fault("wrong-number-of-columns", "", detail)
    if not any(cells):
        return {}, BLANK_ROW
    if lines.row_characters > CELL_CHARACTERS_MAX or lines.suspicious:
        fault = _cell_fault(cells, header)
        if fault is not None:
            return {}, fault
    return header.document(cells), None


def _cell_fault(cells: list[str], header: Header) -> Fault | None:
    for number, cell in enumerate(cells):
        for broken, reason, detail in (
            (len(cell) > CELL_CHARACTERS_MAX, "cell-too-long", f"at most {CELL_CHARACTERS_MAX} characters"),
            (DAMAGED in cell, "wrong-encoding", f"holds bytes that are not {header.encoding}"),
            (CONTROL.search(cell) is not None, "control-character", "holds a control character"),
        ):
            if broken:
                column = header.columns[number]
                return Fault(reason, pointer_to([column or number]), f"column {number + 1}: {detail}")
    return None


def _mark(document: dict[str, str]) -> int:
    """Few rows that differ share one; the hash is this process's own, so nobody can aim at it."""
    return hash(tuple(document.values())) % BITS


def _digest(document: dict[str, str]) -> bytes:
    return hashlib.blake2b("\x1f".join(document.values()).encode(), digest_size=16).digest()
