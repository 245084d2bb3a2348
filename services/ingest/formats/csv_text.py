"""The text of a CSV: which encoding and delimiter it is in, its header, and its lines with bounds."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import BinaryIO, Final, TextIO

from services.ingest.domain.encodings import ENCODINGS, UTF_8
from services.ingest.formats.csv_table import CONTROL, FileRefused
from services.ingest.formats.rows import Sent, TableShape

COLUMNS_MAX: Final = 1_000
COLUMN_CHARACTERS_MAX: Final = 200
ROW_CHARACTERS_MAX: Final = 1024 * 1024
NAMED_MAX: Final = 10
DELIMITERS: Final = (",", ";", "\t", "|")
DAMAGED: Final = "\ufffd"  # what stands for bytes that could not be decoded, here or by whoever wrote the file
SUSPICIOUS: Final = re.compile(f"{CONTROL.pattern}|{DAMAGED}")
MARKS: Final = ((b"\xef\xbb\xbf", UTF_8), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
OTHER_KINDS: Final = (
    (b"PK\x03\x04", "ZIP or Excel"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "Excel"),
)


class Lines:
    """The lines of a file as the CSV reader takes them; never more than a row's worth of them in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text, self.number = text, 0
        self.begin_row()

    def begin_row(self) -> None:
        """What comes next is another row."""
        self.row_line, self.row_characters, self.suspicious = self.number + 1, 0, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(ROW_CHARACTERS_MAX + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.row_characters += len(line)
        if self.row_characters > ROW_CHARACTERS_MAX:
            raise FileRefused(f"line {self.row_line}: a row takes at most {ROW_CHARACTERS_MAX} characters")
        if SUSPICIOUS.search(line) is not None:
            self.suspicious = True
        return line


@dataclass(frozen=True, slots=True)
class Header:
    """The columns by name, in order (blank where one has no name and is not read), and how the file is written."""

    columns: Sequence[str]
    delimiter: str
    encoding: str
    _plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain", all(self.columns))

    def document(self, cells: Sequence[str]) -> dict[str, str]:
        """The row as the mapping sees it."""
        named = zip(self.columns, cells, strict=True)
        return dict(named) if self._plain else {name: cell for name, cell in named if name}


@contextmanager
def begin(sent: Sent) -> Iterator[tuple[Header, Lines]]:
    """The header, and the lines after it."""
    with sent.open() as file:
        encoding, text = _text(file, sent)
        lines = Lines(text)
        for _ in range(sent.shape.skip_lines):
            next(lines, None)
            lines.begin_row()
        yield _header(lines, sent.shape, encoding), lines


def _text(file: BinaryIO, sent: Sent) -> tuple[str, TextIO]:
    """A byte order mark says what the file is; then the request; then the mapping; otherwise it is UTF-8."""
    start = file.read(4)
    for magic, kind in OTHER_KINDS:
        if start.startswith(magic):
            raise FileRefused(f"a {kind} file; this source's mapping reads CSV")
    said = sent.charset or sent.shape.encoding or UTF_8
    if said not in ENCODINGS:
        raise FileRefused(f"the charset is not one that is read: {', '.join(sorted(ENCODINGS))}")
    mark, encoding = next(((mark, codec) for mark, codec in MARKS if start.startswith(mark)), (b"", ENCODINGS[said]))
    file.seek(len(mark))
    return encoding, TextIOWrapper(file, encoding, errors="replace", newline="")


def _header(lines: Lines, shape: TableShape, encoding: str) -> Header:
    if shape.columns is not None:
        return Header(shape.columns, shape.delimiter or ",", encoding)
    first = next((line for line in lines if line.strip()), "")
    delimiter = shape.delimiter or _delimiter(first)
    columns = [name.strip() for name in _cells(first, lines, delimiter)]
    lines.begin_row()
    _check(columns, shape)
    return Header(columns, delimiter, encoding)


def _cells(first: str, lines: Lines, delimiter: str) -> list[str]:
    """The header's row; a quoted name may go on over several lines."""
    try:
        return next(csv.reader(_again(first, lines), delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise FileRefused("the header's quoting is broken") from None


def _again(first: str, lines: Lines) -> Iterator[str]:
    yield first
    yield from lines


def _delimiter(header: str) -> str:
    """Whichever gives the header the most columns."""
    return max(DELIMITERS, key=lambda one: _width(header, one))


def _width(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:  # one cell too long, so that is not it
        return 0


def _check(columns: Sequence[str], shape: TableShape) -> None:
    """Names are not quoted: a file without a header has a person in that place."""
    if not any(columns):
        raise FileRefused("the file is empty, or its header is")
    if len(columns) > COLUMNS_MAX:
        raise FileRefused(f"the header has {len(columns)} columns; at most {COLUMNS_MAX} are read")
    named = [name for name in columns if name]
    for number, name in enumerate(columns, 1):
        if len(name) > COLUMN_CHARACTERS_MAX or SUSPICIOUS.search(name):
            raise FileRefused(f"the header's column {number} is too long, or not text in the encoding of the file")
        if name and columns.index(name) != number - 1:
            raise FileRefused(f"the header's column {number} has the name of column {columns.index(name) + 1}")
    missing = sorted(shape.wanted.difference(named))
    if missing:
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        names = ", ".join(repr(name) for name in missing[:NAMED_MAX])
        raise FileRefused(f"the header lacks columns that the mapping reads: {names}{more}")
