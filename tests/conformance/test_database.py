"""What every database promises of its statements: many rows are written as if one after the other."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.store.database import Database, RowRefused
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.stores import Store

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
number = st.integers(-(2**63), 2**63 - 1)
row = st.tuples(st.binary(max_size=2), st.none() | text, st.none() | number)
WRITES = {
    "insert": "INSERT INTO thing (id, name, size) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    "upsert": "INSERT INTO thing (id, name, size) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    "update": "UPDATE thing SET name = ?, size = ? WHERE id = ?",
    "delete": "DELETE FROM thing WHERE id = ?",
    "add": "UPDATE thing SET size = ?, name = coalesce(name, ?) WHERE id = ?",
}
THING = "CREATE TABLE thing (id BLOB PRIMARY KEY, name TEXT, size INTEGER)"
OTHER = "CREATE TABLE other (id BLOB PRIMARY KEY, name TEXT, size INTEGER)"
TABLE = f"{THING}; {OTHER}"
NAMES = ("thing", "other")
write = st.tuples(st.sampled_from(sorted(WRITES)), st.lists(row, max_size=6))


def values_of(kind: str, rows: list[tuple]) -> list[tuple]:
    match kind:
        case "update":
            return [(name, size, id_) for id_, name, size in rows]
        case "add":
            return [(size, name, id_) for id_, name, size in rows]
        case "delete":
            return [(id_,) for id_, _, _ in rows]
    return rows


@pytest.fixture(scope="module")
def databases(store_url: str, tmp_path_factory) -> Iterator[list[Database]]:
    folder = tmp_path_factory.mktemp("databases")
    stores = [Store(folder / "one", None, TABLE), Store(folder / "two", store_url, TABLE)]
    yield [store.database() for store in stores]
    for store in stores:
        store.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(write, max_size=6))
def test_both_databases_end_with_the_same_rows(databases, writes):
    ended, counted = [], []
    for database in databases:
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
            counts = []
            for kind, rows in writes:
                cursor.executemany(WRITES[kind], values_of(kind, rows))
                counts.append(cursor.rowcount if rows else 0)
        with database.read() as cursor:
            ended.append(cursor.execute("SELECT id, name, size FROM thing ORDER BY id").fetchall())
        counted.append(counts)
    assert ended[0] == ended[1]
    assert counted[0] == counted[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), write), max_size=8))
def test_several_writes_handed_over_together_are_as_if_one_after_the_other(databases, writes):
    ended = []
    for database, together in zip(databases * 2, (False, False, True, True), strict=True):
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
            cursor.execute("DELETE FROM other")
            said = [(WRITES[kind].replace("thing", name), values_of(kind, rows)) for name, (kind, rows) in writes]
            for each in [said] if together else [[one] for one in said]:
                cursor.write_many(each)
        with database.read() as cursor:
            ended.append(
                [cursor.execute(f"SELECT id, name, size FROM {name} ORDER BY id").fetchall() for name in NAMES]
            )
    assert all(each == ended[0] for each in ended)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(row, max_size=12, unique_by=lambda row: row[0]), st.lists(st.binary(max_size=2), min_size=1, max_size=5)
)
def test_both_databases_find_the_same_rows_among_many_keys(databases, rows, wanted):
    found = []
    for database in databases:
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
            cursor.executemany(WRITES["insert"], rows)
        with database.read() as cursor:
            marks = ",".join("?" * len(wanted))
            select = f"SELECT id, name, size FROM thing WHERE size IS NOT NULL AND id IN ({marks}) AND size > ?"
            found.append(sorted(cursor.execute(select, (*wanted, 0)).fetchall()))
            found.append(cursor.execute("SELECT count(*), coalesce(sum(size / 4), 0) FROM thing").fetchone())
    assert found[:2] == found[2:]


def test_texts_are_ordered_by_their_bytes(databases):
    names = ["b", "a", "B", "_", "é", "z", "Z", "10", "9"]
    for database in databases:
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
            cursor.executemany(WRITES["insert"], [(name.encode(), name, None) for name in names])
        with database.read() as cursor:
            ordered = [name for (name,) in cursor.execute("SELECT name FROM thing ORDER BY name")]
        assert ordered == sorted(names, key=str.encode), type(database)


def test_a_row_that_is_there_already_is_refused_and_nothing_is_written(databases):
    for database in databases:
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
            cursor.execute("INSERT INTO thing (id) VALUES (?)", (b"1",))
        with pytest.raises(RowRefused), database.write() as cursor:
            cursor.executemany("INSERT INTO thing (id) VALUES (?)", [(b"2",), (b"1",)])
        with database.read() as cursor:
            assert cursor.execute("SELECT id FROM thing").fetchall() == [(b"1",)]


def test_reads_within_a_read_share_its_moment(databases):
    for database in databases:
        with database.write() as cursor:
            cursor.execute("DELETE FROM thing")
        with database.read() as outer:
            assert outer.execute("SELECT count(*) FROM thing").fetchone() == (0,)
            with database.write() as cursor:
                cursor.execute("INSERT INTO thing (id) VALUES (?)", (b"1",))
            with database.read() as inner:
                assert inner.execute("SELECT count(*) FROM thing").fetchone() == (0,)
        assert isinstance(database, SqliteDatabase) or database._writer is not None
