"""The store's SQL in PostgreSQL's words: placeholders, lists of values, table definitions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.runtime.store.database import Values
from services.runtime.store.postgres_arrays import column_like

_TOKEN = re.compile(r"'[^']*'|IN \((\?(?:, ?\?)*)\)|:([a-z_]+)|[?%]")
_DEFINITIONS = (
    (re.compile(r"\bINTEGER PRIMARY KEY AUTOINCREMENT\b"), "BIGINT PRIMARY KEY"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\bTEXT\b"), 'TEXT COLLATE "C"'),  # the order of bytes, whatever the database's locale
    (re.compile(r" REFERENCES \w+"), ""),  # SQLite does not enforce them either
    (re.compile(r"\)\s*(?:STRICT|WITHOUT ROWID)(?:, WITHOUT ROWID)?;"), ");"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement for the driver; `lists` are the spans of values that travel as one array."""

    sql: str
    lists: tuple[tuple[int, int], ...] = ()

    def values(self, given: Values) -> Values:
        """What the driver is given for what the caller gave."""
        if not self.lists or isinstance(given, Mapping):
            return given
        return _grouped(given, self.lists)


@lru_cache(maxsize=2048)
def translated(sql: str) -> Statement:
    """`?` and `:name` as the driver's marks; `IN (?, ?)` as `= ANY` of one array, whose length changes nothing."""
    count, lists = 0, []

    def mark(found: re.Match[str]) -> str:
        nonlocal count
        said, marks, name = found[0], found[1], found[2]
        if said == "%":
            return "%%"
        if marks is not None:
            lists.append((count, count + marks.count("?")))
            count += marks.count("?")
            return "= ANY(%s)"
        if name is not None:
            return f"%({name})s"
        if said == "?":
            count += 1
            return "%s"
        return said.replace("%", "%%")

    return Statement(_TOKEN.sub(mark, sql), tuple(lists))


def definitions(script: str) -> str:
    """A migration's tables as PostgreSQL defines them."""
    for theirs, ours in _DEFINITIONS:
        script = theirs.sub(ours, script)
    return script


def _grouped(given: Sequence[object], lists: tuple[tuple[int, int], ...]) -> list[object]:
    values: list[object] = []
    done = 0
    for begin, end in lists:
        values += given[done:begin]
        values.append(column_like(given[begin:end]))
        done = end
    return [*values, *given[done:]]
