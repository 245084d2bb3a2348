"""Which wrap key a tenant's keys are under: made when the tenant is new, found by its generation, rotated.

Rotating a tenant wraps everything of it anew in one transaction and then takes the old wrap key off the ring: whatever
copies there are of the keys as they were, they open nothing. Nothing derives from a wrap key, so a rotation changes no
secret and no tag.
"""

import os
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.fresh_keys import FreshKeys, wrap_label
from services.runtime.keyring import Keyring
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.keys_schema import DERIVED_BEFORE
from services.runtime.rewrapping import secret_context, wrap_anew
from services.runtime.store.database import Cursor, Database
from services.runtime.wrapping import SECRET_BYTES, DoesNotOpen, derive, unwrap, wrap

TRIES_MAX = 10  # a read that a rotation overtakes is repeated

KEEP_PURPOSE = "INSERT INTO tenant_secret (tenant, purpose, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A tenant's wrap key of this generation wraps so many keys; the ones before it are destroyed."""

    tenant: str
    generation: int
    keys: int


class TenantWrapping:
    """The tenants of a key store, and the wrap key of each on the ring."""

    def __init__(self, database: Database, ring: Keyring, master: bytes, fresh: FreshKeys) -> None:
        self._database, self._ring, self._master, self._fresh = database, ring, AESGCM(master), fresh
        self._known: set[str] = set()

    def know(self, tenant: str) -> None:
        """The tenant has a wrap key on the ring: made now when it is new, hung there when it lay beside its keys."""
        if tenant in self._known:
            return
        with self._database.read() as cursor:
            row = cursor.execute("SELECT generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
        if row is None or row[0] == 0:
            self._admit(tenant)
        self._known.add(tenant)

    def in_use(self, cursor: Cursor, tenant: str) -> tuple[int, AESGCM]:
        """The generation of the tenant's wrap key, in a transaction that holds off a rotation, and that key."""
        (generation,) = cursor.execute("SELECT generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
        cipher = self._ring.cipher(tenant, generation)
        if cipher is None:
            raise KeyDestroyed
        return generation, cipher

    def look(self, tenant: str, select: str, values: tuple[object, ...]) -> tuple[Any, AESGCM | None]:
        """A row and the wrap key of its generation, which is its third column."""
        rows, cipher = self.look_at_all(tenant, select, values)
        return (rows[0] if rows else None), cipher

    def look_at_all(self, tenant: str, select: str, values: tuple[object, ...]) -> tuple[list[Any], AESGCM | None]:
        """The tenant's rows, all read at one moment, and the wrap key of their generation, their third column."""
        for _ in range(TRIES_MAX):
            with self._database.read() as cursor:
                rows = cursor.execute(select, values).fetchall()
            if not rows:
                return [], None
            cipher = self._ring.cipher(tenant, rows[0][2])
            if cipher is not None:
                return rows, cipher
        raise KeyDestroyed

    def rotate(self, tenant: str) -> Rotated:
        """A new wrap key for all that is left of the tenant's keys, and the old one destroyed.

        A kill before the transaction leaves everything as it was; one after it, an old wrap key on the ring that the
        next rotation takes off. Other processes go on with what they hold, and load by the new wrap key. Raises
        KeyUnknown.
        """
        with self._database.read() as cursor:
            if cursor.execute("SELECT 1 FROM tenant WHERE tenant = ?", (tenant,)).fetchone() is None:
                raise KeyUnknown
        self.know(tenant)
        with self._database.write(in_turn=True) as cursor:
            generation, old = self.in_use(cursor, tenant)
            new = self._ring.put(tenant, generation + 1, os.urandom(SECRET_BYTES))
            count = wrap_anew(cursor, tenant, old, new)
            cursor.execute("UPDATE tenant SET generation = ? WHERE tenant = ?", (generation + 1, tenant))
        self._ring.destroy_before(tenant, generation + 1)
        self._database.checkpoint()
        return Rotated(tenant, generation + 1, count)

    def opens(self, tenant: str) -> bool:
        """Whether the tenant's wrap key is there, and under this master key; nothing is made or written."""
        with self._database.read() as cursor:
            row = cursor.execute("SELECT wrapped, generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
        try:
            if row and row[1] == 0:
                return bool(unwrap(self._master, row[0], wrap_label(tenant)))
            return row is not None and self._ring.cipher(tenant, row[1]) is not None
        except DoesNotOpen:
            return False

    def _admit(self, tenant: str) -> None:
        with self._database.write(in_turn=True) as cursor:
            row = cursor.execute("SELECT wrapped, generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
            if row is None:
                self._ring.put(tenant, 1, self._fresh.secret(wrap_label(tenant)))
                cursor.execute("INSERT INTO tenant (tenant, wrapped, generation) VALUES (?, ?, 1)", (tenant, b""))
            elif row[1] == 0:
                self._hang(cursor, tenant, unwrap(self._master, row[0], wrap_label(tenant)))
        self._database.checkpoint()

    def _hang(self, cursor: Cursor, tenant: str, secret: bytes) -> None:
        """What was derived from the wrap key when it lay here is kept as it is: tags and journals rest on it."""
        cipher = self._ring.put(tenant, 1, secret)
        kept = [(purpose, derive(secret, purpose)) for purpose in DERIVED_BEFORE]
        rows = [(tenant, purpose, wrap(cipher, each, secret_context(tenant, purpose))) for purpose, each in kept]
        cursor.executemany(KEEP_PURPOSE, rows)
        cursor.execute("UPDATE tenant SET wrapped = ?, generation = 1 WHERE tenant = ?", (b"", tenant))
