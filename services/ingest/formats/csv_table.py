"""RFC 4180 CSV: strict quoting, UTF-8 with or without a mark, rows by line number and column name."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.ingest.formats.zip_package import PackageRefused

COLUMNS_MAX: Final = 200
CELL_CHARACTERS_MAX: Final = 16_000
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class FileRefused(PackageRefused):
    """A file is not CSV in UTF-8 with the columns it should have."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on (the header is line 1), its cells by column (none when the width is wrong)."""

    line: int
    cells: dict[str, str]
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file's header and rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(name: str, raw: bytes) -> Table:
    """The whole file; a row that cannot be read is kept as broken, broken quoting refuses the file."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused(f"{name}: not UTF-8") from None
    lines = _lines(name, text)
    columns = tuple(next(lines, (1, []))[1])
    if not columns or len(columns) > COLUMNS_MAX or len(set(columns)) != len(columns):
        raise FileRefused(f"{name}: the header is empty, too long, or names a column twice")
    suspicious = CONTROL.search(text) is not None
    return Table(columns, tuple(_row(line, cells, columns, suspicious) for line, cells in lines))


def _lines(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        raise FileRefused(f"{name}: broken quoting, or a cell too long, in the row at line {line}") from None


def _row(line: int, cells: list[str], columns: tuple[str, ...], suspicious: bool) -> Row:
    if len(cells) != len(columns):
        return Row(line, {}, "wrong-number-of-columns")
    return Row(line, dict(zip(columns, cells, strict=True)), _broken(cells, suspicious))


def _broken(cells: list[str], suspicious: bool) -> str | None:
    if any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
        return "cell-too-long"
    return "control-character" if suspicious and any(CONTROL.search(cell) for cell in cells) else None
