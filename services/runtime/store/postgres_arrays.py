"""Columns of many rows as PostgreSQL's binary arrays, packed in a few steps whatever their length."""

import struct
from collections.abc import Sequence
from functools import lru_cache

import psycopg
from psycopg.abc import Buffer, DumperKey
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

_HEADER = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_BIGINT, _TEXT, _BYTEA = 20, 25, 17
_ARRAY_OF = {_BIGINT: 1016, _TEXT: 1009, _BYTEA: 1001}
_KINDS: dict[int, type] = {_BIGINT: int, _TEXT: str, _BYTEA: bytes}
_ELEMENTS = {"bigint": _BIGINT, "text": _TEXT, "bytea": _BYTEA}


class Column:
    """The values one column has in many rows; None is NULL."""

    __slots__ = ("element", "values")

    def __init__(self, element: int, values: Sequence[object]) -> None:
        self.element, self.values = element, values


class ColumnDumper(Dumper):
    """Writes a Column as an array of its element's type."""

    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        values = obj.values
        missing = None in values
        header = _HEADER.pack(1, missing, obj.element, len(values), 1)
        if obj.element == _BIGINT and not missing:
            return header + _bigints(values)
        return b"".join([header, *_parts(obj.element, values)])  # at once: half a megabyte is dear to copy

    def get_key(self, obj: Column, format: PyFormat) -> DumperKey:
        return (Column, _KINDS[obj.element])

    def upgrade(self, obj: Column, format: PyFormat) -> Dumper:
        dumper = ColumnDumper(Column)
        dumper.oid = _ARRAY_OF[obj.element]
        return dumper


def without_nul(text: str) -> str:
    """The text with the symbol for NUL in the place of each NUL."""
    return text.replace("\0", "\u2400")


def column(type_: str, values: Sequence[object]) -> Column:
    """Values of a column of this type."""
    return Column(_ELEMENTS[type_], values)


def column_like(values: Sequence[object]) -> Column:
    """Values whose type the first of them shows."""
    first = values[0]
    return Column(_BYTEA if isinstance(first, bytes) else _TEXT if isinstance(first, str) else _BIGINT, values)


def register(connection: psycopg.Connection[object]) -> None:
    """Make the connection understand columns."""
    connection.adapters.register_dumper(Column, ColumnDumper)


def _bigints(values: Sequence[object]) -> bytes:
    flat: list[object] = [8] * (2 * len(values))
    flat[1::2] = values
    return _interleaved(len(values)).pack(*flat)


@lru_cache(maxsize=64)
def _interleaved(count: int) -> struct.Struct:
    return struct.Struct(">" + "iq" * count)


def _parts(element: int, values: Sequence[object]) -> list[bytes]:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
            continue
        data: bytes = value if element == _BYTEA else _encoded(value)  # type: ignore[assignment]
        parts += (_LENGTH.pack(len(data)), data)
    return parts


def _encoded(value: object) -> bytes:
    return without_nul(value).encode() if isinstance(value, str) else struct.pack(">q", value)
