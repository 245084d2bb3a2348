"""The file of one embedded topic: its schema, its one writer, and how others open it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.runtime.log.port import LogUnavailable, Outgoing, TopicRefused

OFFSET_BITS = 48  # a record's rowid is its partition and its offset, so one B-tree serves every range read
OFFSET_MASK = (1 << OFFSET_BITS) - 1
FORMAT = 1
BUSY_TIMEOUT_MS = 10_000
CHECKPOINT_PAGES = 4_000

SCHEMA = """
CREATE TABLE topic (format INTEGER NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE range (partition INTEGER PRIMARY KEY, begin INTEGER NOT NULL, end INTEGER NOT NULL);
CREATE TABLE record (
    id INTEGER PRIMARY KEY, producer TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL
);
"""


class TopicFile:
    """The topic's one writer: holds the file's lock for its life, and takes one transaction an append."""

    def __init__(self, path: Path, partitions: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partitions = path, partitions
        self._lock_fd = _hold(path)
        try:
            if not path.exists():
                _create(path, partitions)
            self._connection = _connect(path)
            _check(self._connection, path, partitions)
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._writing = threading.Lock()

    def append(self, producer: str, records: Sequence[Outgoing]) -> None:
        if not records:
            return
        try:
            with self._writing, _transaction(self._connection) as connection:
                _insert(connection, producer, records)
        except sqlite3.OperationalError as error:
            raise LogUnavailable(f"{self._path.name}: {error}") from error

    def delete_before(self, before: Mapping[int, int]) -> None:
        with self._writing, _transaction(self._connection) as connection:
            for partition, offset in before.items():
                base, below = partition << OFFSET_BITS, min(offset, read_ranges(connection)[partition][1])
                connection.execute("DELETE FROM record WHERE id >= ? AND id < ?", (base, base | below))
                connection.execute("UPDATE range SET begin = max(begin, ?) WHERE partition = ?", (below, partition))

    def close(self) -> None:
        with self._writing:
            self._connection.close()
            os.close(self._lock_fd)


def _insert(connection: sqlite3.Connection, producer: str, records: Sequence[Outgoing]) -> None:
    ends = {partition: end for partition, (_, end) in read_ranges(connection).items()}
    rows = []
    for out in records:
        offset = ends[out.partition]
        ends[out.partition] = offset + 1
        rows.append((out.partition << OFFSET_BITS | offset, producer, out.seq, out.key, out.value))
    connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", rows)
    # Every batch uses up one more offset, as Kafka's transaction markers do: nobody may count on offsets without gaps.
    marked = [(ends[partition] + 1, partition) for partition in {out.partition for out in records}]
    connection.executemany("UPDATE range SET end = ? WHERE partition = ?", marked)


class _transaction:
    """BEGIN IMMEDIATE … COMMIT, or nothing at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def connect_to_read(path: Path, partitions: int) -> sqlite3.Connection | None:
    """A connection that cannot write; none while there is no such topic yet."""
    if not path.exists():
        return None
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    _check(connection, path, partitions)
    return connection


def read_ranges(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT partition, begin, end FROM range")}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def _check(connection: sqlite3.Connection, path: Path, partitions: int) -> None:
    stored_format, stored = connection.execute("SELECT format, partitions FROM topic").fetchone()
    if stored_format != FORMAT:
        connection.close()
        raise TopicRefused(f"{path.name} has format {stored_format}, this program reads {FORMAT}")
    if stored != partitions:
        connection.close()
        raise TopicRefused(f"{path.name} has {stored} partitions, the settings say {partitions}: they cannot change")


def _create(path: Path, partitions: int) -> None:
    """Made whole under another name and then renamed: nobody ever sees a topic without its tables."""
    draft = path.with_suffix(".new")
    _remove_remains(draft, path)
    connection = sqlite3.connect(draft, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO topic VALUES (?, ?)", (FORMAT, partitions))
    connection.executemany("INSERT INTO range VALUES (?, 0, 0)", [(number,) for number in range(partitions)])
    connection.close()  # the last one out moves the journal into the file
    draft.rename(path)
    _sync_folder(path.parent)


def _remove_remains(*paths: Path) -> None:
    """A journal left by a killed or deleted predecessor must not be replayed into the new file."""
    for path in paths:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hold(path: Path) -> int:
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise TopicRefused(f"{path.name} is being written by another process") from None
    return descriptor
