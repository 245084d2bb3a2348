"""The baseline that does least: the same rows by binary COPY into a table with the same columns and indexes."""

import time
from typing import Any

import psycopg
from psycopg import sql

_TYPES = """
SELECT data_type FROM information_schema.columns
WHERE table_schema = %s AND table_name = 'event' ORDER BY ordinal_position
"""
_KINDS = {"bigint": "int8", "text": "text", "bytea": "bytea"}


class Copying:
    """A table like `event` of one schema, without its row-level security, which COPY cannot do."""

    def __init__(self, url: str, schema: str = "mastery") -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._schema = schema
        self._run("CREATE TABLE IF NOT EXISTS {schema}.event_copied (LIKE {schema}.event INCLUDING ALL)")
        self._types = [_KINDS[row[0]] for row in self._connection.execute(_TYPES, (schema,))]

    def close(self) -> None:
        self._connection.close()

    def last(self, partition: int) -> int:
        """The last event of a partition."""
        found = self._run("SELECT coalesce(max(seq), 0) FROM {schema}.event WHERE part = %s", partition).fetchone()
        assert found is not None
        return int(found[0])

    def rows(self, partition: int, after: int) -> list[tuple[Any, ...]]:
        """What was written since."""
        select = "SELECT * FROM {schema}.event WHERE part = %s AND seq > %s ORDER BY seq"
        return self._run(select, partition, after).fetchall()

    def rows_per_s(self, rows: list[tuple[Any, ...]], batch: int) -> float:
        """A commit a batch; the client builds its rows meanwhile, as ours does."""
        started = time.perf_counter()
        for first in range(0, len(rows), batch):
            with self._connection.transaction(), self._connection.cursor() as cursor:
                self._copy(cursor, rows[first : first + batch])
        return len(rows) / (time.perf_counter() - started)

    def _copy(self, cursor: psycopg.Cursor[Any], rows: list[tuple[Any, ...]]) -> None:
        statement = sql.SQL("COPY {}.event_copied FROM STDIN (FORMAT BINARY)").format(sql.Identifier(self._schema))
        with cursor.copy(statement) as copy:
            copy.set_types(self._types)
            for row in rows:
                copy.write_row(row)

    def _run(self, statement: str, *values: object) -> psycopg.Cursor[Any]:
        said = sql.SQL(statement).format(schema=sql.Identifier(self._schema))
        return self._connection.execute(said, values)
