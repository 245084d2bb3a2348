"""The ring: each tenant's wrap key, by generation, kept apart from everything that it wraps.

It is a store of its own, so that a back-up of the keys need not hold it: once a generation is taken off the ring,
what was wrapped by it opens nowhere, in whatever copy it lies.
"""

from threading import Lock

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.store.database import Database
from services.runtime.wrapping import unwrap, wrap

MIGRATIONS = (
    """
    CREATE TABLE wrap_key (
        tenant TEXT NOT NULL, generation INTEGER NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (tenant, generation)
    ) STRICT, WITHOUT ROWID;
    """,
)

_FIND = "SELECT wrapped FROM wrap_key WHERE tenant = ? AND generation = ?"
_PUT = "INSERT INTO wrap_key (tenant, generation, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class Keyring:
    """Wrap keys under the master key; the one in use of each tenant is remembered."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database, self._master = database, AESGCM(master)
        self._known: dict[str, tuple[int, AESGCM]] = {}
        self._lock = Lock()

    def cipher(self, tenant: str, generation: int) -> AESGCM | None:
        """The wrap key, ready for use; None when it has been destroyed, or was never made."""
        with self._lock:
            known = self._known.get(tenant)
        if known is not None and known[0] == generation:
            return known[1]
        with self._database.read() as cursor:
            row = cursor.execute(_FIND, (tenant, generation)).fetchone()
        return None if row is None else self._remember(tenant, generation, row[0])

    def put(self, tenant: str, generation: int, secret: bytes) -> AESGCM:
        """The wrap key of this generation, durable: the one made here, unless it has one already."""
        with self._database.write() as cursor:
            cursor.execute(_PUT, (tenant, generation, wrap(self._master, secret, _context(tenant, generation))))
        found = self.cipher(tenant, generation)
        assert found is not None, "only a key that is no longer used is destroyed"
        return found

    def destroy_before(self, tenant: str, generation: int) -> None:
        """Take off the ring what wrapped the tenant's keys before this generation; safe to repeat."""
        with self._database.write() as cursor:
            cursor.execute("DELETE FROM wrap_key WHERE tenant = ? AND generation < ?", (tenant, generation))
        self._database.checkpoint()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _remember(self, tenant: str, generation: int, wrapped: bytes) -> AESGCM:
        cipher = AESGCM(unwrap(self._master, wrapped, _context(tenant, generation)))
        with self._lock:
            known = self._known.get(tenant)
            if known is None or known[0] < generation:
                self._known[tenant] = generation, cipher
        return cipher


def _context(tenant: str, generation: int) -> str:
    return f"wrap|{tenant}|{generation}"
