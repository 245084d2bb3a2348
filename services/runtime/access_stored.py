"""The access register in a database: for services on several machines, read again when it has changed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime.access_register import Entries, Entry, Register
from services.runtime.clock import Clock
from services.runtime.store.database import Cursor, Database, StoreUnavailable
from services.runtime.telemetry import get_logger
from services.runtime.tenancy import every_tenant

log = get_logger(__name__)

WORK = "access register"
TRUSTED_FOR_S = 8.0  # what was read is gone by while the database is away: less than a revocation may take

MIGRATIONS = (
    """
    CREATE TABLE access_key (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE access_changed (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
    INSERT INTO access_changed (one, count) VALUES (1, 0);
    """,
)

_PUT = """
INSERT INTO access_key (id, tenant, entry) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET entry = excluded.entry
"""


class StoredRegister(Register):
    """As the file: digests of secrets only. When the database is away, callers are told to come again, not refused."""

    looked_again_after_s = 0.05  # however many strangers knock

    def __init__(self, database: Database, clock: Clock, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock, elapsed_s)
        self._database = database
        self._seen_at = float("-inf")

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _stamp(self) -> object:
        try:
            with every_tenant(WORK), self._database.read() as cursor:
                (count,) = cursor.execute("SELECT count FROM access_changed").fetchone()
        except StoreUnavailable:
            if self._elapsed_s() - self._seen_at > TRUSTED_FOR_S:
                raise
            return self._stamped
        self._seen_at = self._elapsed_s()
        return count

    def _read(self) -> Entries:
        with every_tenant(WORK), self._database.read() as cursor:
            return _entries(cursor)

    @contextmanager
    def _edited(self) -> Iterator[tuple[Entries, Callable[[Entry], None]]]:
        with every_tenant(WORK), self._database.write() as cursor:
            cursor.execute("UPDATE access_changed SET count = count + 1")  # also what makes two edits take turns

            def keep(entry: Entry) -> None:
                cursor.execute(_PUT, (entry.id, entry.tenant, entry.model_dump_json(exclude_none=True)))

            yield _entries(cursor), keep


def _entries(cursor: Cursor) -> Entries:
    rows = cursor.execute("SELECT entry FROM access_key ORDER BY id").fetchall()
    return Entries(keys=tuple(Entry.model_validate_json(text) for (text,) in rows))
