"""One schema of a PostgreSQL database: a writing connection behind a lock, readers with snapshots, commits settled."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader
from psycopg.types.string import StrDumperUnknown

from services.runtime.store.database import CommitUnknown, StoreError, StoreUnavailable
from services.runtime.store.postgres_arrays import register, without_nul
from services.runtime.store.postgres_cursor import PostgresCursor, Tables, our_errors, ours
from services.runtime.store.postgres_schema import check_version
from services.runtime.store.row_security import RUNTIME
from services.runtime.tenancy import Seen, seen

Connection = psycopg.Connection[TupleRow]

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 10
IDLE_TIMEOUT_S = 60  # a process that stands still in a transaction loses it, and its locks
SETTLE_S = 10.0  # how long it is asked what became of a commit whose reply was lost
SETTLE_PAUSE_S = 0.1
IDLE_READERS_MAX = 8
READERS_MAX = 16
PREPARED_MAX = 400

READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))"
NAME = "SELECT pg_current_xact_id()::text"


class PostgresDatabase:
    """Every commit is durable when `write` returns; one whose reply was lost is asked after before anybody is told.

    The schema is made by `migrate`; here it is checked, or without migrations taken as it is. Writers of this process
    take turns, as on SQLite; other processes write beside it, each under its fences.
    """

    shared = True

    def __init__(
        self, url: str, schema: str, migrations: Sequence[str] | None, *, stall_s: float | None = None
    ) -> None:
        self.schema, self._stall_s = schema, stall_s
        self._url = url
        self._tables = Tables()
        self._lock = threading.Lock()
        self._writer: Connection | None = None
        self._reading = threading.local()
        self._readers = threading.BoundedSemaphore(READERS_MAX)
        self._idle: list[Connection] = []
        self._lock_of_idle = threading.Lock()
        self._closed = False
        if migrations is not None:
            with self.read() as cursor:
                check_version(cursor, schema, len(migrations))

    @contextmanager
    def write(self, *, in_turn: bool = False) -> Iterator[PostgresCursor]:
        """BEGIN … COMMIT on the one writing connection; an exception rolls everything back."""
        with self._lock:
            sees = seen()
            said = (WRITING, *_to_be_seen(sees), *[TAKE_TURN] * in_turn, NAME)
            connection, transaction = self._begin("; ".join(said))
            try:
                yield PostgresCursor(connection.cursor(binary=True), self._tables, sees_all=bool(sees.every))
            except BaseException as error:
                self._roll_back(connection)
                raise (ours(error) if isinstance(error, psycopg.Error) else error) from None
            self._commit(connection, transaction)

    @contextmanager
    def read(self) -> Iterator[PostgresCursor]:
        """A snapshot of what was committed when the first row is read; reads within a read share its snapshot.

        Unless they may see other rows: then they are another transaction.
        """
        outer: tuple[Connection, Seen] | None = getattr(self._reading, "held", None)
        if outer is not None and outer[1] == seen():
            yield PostgresCursor(outer[0].cursor(binary=True), self._tables)
            return
        place = self._readers if outer is None else nullcontext()  # whoever holds a place does not wait for another
        with place, our_errors():
            connection = self._borrow()
            self._reading.held = (connection, seen())
            try:
                yield PostgresCursor(connection.cursor(binary=True), self._tables)
            finally:
                self._reading.held = outer
                self._give_back(connection)

    def checkpoint(self) -> None:
        """PostgreSQL reuses deleted rows' space by itself, in its own time; nothing to hurry here."""

    def close(self) -> None:
        """Close every connection."""
        with self._lock_of_idle:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        with self._lock:
            self._forget_writer()

    def _begin(self, statements: str) -> tuple[Connection, str]:
        """The connection in a transaction that has a name; a connection lost while idle is replaced once."""
        if self._closed:
            raise StoreUnavailable("closed")
        for last in (False, True):
            try:
                connection = self._writer = self._writer or self._open(self._stall_s)
                cursor = connection.execute(statements, prepare=False)
                while cursor.nextset():  # the last of them names the transaction
                    continue
                row = cursor.fetchone()
                assert row is not None
                return connection, row[0]
            except psycopg.Error as error:
                self._forget_writer()
                if last:
                    raise ours(error) from None
        raise AssertionError("one of two tries returns or raises")

    def _commit(self, connection: Connection, transaction: str) -> None:
        try:
            said = connection.execute("COMMIT", prepare=False).statusmessage
        except psycopg.Error as error:
            if not connection.broken:
                self._roll_back(connection)
                raise ours(error) from None
            self._forget_writer()
            self._settle(transaction)
            return
        if said != "COMMIT":  # an error within was caught by somebody, and the transaction went on as if it were alive
            raise StoreError("rolled back: a statement within had failed")

    def _settle(self, transaction: str) -> None:
        """What became of the transaction whose reply was lost; while nobody can say, that is an error of its own."""
        give_up_at = time.monotonic() + SETTLE_S
        while time.monotonic() < give_up_at:
            with suppress(psycopg.Error):
                self._writer = self._writer or self._open(self._stall_s)
                row = self._writer.execute("SELECT pg_xact_status(%s::xid8)", (transaction,)).fetchone()
                if row == ("committed",):
                    return
                if row == ("aborted",):
                    raise StoreUnavailable("the connection was lost before the commit")
                if row == (None,):
                    break  # too long ago for the server to remember
            if self._writer is not None and self._writer.broken:
                self._forget_writer()
            time.sleep(SETTLE_PAUSE_S)
        raise CommitUnknown("the connection was lost during the commit, and what became of it could not be learnt")

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.execute("ROLLBACK", prepare=False)
        except psycopg.Error:
            self._forget_writer()

    def _forget_writer(self) -> None:
        if self._writer is not None:
            with suppress(psycopg.Error):
                self._writer.close()
        self._writer = None

    def _borrow(self) -> Connection:
        """A reading connection in a transaction; those that were lost while idle are let go."""
        begin = "; ".join((READING, *_to_be_seen(seen())))
        while True:
            with self._lock_of_idle:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._open()
                connection.execute(begin, prepare=False)
                return connection
            try:
                connection.execute(begin, prepare=False)
                return connection
            except psycopg.OperationalError:
                connection.close()

    def _give_back(self, connection: Connection) -> None:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK", prepare=False)
            with self._lock_of_idle:
                if not self._closed and not connection.closed and len(self._idle) < IDLE_READERS_MAX:
                    self._idle.append(connection)
                    return
        connection.close()

    def _open(self, stall_s: float | None = None) -> Connection:
        return connect(self._url, self.schema, stall_s)


@lru_cache(maxsize=1024)
def _to_be_seen(seen: Seen) -> tuple[str, str]:
    """What this transaction may see, and no other after it."""
    tenants, every = (sql.Literal(text).as_string() for text in (",".join(seen.tenants), seen.every))
    return f"SET LOCAL app.tenants = {tenants}", f"SET LOCAL app.every = {every}"


class _TextDumper(StrDumperUnknown):
    """PostgreSQL's text cannot hold NUL, and SQLite's can: it is kept as the symbol for it."""

    def dump(self, obj: str) -> psycopg.abc.Buffer | None:
        return super().dump(without_nul(obj))


class _WholeNumberLoader(NumericBinaryLoader):
    """A sum of our integers is an integer, though PostgreSQL calls it numeric."""

    def load(self, data: psycopg.abc.Buffer) -> int:  # type: ignore[override]
        return int(super().load(data))


def connect(url: str, schema: str, stall_s: float | None = None) -> Connection:
    """A connection that sees one schema, waits for no lock for long, and commits to disk.

    One that stands still in a transaction for `stall_s` is ended, so that what it holds can be had by others.
    """
    stall_ms = int((stall_s or IDLE_TIMEOUT_S) * 1000)
    options = (
        f"-c role={RUNTIME} -c search_path={schema} -c lock_timeout={LOCK_TIMEOUT_S}s"
        f" -c idle_in_transaction_session_timeout={stall_ms}"
    )
    said = conninfo_to_dict(url)
    connection = psycopg.connect(
        url,
        autocommit=True,
        options=f"{said.get('options') or ''} {options}".strip(),
        connect_timeout=CONNECT_TIMEOUT_S,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=15_000,
        application_name=f"wayproof {schema}",
    )
    connection.prepare_threshold = 2
    connection.prepared_max = PREPARED_MAX
    connection.adapters.register_dumper(str, _TextDumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)  # one type for every integer, one prepared statement
    register(connection)
    connection.adapters.register_loader("numeric", _WholeNumberLoader)
    return connection
