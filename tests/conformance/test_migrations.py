"""Every migration of every store, from the one before, with rows in every table: nothing of them is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from services.credentials.storage.schema import MIGRATIONS as CREDENTIALS
from services.ingest.storage.schema import MIGRATIONS as INGEST
from services.mastery.storage.partitions import MASTERY_MIGRATIONS as MASTERY
from services.runtime import access_stored, keyring, keys_schema
from services.runtime.store.database import Database
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.sqlite import SqliteDatabase
from tests.support.processes import wait_for

STORES = {
    "ingest": INGEST, "mastery": MASTERY, "credentials": CREDENTIALS,
    "keys": keys_schema.MIGRATIONS, "ring": keyring.MIGRATIONS, "access": access_stored.MIGRATIONS,
}  # fmt: skip
STEPS = [(name, version) for name, migrations in STORES.items() for version in range(1, len(migrations))]
BACKENDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)]
Columns = dict[str, dict[str, str]]  # by table: each column with its type


@dataclass
class Place:
    """One store that is migrated step by step."""

    open: Callable[[Sequence[str]], Database]
    columns: Callable[[Database], Columns]


@pytest.fixture(params=BACKENDS)
def place(request, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(lambda migrations: SqliteDatabase(tmp_path / "x.db", migrations), _columns_in_file)
    url, schema = request.getfixturevalue("store_url"), f"steps_{uuid4().hex}"

    def open_(migrations: Sequence[str]) -> Database:
        migrate(url, schema, migrations)
        return PostgresDatabase(url, schema, migrations)

    return Place(open_, _columns_on_server)


def _columns_in_file(database: Database) -> Columns:
    with database.read() as cursor:
        tables = [row[0] for row in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        found = {table: cursor.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}
    return {
        table: {row[1]: row[2].lower() for row in rows}
        for table, rows in found.items()
        if not table.startswith("sqlite")
    }


def _columns_on_server(database: Database) -> Columns:
    found: Columns = {}
    with database.read() as cursor:
        rows = cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name <> 'schema_version' ORDER BY ordinal_position"
        ).fetchall()
    for table, column, type_ in rows:
        found.setdefault(table, {})[column] = type_
    return found


def value(type_: str, table: str, column: str, number: int) -> object:
    match type_:
        case "integer" | "bigint":
            return number
        case "blob" | "bytea":
            return f"{table}.{column}.{number}".encode()
    return f"{table}.{column}.{number}"


def fill(database: Database, columns: Columns) -> dict[str, list[tuple[object, ...]]]:
    """Three rows in every table that has none; all there is, by table."""
    with database.write() as cursor:
        for table, names in columns.items():
            if not cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0] and "one" not in names:
                marks = ",".join("?" * len(names))
                rows = [[value(type_, table, name, n) for name, type_ in names.items()] for n in (1, 2, 3)]
                cursor.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({marks})", rows)
    return everything(database, columns)


def everything(database: Database, columns: Columns) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as cursor:
        return {
            table: sorted(cursor.execute(f"SELECT {','.join(names)} FROM {table}").fetchall(), key=repr)
            for table, names in columns.items()
        }


@pytest.mark.parametrize(("name", "version"), STEPS)
def test_a_migration_keeps_what_was_there(place, name, version):
    migrations = STORES[name]
    with closing(place.open(migrations[:version])) as before:
        columns = place.columns(before)
        kept = fill(before, columns)
    assert all(kept.values()), "every table holds something"
    with closing(place.open(migrations[: version + 1])) as after:
        assert everything(after, columns) == kept
        assert place.columns(after) != columns or migrations[version].lstrip().startswith("CREATE INDEX")
    with closing(place.open(migrations)) as last:
        assert everything(last, columns) == kept


def test_awards_from_before_transfers_are_held_by_their_learners(place):
    with closing(place.open(CREDENTIALS[:3])) as before:
        fill(before, place.columns(before))
    with closing(place.open(CREDENTIALS)) as after, after.read() as cursor:
        for table in ("award", "credential"):
            assert cursor.execute(f"SELECT count(*) FROM {table} WHERE holder = learner").fetchone() == (3,)


def test_the_control_stream_goes_on_where_it_was(place):
    with closing(place.open(MASTERY[:3])) as before:
        fill(before, place.columns(before))
    with closing(place.open(MASTERY)) as after, after.read() as cursor:
        assert cursor.execute("SELECT last_seq FROM control_head").fetchone() == (3,)


def test_both_databases_have_the_same_tables_and_columns(tmp_path, store_url):
    for name, migrations in STORES.items():
        schema = f"same_{uuid4().hex}"
        migrate(store_url, schema, migrations)
        with (
            closing(SqliteDatabase(tmp_path / f"{name}.db", migrations)) as file,
            closing(PostgresDatabase(store_url, schema, migrations)) as server,
        ):
            here, there = _columns_in_file(file), _columns_on_server(server)
        assert {table: list(names) for table, names in here.items()} == {t: list(n) for t, n in there.items()}
        types = {(here[table][name], there[table][name]) for table in here for name in here[table]}
        assert types <= {("text", "text"), ("integer", "bigint"), ("blob", "bytea")}


@pytest.mark.servers
def test_a_migration_waits_for_who_analyses_a_table_and_who_analyses_never_for_it(store_url):
    """The database's own housekeeping holds a table and then changes its row in the catalogue, as this one does."""
    schema = f"held_{uuid4().hex}"
    migrate(store_url, schema, MASTERY)
    with psycopg.connect(store_url) as other, ThreadPoolExecutor(1) as beside:
        other.execute(f"LOCK TABLE {schema}.outbox IN SHARE UPDATE EXCLUSIVE MODE")
        again = beside.submit(migrate, store_url, schema, MASTERY)
        wait_for(lambda: _waits(store_url, schema), 30, "the migration waits")
        other.execute(f"GRANT SELECT ON {schema}.outbox TO PUBLIC")
        other.commit()
        assert again.result(30) == (len(MASTERY), len(MASTERY))


def _waits(url: str, schema: str) -> bool:
    held = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    with psycopg.connect(url) as connection:
        return bool(connection.execute(held, (f"{schema}.outbox",)).fetchone()[0])


def test_a_migration_is_numbered_by_its_place(tmp_path):
    SqliteDatabase(tmp_path / "x.db", CREDENTIALS[:2]).close()
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
