"""One SQLite file: one writer connection behind a lock, reading connections as many as read at once, migrations."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from services.runtime.store.database import NewerSchema, RowRefused, StoreError, StoreUnavailable

BUSY_TIMEOUT_S = 10.0
CHECKPOINT_PAGES = 4000
IDLE_READERS_MAX = 8


class SqliteDatabase:
    """Every commit is on disk when `write` returns; readers see a snapshot and never wait for the writer.

    Without migrations the file is taken as it is.
    """

    def __init__(self, path: Path, migrations: Sequence[str] | None) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._reading = threading.local()
        self._idle: list[sqlite3.Connection] = []
        self._lock_of_idle = threading.Lock()
        self._closed = False
        with _our_errors():
            self._writer = self._open()
            if migrations is not None:
                _migrate(self._writer, migrations)

    shared = False  # a service's folder is held by one process

    @contextmanager
    def write(self, *, in_turn: bool = False) -> Iterator["SqliteCursor"]:
        """BEGIN IMMEDIATE … COMMIT; an exception rolls everything back."""
        with self._lock, _our_errors():
            cursor = self._writer.cursor(SqliteCursor)
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            finally:
                cursor.close()

    @contextmanager
    def read(self) -> Iterator["SqliteCursor"]:
        """A snapshot of what was committed when the first row is read; reads within a read share its snapshot."""
        outer: sqlite3.Connection | None = getattr(self._reading, "connection", None)
        if outer is not None:
            yield outer.cursor(SqliteCursor)
            return
        with _our_errors():
            connection = self._reading.connection = self._borrow()
            try:
                yield connection.cursor(SqliteCursor).execute("BEGIN")
            finally:
                self._reading.connection = None
                self._give_back(connection)

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file and empty it, so that what was deleted is nowhere on disk.

        While another process reads, the log is folded but not emptied.
        """
        with self._lock, _our_errors():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection; the last one to close folds the write-ahead log into the file."""
        with self._lock_of_idle:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._lock:
            self._writer.close()

    def _borrow(self) -> sqlite3.Connection:
        with self._lock_of_idle:
            if self._idle:
                return self._idle.pop()
        connection = self._open()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        connection.rollback()
        with self._lock_of_idle:
            if not self._closed and len(self._idle) < IDLE_READERS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S, cached_statements=256
        )
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA secure_delete = ON")
        return connection


class SqliteCursor(sqlite3.Cursor):
    """SQLite's cursor, whose errors are the store's."""

    def execute(self, sql: str, values: Any = (), /) -> Self:
        try:
            return super().execute(sql, values)
        except sqlite3.Error as error:
            raise ours(error) from error

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Self:
        try:
            return super().executemany(sql, rows)
        except sqlite3.Error as error:
            raise ours(error) from error

    def write_many(self, writes: Iterable[tuple[str, Sequence[Any]]], /) -> None:
        for sql, rows in writes:
            if rows:
                self.executemany(sql, rows)


def ours(error: sqlite3.Error) -> StoreError:
    """The store's error for SQLite's; SQLite names tables and columns, never values."""
    for theirs, kind in _ERRORS.items():
        if isinstance(error, theirs):
            return kind(error)
    return StoreError(error)


_ERRORS: dict[type[sqlite3.Error], type[StoreError]] = {
    sqlite3.IntegrityError: RowRefused,
    sqlite3.OperationalError: StoreUnavailable,
    sqlite3.ProgrammingError: StoreUnavailable,  # the database has been closed: SQL is tried before it gets here
}


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ours(error) from error


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """The mode stays in the file; changing it does not wait for a lock, so a fresh file may take a few tries."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Apply each migration once, in one transaction with its number; two processes starting together take turns."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise NewerSchema(version, len(migrations))
        for number, migration in enumerate(migrations[version:], start=version + 1):
            for statement in _statements(migration):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Split a script at the semicolons that end a statement (`executescript` would commit by itself)."""
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
