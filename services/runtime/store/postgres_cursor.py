"""PostgreSQL's cursor with the store's words and the store's errors; no error repeats a value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow

from services.runtime.store.database import Contended, RowRefused, StoreError, StoreUnavailable, Values
from services.runtime.store.postgres_rows import ManyRows, joined, many_rows
from services.runtime.store.postgres_sql import translated

TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock


class Tables:
    """What the catalogue says of a schema's tables and how many rows are written, read once a process."""

    def __init__(self) -> None:
        self._types: dict[str, dict[str, str]] = {}
        self._many: dict[str, ManyRows | None] = {}

    def many(self, cursor: psycopg.Cursor[TupleRow], sql: str) -> ManyRows | None:
        """How to write many rows by this statement at once, when there is a way."""
        if sql not in self._many:
            self._many[sql] = many_rows(sql, lambda table: self._of(cursor, table))
        return self._many[sql]

    def _of(self, cursor: psycopg.Cursor[TupleRow], table: str) -> dict[str, str]:
        if table not in self._types:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position",
                (table,),
            )
            self._types[table] = dict(cursor.fetchall())
        return self._types[table]


class PostgresCursor:
    """Runs the store's statements within one transaction."""

    def __init__(self, cursor: psycopg.Cursor[TupleRow], tables: Tables, *, sees_all: bool = False) -> None:
        self._cursor, self._tables, self._sees_all = cursor, tables, sees_all
        self._count = 0

    @property
    def rowcount(self) -> int:
        return self._count

    def execute(self, sql: str, values: Values = (), /) -> Self:
        statement = translated(sql)
        with our_errors():
            self._cursor.execute(statement.sql, statement.values(values))
        self._count = self._cursor.rowcount
        return self

    def executemany(self, sql: str, rows: Iterable[Values], /) -> Self:
        """One statement over arrays where that is the same; else one a row, each answered before the next.

        Never pipelined: PostgreSQL does not end the transaction of a process that stands still within a pipeline.
        """
        given = list(rows)
        self._count = 0
        if not given:
            return self
        with our_errors():
            many = None if isinstance(given[0], Mapping) else self._tables.many(self._cursor, sql)
            if many is not None and many.fits(given):
                self._cursor.execute(many.sql, many.columns(given))
                self._count = self._cursor.rowcount
                return self
        self._count = sum(self.execute(sql, row).rowcount for row in given)
        return self

    def write_many(self, writes: Iterable[tuple[str, Sequence[Values]]], /) -> None:
        """INSERTs into different tables that follow each other are one statement: most of a small one is its way.

        Not where rows are seen by other rows: PostgreSQL would look for those as they were before the statement.
        """
        together: dict[str, tuple[ManyRows, Sequence[Any]]] = {}
        for sql, rows in writes:
            many = self._insert(sql, rows) if rows and self._sees_all else None
            if many is None or many.into in together:
                self._insert_together(together)
            if many is not None:
                together[many.into] = many, rows
            else:
                self.executemany(sql, rows)
        self._insert_together(together)

    def _insert(self, sql: str, rows: Sequence[Values]) -> ManyRows | None:
        with our_errors():
            many = None if isinstance(rows[0], Mapping) else self._tables.many(self._cursor, sql)
        return many if many is not None and many.into and many.fits(rows) else None

    def _insert_together(self, together: dict[str, tuple[ManyRows, Sequence[Any]]]) -> None:
        if not together:
            return
        values = [column for many, rows in together.values() for column in many.columns(rows)]
        with our_errors():
            self._cursor.execute(joined(tuple(many for many, _ in together.values())), values)
        together.clear()

    def fetchone(self) -> Any:
        with our_errors():
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with our_errors():
            return self._cursor.fetchall() if self._cursor.description else []

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


@contextmanager
def our_errors() -> Iterator[None]:
    """The store's errors for the driver's; theirs quote rows, so they are left behind."""
    try:
        yield
    except psycopg.Error as error:
        raise ours(error) from None


def ours(error: psycopg.Error) -> StoreError:
    """The store's error for one of the driver's."""
    said = " ".join(filter(None, (type(error).__name__, error.sqlstate, error.diag.constraint_name)))
    if error.sqlstate in TRY_AGAIN:
        return Contended(said)
    if isinstance(error, psycopg.IntegrityError):
        return RowRefused(said)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        return StoreUnavailable(said)
    return StoreError(said)
