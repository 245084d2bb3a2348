"""The store's SQL in PostgreSQL's words."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.runtime.store.postgres_cursor import PostgresCursor, Tables
from services.runtime.store.postgres_rows import many_rows
from services.runtime.store.postgres_sql import definitions, translated

TYPES = {"tag": "bytea", "arrival": "bigint", "state": "text"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("SELECT a FROM t WHERE b = ? AND c = ?", "SELECT a FROM t WHERE b = %s AND c = %s"),
        ("SELECT a FROM t WHERE b = :at", "SELECT a FROM t WHERE b = %(at)s"),
        ("SELECT a % 2 FROM t WHERE b = '?' AND c = ':no %'", "SELECT a %% 2 FROM t WHERE b = '?' AND c = ':no %%'"),
        ("SELECT a FROM t WHERE b IN (?,?,?)", "SELECT a FROM t WHERE b = ANY(%s)"),
        ("SELECT a FROM t WHERE b IN ('x', 'y')", "SELECT a FROM t WHERE b IN ('x', 'y')"),
    ],
)
def test_marks_are_the_drivers(said, meant):
    assert translated(said).sql == meant


def test_values_of_a_list_travel_together_and_the_others_keep_their_places():
    values = translated("WHERE a = ? AND b IN (?, ?) AND c IN (?) AND d = ?").values((1, b"x", b"y", "z", 5))
    assert isinstance(values, list)
    assert [values[0], values[1].values, values[2].values, values[3]] == [1, (b"x", b"y"), ("z",), 5]


def test_tables_are_defined_in_postgresqls_types():
    script = "CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT, c BLOB REFERENCES d, e TEXT) STRICT, WITHOUT ROWID;"
    assert definitions(script) == 'CREATE TABLE a (b BIGINT PRIMARY KEY, c BYTEA, e TEXT COLLATE "C");'
    assert definitions("CREATE TABLE a (b TEXT)\nWITHOUT ROWID;") == 'CREATE TABLE a (b TEXT COLLATE "C");'


def said_of(sql: str) -> str | None:
    many = many_rows(sql, lambda _: TYPES)
    return many and " ".join(many.sql.split())


@pytest.mark.parametrize(
    ("one", "many"),
    [
        (
            "INSERT INTO r (tag, arrival) VALUES (?, ?)",
            "INSERT INTO r (tag, arrival) SELECT u.c1, u.c2"
            " FROM (SELECT unnest(%s::bytea[]) AS c1, unnest(%s::bigint[]) AS c2) AS u",
        ),
        (
            "INSERT INTO r (tag, state, arrival) VALUES (?, 'new', ?) ON CONFLICT DO NOTHING",
            "INSERT INTO r (tag, state, arrival) SELECT u.c1, 'new', u.c2"
            " FROM (SELECT unnest(%s::bytea[]) AS c1, unnest(%s::bigint[]) AS c2) AS u ON CONFLICT DO NOTHING",
        ),
        (
            "UPDATE r SET state = ?, arrival = ? WHERE tag = ?",
            "UPDATE r SET state = u.c1, arrival = u.c2"
            " FROM (SELECT unnest(%s::text[]) AS c1, unnest(%s::bigint[]) AS c2, unnest(%s::bytea[]) AS c3) AS u"
            " WHERE r.tag = u.c3",
        ),
        (
            "DELETE FROM r WHERE tag = ?",
            "DELETE FROM r USING (SELECT unnest(%s::bytea[]) AS c1) AS u WHERE r.tag = u.c1",
        ),
        ("UPDATE r SET arrival = arrival + ? WHERE tag = ?", None),
        ("INSERT INTO r (tag) VALUES (coalesce(?, ?))", None),
    ],
)
def test_many_rows_are_one_statement_over_arrays(one, many):
    assert said_of(one) == many


def test_rows_that_meet_the_same_row_go_one_by_one():
    upsert = many_rows(
        "INSERT INTO r (tag, arrival) VALUES (?, ?) ON CONFLICT (tag) DO UPDATE SET arrival = excluded.arrival",
        lambda _: TYPES,
    )
    assert upsert is not None
    assert upsert.fits([(b"a", 1), (b"b", 1)])
    assert not upsert.fits([(b"a", 1), (b"a", 2)])
    plain = many_rows("INSERT INTO r (tag, arrival) VALUES (?, ?)", lambda _: TYPES)
    assert plain is not None and plain.fits([(b"a", 1), (b"a", 1)])


class Server:
    """A connection's cursor that keeps what it is told."""

    rowcount = 0

    def __init__(self) -> None:
        self.told: list[tuple[str, list[list[object]]]] = []

    def execute(self, sql: str, values: Sequence[Any]) -> None:
        self.told.append((" ".join(sql.split()), [list(getattr(each, "values", [each])) for each in values]))


def test_inserts_into_several_tables_are_one_statement_for_work_that_sees_all():
    inserts = [("INSERT INTO r (tag) VALUES (?)", [(b"1",), (b"2",)]), ("INSERT INTO s (tag) VALUES (?)", [(b"3",)])]
    change = ("UPDATE r SET state = ? WHERE tag = ?", [("x", b"1")])
    told = {}
    for sees_all in (True, False):
        server, tables = Server(), Tables()
        tables._types |= {"r": TYPES, "s": TYPES}
        PostgresCursor(server, tables, sees_all=sees_all).write_many([*inserts, change, *inserts])  # type: ignore[arg-type]
        told[sees_all] = server.told
    one, two, three = told[False][:3]
    both = f"WITH w0 AS ({one[0]} ) {two[0]}", one[1] + two[1]
    assert told[True] == [both, three, both]
    assert len(told[False]) == 5
