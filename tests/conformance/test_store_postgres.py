# ruff: noqa: PT012 - a transaction is the block that fails
"""What holds of a store on PostgreSQL: links that break, commits nobody answered, schemas of other versions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest

from services.runtime.store.database import (
    CommitUnknown,
    Contended,
    Database,
    NewerSchema,
    OlderSchema,
    RowRefused,
    StoreError,
    StoreUnavailable,
)
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Batch, Fenced, Position
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from tests.conformance.stores import ADA, STORE_MIGRATIONS, Store, levels, shown
from tests.faults.proxy import FaultProxy

LEVEL = "INSERT INTO standing (learner, level) VALUES (?, ?)"


@pytest.fixture
def files(store_url: str, tmp_path: Path) -> Iterator[Store]:
    files = Store(tmp_path, store_url)
    yield files
    files.close()


@pytest.fixture
def link(postgres) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", postgres.port) as proxy:
        yield proxy


@pytest.fixture
def linked(files: Store, postgres, link: FaultProxy) -> Iterator[PostgresDatabase]:
    """The store's database, reached by way of a link that can be broken."""
    database = PostgresDatabase(files.url.replace(str(postgres.port), str(link.port)), files.schema, STORE_MIGRATIONS)
    yield database
    database.close()


def standings(database: Database) -> list[tuple[str, str]]:
    with database.read() as cursor:
        return cursor.execute("SELECT learner, level FROM standing ORDER BY learner").fetchall()


def put(database: Database, learner: str) -> None:
    with database.write() as cursor:
        cursor.execute(LEVEL, (learner, "met"))


def end_connections(files: Store) -> None:
    """As a restarted server does to everybody connected to it."""
    with psycopg.connect(files.url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s",
            (f"wayproof {files.schema}",),
        ).fetchone()
        assert ended is not None and ended[0] > 0


def test_a_connection_lost_while_nobody_used_it_is_not_noticed(files):
    database = files.database()
    put(database, "ada")
    end_connections(files)
    put(database, "ben")
    end_connections(files)
    assert standings(database) == [("ada", "met"), ("ben", "met")]


def test_a_connection_lost_within_a_transaction_leaves_nothing_of_it(files):
    database = files.database()
    with pytest.raises(StoreUnavailable), database.write() as cursor:
        cursor.execute(LEVEL, ("ada", "met"))
        end_connections(files)
        cursor.execute(LEVEL, ("ben", "met"))
    assert standings(database) == []
    put(database, "cem")
    assert standings(database) == [("cem", "met")]


def test_a_commit_whose_reply_was_lost_is_found_to_have_happened(linked, link):
    link.lose_reply(after=b"COMMIT")
    put(linked, "ada")
    assert link.lost_replies == 1
    assert standings(linked) == [("ada", "met")]


def test_a_commit_that_never_arrived_is_an_error_and_nothing_is_written(linked, link):
    with pytest.raises(StoreUnavailable) as caught, linked.write() as cursor:
        cursor.execute(LEVEL, ("ada", "met"))
        link.cut()
        Thread(target=link.mend).start()
    assert caught.type is StoreUnavailable
    assert standings(linked) == []


def test_while_nobody_can_say_what_became_of_a_commit_that_is_an_error_of_its_own(linked, link, files, monkeypatch):
    monkeypatch.setattr("services.runtime.store.postgres.SETTLE_S", 0.5)
    with pytest.raises(CommitUnknown), linked.write() as cursor:
        cursor.execute(LEVEL, ("ada", "met"))
        link.cut()
    link.mend()
    put(linked, "ben")
    assert ("ben", "met") in standings(linked)


def test_a_partition_goes_on_after_a_lost_reply_without_writing_twice(files, linked, link):
    store = StoredPartition(linked, 0, files.open()._mapper._codec, files.keys.learner_key, log_partitions=4)
    store.claim("a test")
    for level in range(1, 6):
        link.lose_reply(after=b"COMMIT")
        store.commit(Batch(appends=shown(ADA, level), positions={"t": Position(level, level)}))
    assert link.lost_replies == 5
    assert (levels(store.stream(ADA)), store.position("t")) == ([1, 2, 3, 4, 5], Position(5, 5))


def test_a_process_that_stands_still_in_a_transaction_cannot_hold_up_its_successor(files, monkeypatch):
    monkeypatch.setattr("services.runtime.store.postgres.IDLE_TIMEOUT_S", 1)
    zombie = files.open()

    def stop_and_be_succeeded(_: object) -> None:
        successor = files.open()  # its claim waits for the row the zombie holds, until the server ends the zombie
        successor.commit(Batch(appends=shown(ADA, 2)))

    with pytest.raises(StoreUnavailable):
        zombie.commit(Batch(appends=shown(ADA, 1), rows=[stop_and_be_succeeded]))
    with pytest.raises(Fenced):
        zombie.commit(Batch(appends=shown(ADA, 1)))
    assert levels(files.open().stream(ADA)) == [2]


def test_a_transaction_that_went_on_after_a_refused_statement_is_not_taken_for_committed(files):
    database = files.database()
    put(database, "ada")
    with pytest.raises(StoreError), database.write() as cursor:
        cursor.execute(LEVEL, ("ben", "met"))
        with pytest.raises(RowRefused):
            cursor.execute(LEVEL, ("ada", "met"))
    assert standings(database) == [("ada", "met")]


def test_an_error_never_repeats_a_value(files):
    database = files.database()
    put(database, "a most particular name")
    with pytest.raises(RowRefused) as caught:
        put(database, "a most particular name")
    assert "particular" not in "".join(map(str, (caught.value, caught.value.__cause__)))
    assert "standing_pkey" in str(caught.value)


def test_writes_in_turn_see_what_the_one_before_them_committed(files):
    databases = [files.database() for _ in range(3)]

    def one_more(database: PostgresDatabase) -> None:
        for _ in range(10):
            with database.write(in_turn=True) as cursor:
                (count,) = cursor.execute("SELECT count(*) FROM standing").fetchone()
                cursor.execute(LEVEL, (f"{count:03}", "met"))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(one_more, databases))
    assert [learner for learner, _ in standings(databases[0])] == [f"{n:03}" for n in range(30)]


def test_whoever_waits_for_its_turn_too_long_is_told_that_the_store_is_busy(files, monkeypatch):
    one = files.database()
    monkeypatch.setattr("services.runtime.store.postgres.LOCK_TIMEOUT_S", 1)
    two = files.database()
    with one.write(in_turn=True), pytest.raises(StoreUnavailable), two.write(in_turn=True):
        pytest.fail("both at once")
    put(two, "ada")


def test_two_that_wait_for_each_other_are_contended_and_one_goes_on(files):
    one, two = files.database(), files.database()
    for learner in ("ada", "ben"):
        put(one, learner)
    met, ends = Barrier(2), []

    def change(database: PostgresDatabase, *learners: str) -> None:
        try:
            with database.write() as cursor:
                cursor.execute("UPDATE standing SET level = 'lost' WHERE learner = ?", (learners[0],))
                met.wait(10)
                cursor.execute("UPDATE standing SET level = 'lost' WHERE learner = ?", (learners[1],))
            ends.append("done")
        except Contended:
            ends.append("contended")

    threads = [Thread(target=change, args=(one, "ada", "ben")), Thread(target=change, args=(two, "ben", "ada"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["contended", "done"]


def test_nul_is_kept_as_its_symbol(files):
    database = files.database()
    with database.write() as cursor:
        cursor.execute(LEVEL, ("a\0b", "met"))
        cursor.executemany(LEVEL, [("c\0d", "met"), ("e", "met")])
    assert [learner for learner, _ in standings(database)] == ["a\u2400b", "c\u2400d", "e"]
    with database.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM standing WHERE learner = ?", ("a\0b",)).fetchone() == (1,)


def test_an_older_and_a_newer_schema_are_refused_by_their_numbers(files):
    known = len(STORE_MIGRATIONS)
    with pytest.raises(NewerSchema, match=f"schema {known} found, this program knows {known - 1}"):
        PostgresDatabase(files.url, files.schema, STORE_MIGRATIONS[:-1])
    with pytest.raises(OlderSchema, match=f"schema {known} found, this program needs {known + 1}"):
        PostgresDatabase(files.url, files.schema, (*STORE_MIGRATIONS, "SELECT 1"))
    with pytest.raises(OlderSchema, match="schema 0 found"):
        PostgresDatabase(files.url, "nobody_made_it", STORE_MIGRATIONS)
    with pytest.raises(NewerSchema):
        migrate(files.url, files.schema, STORE_MIGRATIONS[:-1])


def test_a_migration_that_fails_leaves_the_schema_as_it_was(files):
    known = len(STORE_MIGRATIONS)
    with pytest.raises(psycopg.Error):
        migrate(
            files.url, files.schema, (*STORE_MIGRATIONS, "CREATE TABLE three (c TEXT); CREATE TABLE standing (c TEXT)")
        )
    assert migrate(files.url, files.schema, (*STORE_MIGRATIONS, "CREATE TABLE three (c TEXT)")) == (known, known + 1)


def test_migrations_that_start_together_take_turns(store_url):
    done: list[tuple[int, int]] = []
    threads = [
        Thread(target=lambda: done.append(migrate(store_url, "migrated_together", STORE_MIGRATIONS))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [(0, 3), (3, 3), (3, 3), (3, 3)]


def test_a_server_that_is_not_there_is_said_without_its_password(store_url):
    with pytest.raises(StoreUnavailable) as caught:
        PostgresDatabase("postgresql://wayproof:a-secret@127.0.0.1:1/x", "s", ())
    assert "a-secret" not in repr(caught.value)
