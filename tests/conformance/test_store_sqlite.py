"""What holds of a store that is one SQLite file."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from services.runtime.store.database import NewerSchema, StoreUnavailable
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.stores import ADA, NOON, TENANT, Shown, Store


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Store]:
    files = Store(tmp_path)
    yield files
    files.close()


@pytest.fixture
def store(files: Store) -> StoredPartition:
    return files.open()


def test_nothing_of_an_event_can_be_read_in_the_file(store, files):
    store.commit(Batch(appends=[Append(TENANT, ADA, Shown("a most particular competency", 4), NOON)]))
    store.recorder.datastore.database.checkpoint()
    assert b"most particular" not in b"".join(p.read_bytes() for p in files.path.parent.glob("store.db*"))


def test_a_file_of_a_newer_version_is_refused(files):
    files.open()
    with pytest.raises(NewerSchema):
        SqliteDatabase(files.path, ("SELECT 1",))


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "x.db"
    good = "CREATE TABLE one (a TEXT DEFAULT ';'); CREATE TABLE two (b INTEGER)"
    with pytest.raises(StoreUnavailable):
        SqliteDatabase(path, (good, "CREATE TABLE three (c); CREATE TABLE one (again)"))
    database = SqliteDatabase(path, (good, "CREATE TABLE three (c)"))
    with database.read() as cursor:
        names = cursor.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
    assert names == [("one",), ("three",), ("two",)]
    database.close()


def test_commits_are_flushed_to_the_disk(store):
    with store.recorder.datastore.database.write() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_threads_that_come_and_go_leave_no_connections_behind(store):
    database = store.recorder.datastore.database

    def read() -> None:
        store.stream(ADA)

    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        thread = Thread(target=read)
        thread.start()
        thread.join()
    assert len(database._idle) <= 1
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3
