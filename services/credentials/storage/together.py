"""Rows of one transaction in few statements: each row's last word, a kind at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from services.runtime.store.database import Cursor
from services.runtime.store.port import Row

Values = tuple[object, ...]
Write = Callable[[Cursor, list[Values]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One change of one table; the first `key` of its values name the row.

    Of several changes of a kind to one row the `first` or the `last` counts, as if they had been made one by one.
    """

    write: Write
    key: int
    counts: Literal["first", "last"]
    undoes: "Kind | None" = None  # written before that kind, and takes back what of it came earlier


@dataclass(frozen=True, slots=True)
class Change:
    """One row to change."""

    kind: Kind
    values: Values

    def __call__(self, cursor: Cursor) -> None:
        self.kind.write(cursor, [self.values])

    @property
    def key(self) -> Values:
        """Which row."""
        return self.values[: self.kind.key]


def many(sql: str) -> Write:
    """One statement for each row, given the row's values."""

    def write(cursor: Cursor, rows: list[Values]) -> None:
        cursor.executemany(sql, rows)

    return write


def together(rows: Iterable[Row], order: tuple[Kind, ...]) -> Iterator[Row]:
    """The same changes with those of a kind together, the kinds in this order.

    The order is of the caller's making: kinds that touch the same row stand in it as they happen to a row. A row that
    is no `Change` keeps its place: what came before it is written before it.
    """
    some: list[Change] = []
    for row in rows:
        if isinstance(row, Change):
            some.append(row)
            continue
        yield from _in_order(some, order)
        yield row
        some = []
    yield from _in_order(some, order)


def _in_order(changes: list[Change], order: tuple[Kind, ...]) -> Iterator[Row]:
    found: dict[Kind, dict[Values, Values]] = {kind: {} for kind in order}
    for change in changes:
        kind, key = change.kind, change.key
        if kind.undoes is not None:
            found[kind.undoes].pop(key, None)
        if kind.counts == "last" or key not in found[kind]:
            found[kind][key] = change.values
    return (_of(kind, list(rows.values())) for kind, rows in found.items() if rows)


def _of(kind: Kind, rows: list[Values]) -> Row:
    return lambda cursor: kind.write(cursor, rows)
