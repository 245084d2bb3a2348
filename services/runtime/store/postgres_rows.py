"""Many rows in one statement: an INSERT, UPDATE or DELETE of single rows over arrays of their columns."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from services.runtime.store.postgres_arrays import Column, column

Types = Callable[[str], dict[str, str]]  # a table's columns in order, each with its type

_INSERT = re.compile(r"\s*INSERT INTO (\w+)(?: \(([^)]*)\))?\s+VALUES \(([^)]*)\)\s*(ON CONFLICT.*)?\s*", re.S)
_UPDATE = re.compile(r"\s*UPDATE (\w+) SET (.*?) WHERE (.*?)\s*", re.S)
_DELETE = re.compile(r"\s*DELETE FROM (\w+) WHERE (.*?)\s*", re.S)
_EQUALS = re.compile(r"(\w+) = \?")
_KEY = re.compile(r"ON CONFLICT \(([^)]*)\) DO UPDATE", re.S)
_LITERAL = re.compile(r"-?\d+|'[^'?]*'|NULL")


@dataclass(frozen=True, slots=True)
class ManyRows:
    """One statement for any number of rows; rows that share the values at `distinct` must go one by one."""

    sql: str
    types: tuple[str, ...]
    distinct: tuple[int, ...] = ()
    into: str = ""  # the table, of an INSERT

    def columns(self, rows: Sequence[Any]) -> list[Column]:
        """The rows, turned on their side."""
        return [column(type_, values) for type_, values in zip(self.types, zip(*rows, strict=True), strict=True)]

    def fits(self, rows: Sequence[Any]) -> bool:
        """Whether doing all at once is the same as doing one after the other."""
        return not self.distinct or len(set(map(itemgetter(*self.distinct), rows))) == len(rows)


def many_rows(sql: str, types: Types) -> ManyRows | None:
    """The statement over arrays; None when it is not of a form known here."""
    if found := _INSERT.fullmatch(sql):
        return _insert(types, *found.groups())
    if found := _UPDATE.fullmatch(sql):
        return _update(types, *found.groups())
    if found := _DELETE.fullmatch(sql):
        return _delete(types, *found.groups())
    return None


@lru_cache(maxsize=256)
def joined(inserts: tuple[ManyRows, ...]) -> str:
    """One statement that does them all, each into a table of its own: none of them sees what another writes."""
    *before, last = inserts
    named = ", ".join(f"w{number} AS ({each.sql})" for number, each in enumerate(before))
    return f"WITH {named} {last.sql}" if named else last.sql


def _insert(types: Types, table: str, columns: str | None, values: str, conflict: str | None) -> ManyRows | None:
    known = types(table)
    names = _split(columns) if columns else list(known)
    said = _split(values)
    if len(names) != len(said) or not all(each == "?" or _LITERAL.fullmatch(each) for each in said):
        return None
    given = [name for name, each in zip(names, said, strict=True) if each == "?"]
    numbers = iter(range(1, len(given) + 1))
    chosen = ", ".join(f"u.c{next(numbers)}" if each == "?" else each for each in said)
    key = _KEY.match(conflict) if conflict else None
    distinct = tuple(given.index(name) for name in _split(key[1]) if name in given) if key else ()
    sent = tuple(known[name] for name in given)
    source = _unnest(sent)
    begin = f"INSERT INTO {table} ({', '.join(names)})"
    return ManyRows(f"{begin} SELECT {chosen} FROM {source} {conflict or ''}", sent, distinct, table)  # noqa: S608 - ours


def _update(types: Types, table: str, changes: str, condition: str) -> ManyRows | None:
    set_, where, known = _equals(changes, ","), _equals(condition, " AND "), types(table)
    if set_ is None or where is None:
        return None
    changed = ", ".join(f"{name} = u.c{n}" for n, name in enumerate(set_, 1))
    chosen = " AND ".join(f"{table}.{name} = u.c{n}" for n, name in enumerate(where, len(set_) + 1))
    sent = tuple(known[name] for name in (*set_, *where))
    source = _unnest(sent)
    distinct = tuple(range(len(set_), len(set_) + len(where)))
    return ManyRows(f"UPDATE {table} SET {changed} FROM {source} WHERE {chosen}", sent, distinct)  # noqa: S608


def _delete(types: Types, table: str, condition: str) -> ManyRows | None:
    where, known = _equals(condition, " AND "), types(table)
    if where is None:
        return None
    chosen = " AND ".join(f"{table}.{name} = u.c{n}" for n, name in enumerate(where, 1))
    sent = tuple(known[name] for name in where)
    source = _unnest(sent)
    return ManyRows(f"DELETE FROM {table} USING {source} WHERE {chosen}", sent, tuple(range(len(where))))  # noqa: S608


def _unnest(types: Sequence[str]) -> str:
    """In lockstep, as what is selected: as a source of rows PostgreSQL would first write each array out by itself."""
    columns = ", ".join(f"unnest(%s::{type_}[]) AS c{n}" for n, type_ in enumerate(types, 1))
    return f"(SELECT {columns}) AS u"


def _equals(text: str, between: str) -> list[str] | None:
    """The names in `a = ?, b = ?`; None when anything else is said."""
    found = [_EQUALS.fullmatch(part.strip()) for part in text.split(between)]
    return None if None in found else [match[1] for match in found if match]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
