"""The key store in a database: data keys, secrets and signing keys wrapped by their tenant's wrap key, which is not.

Wrap keys hang on the ring, a database of its own, under a master key that is in neither. Rotating a tenant wraps
everything of it anew in one transaction and then takes the old wrap key off the ring: whatever copies there are of the
keys as they were, they open nothing. Nothing derives from a wrap key, so a rotation changes no secret and no tag.
"""

import base64
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime import keyring
from services.runtime.key_cache import KeyCache
from services.runtime.keyring import Keyring
from services.runtime.keys import DataKey, KeyDestroyed, KeyUnknown, SigningKey, SmallCipher
from services.runtime.keys_schema import DERIVED_BEFORE, MIGRATIONS
from services.runtime.rewrapping import secret_context, wrap_anew
from services.runtime.store.database import Cursor, Database
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.wrapping import SECRET_BYTES, DoesNotOpen, derive, master_key, unwrap, wrap

FRESH_FOR_S = 0.5  # a destroyed key may be used at most this long by another process
KEYS_CACHED_MAX = 16_384
KEYS_READY_MAX = 1024  # of those, set up: 2.5 KiB each
LOADED_WHEN_MADE_MAX = 500
TRIES_MAX = 10  # a read that a rotation overtakes is repeated

Kind = Literal["learner", "submission"]

_LOAD = """
SELECT d.id, d.wrapped, t.generation, (SELECT count FROM destroyed) FROM data_key d JOIN tenant t ON t.tenant = d.tenant
WHERE d.tenant = ? AND d.kind = ? AND d.subject = ?
"""
_LOAD_MANY = """
SELECT subject, id, wrapped, (SELECT count FROM destroyed) FROM data_key
WHERE tenant = ? AND kind = ? AND wrapped IS NOT NULL AND subject IN ({marks})
"""
_FIND_PURPOSE = """
SELECT s.purpose, s.wrapped, t.generation FROM tenant_secret s JOIN tenant t ON t.tenant = s.tenant
WHERE s.tenant = ? AND s.purpose = ?
"""
_FIND_SIGNING = """
SELECT s.id, s.sealed, t.generation FROM signing_key s JOIN tenant t ON t.tenant = s.tenant WHERE s.tenant = ?
"""
_PUT_KEY = "INSERT INTO data_key (tenant, kind, subject, id, wrapped) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_KEEP_PURPOSE = "INSERT INTO tenant_secret (tenant, purpose, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_PUT_SIGNING = "INSERT INTO signing_key (tenant, id, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DESTROY = "UPDATE data_key SET wrapped = NULL WHERE tenant = ? AND kind = ? AND subject = ?"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A tenant's wrap key of this generation wraps so many keys; the ones before it are destroyed."""

    tenant: str
    generation: int
    keys: int


class StoredKeys:
    """Keys in a database shared by the services' processes, their wrap keys on a ring, that one under a master key.

    With a seed every key is derived from it and repeats in an empty store: for the demo, never in production.
    """

    def __init__(
        self,
        database: Database,
        ring: Keyring,
        master: bytes,
        *,
        seed: str | None = None,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._master = AESGCM(master)
        self._database, self._ring = database, ring
        self._seed = None if seed is None else sha256(seed.encode()).digest()
        self._elapsed_s, self._checked_at = elapsed_s, elapsed_s()
        self._data_keys: KeyCache[tuple[str, Kind, UUID], DataKey] = KeyCache(
            KEYS_CACHED_MAX, DataKey.ready, KEYS_READY_MAX
        )
        self._tenants: set[str] = set()
        self._secrets: dict[tuple[str, str], bytes] = {}
        self._tenant_data_keys: dict[tuple[str, str], DataKey] = {}
        self._signing_keys: dict[str, SigningKey] = {}
        self._lock = Lock()

    def create_learner_keys(self, tenant: str, learners: Sequence[UUID]) -> None:
        self._create(tenant, "learner", learners)

    def learner_key(self, tenant: str, learner: UUID) -> DataKey:
        return self._data_key(tenant, "learner", learner)

    def create_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        self._create(tenant, "submission", ids)

    def submission_key(self, tenant: str, submission: UUID) -> DataKey:
        return self._data_key(tenant, "submission", submission)

    def destroy_learner_key(self, tenant: str, learner: UUID) -> None:
        self._destroy(tenant, "learner", [learner])

    def destroy_submission_key(self, tenant: str, submission: UUID) -> None:
        self._destroy(tenant, "submission", [submission])

    def destroy_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        self._destroy(tenant, "submission", ids)

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        found = self._secrets.get((tenant, purpose))
        if found is None:
            found = self._secrets[tenant, purpose] = self._secret(tenant, f"secret|{purpose}")
        return found

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        found = self._tenant_data_keys.get((tenant, purpose))
        if found is None:
            found = DataKey(f"tenant:{purpose}", AESGCM(self._secret(tenant, f"data|{purpose}")))
            self._tenant_data_keys[tenant, purpose] = found
        return found

    def signing_key(self, tenant: str) -> SigningKey:
        found = self._signing_keys.get(tenant)
        if found is None:
            found = self._signing_keys[tenant] = self._load_signing_key(tenant)
        return found

    def rotate_tenant_key(self, tenant: str) -> Rotated:
        """A new wrap key for all that is left of the tenant's keys, and the old one destroyed.

        A kill before the transaction leaves everything as it was; one after it, an old wrap key on the ring that the
        next rotation takes off. Other processes go on with what they hold, and load by the new wrap key. Raises
        KeyUnknown.
        """
        with self._database.read() as cursor:
            if cursor.execute("SELECT 1 FROM tenant WHERE tenant = ?", (tenant,)).fetchone() is None:
                raise KeyUnknown
        self._known(tenant)
        with self._database.write(in_turn=True) as cursor:
            generation, old = self._in_use(cursor, tenant)
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
                return bool(unwrap(self._master, row[0], f"tenant|{tenant}"))
            return row is not None and self._ring.cipher(tenant, row[1]) is not None
        except DoesNotOpen:
            return False

    def close(self) -> None:
        """Close both databases."""
        self._database.close()
        self._ring.close()

    def _create(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> None:
        self._known(tenant)
        made = []
        for subject in subjects:
            label = f"{tenant}|{kind}|{subject}"
            made.append((subject, f"{kind[0]}-{self._fresh('id|' + label)[:12].hex()}", self._fresh("key|" + label)))
        with self._database.write(in_turn=True) as cursor:
            _, cipher = self._in_use(cursor, tenant)
            rows = [(tenant, kind, subject.bytes, id_, wrap(cipher, key, id_)) for subject, id_, key in made]
            cursor.executemany(_PUT_KEY, rows)
            found = _rows_of(cursor, tenant, kind, subjects[:LOADED_WHEN_MADE_MAX])
        for named, key_id, wrapped, destroyed in found:  # what was made is used next: not read again one by one
            key = DataKey(key_id, SmallCipher(unwrap(cipher, wrapped, key_id)))
            self._data_keys.put((tenant, kind, UUID(bytes=named)), key, destroyed)

    def _data_key(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        now = self._elapsed_s()
        if now - self._checked_at >= FRESH_FOR_S:
            with self._database.read() as cursor:
                self._data_keys.seen(_destroyed(cursor))
            self._checked_at = now
        found = self._data_keys.get((tenant, kind, subject))
        return found if found is not None else self._load(tenant, kind, subject)

    def _load(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        self._known(tenant)
        row, cipher = self._look(tenant, _LOAD, (tenant, kind, subject.bytes))
        if row is None or cipher is None:
            raise KeyUnknown
        key_id, wrapped, _, destroyed = row
        if wrapped is None:
            raise KeyDestroyed
        key = DataKey(key_id, SmallCipher(unwrap(cipher, wrapped, key_id)))
        self._data_keys.put((tenant, kind, subject), key, destroyed)
        return key

    def _destroy(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> None:
        """The rows stay without their keys, so that their names cannot be given other ones."""
        if not subjects:
            return
        with self._database.write(in_turn=True) as cursor:
            cursor.executemany(_DESTROY, [(tenant, kind, subject.bytes) for subject in subjects])
            cursor.execute("UPDATE destroyed SET count = count + 1")
            destroyed = _destroyed(cursor)
        self._data_keys.seen(destroyed)
        self._database.checkpoint()

    def _secret(self, tenant: str, purpose: str) -> bytes:
        self._known(tenant)
        row, cipher = self._look(tenant, _FIND_PURPOSE, (tenant, purpose))
        if row is None or cipher is None:
            made = self._fresh_secret(tenant, purpose)
            with self._database.write(in_turn=True) as cursor:
                _, cipher = self._in_use(cursor, tenant)
                cursor.execute(_KEEP_PURPOSE, (tenant, purpose, wrap(cipher, made, secret_context(tenant, purpose))))
                row = cursor.execute(_FIND_PURPOSE, (tenant, purpose)).fetchone()
        return unwrap(cipher, row[1], secret_context(tenant, purpose))

    def _load_signing_key(self, tenant: str) -> SigningKey:
        self._known(tenant)
        context = f"signing|{tenant}"
        row, cipher = self._look(tenant, _FIND_SIGNING, (tenant,))
        if row is None or cipher is None:
            secret = self._fresh(context)
            with self._database.write(in_turn=True) as cursor:
                _, cipher = self._in_use(cursor, tenant)
                cursor.execute(_PUT_SIGNING, (tenant, _signing_key(secret).id, wrap(cipher, secret, context)))
                row = cursor.execute(_FIND_SIGNING, (tenant,)).fetchone()
        return _signing_key(unwrap(cipher, row[1], context))

    def _look(self, tenant: str, select: str, values: tuple[object, ...]) -> tuple[Any, AESGCM | None]:
        """A row and the wrap key of its generation, which is its third column."""
        for _ in range(TRIES_MAX):
            with self._database.read() as cursor:
                row = cursor.execute(select, values).fetchone()
            if row is None:
                return None, None
            cipher = self._ring.cipher(tenant, row[2])
            if cipher is not None:
                return row, cipher
        raise KeyDestroyed

    def _in_use(self, cursor: Cursor, tenant: str) -> tuple[int, AESGCM]:
        """The generation of the tenant's wrap key, in a transaction that holds off a rotation, and that key."""
        (generation,) = cursor.execute("SELECT generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
        cipher = self._ring.cipher(tenant, generation)
        if cipher is None:
            raise KeyDestroyed
        return generation, cipher

    def _known(self, tenant: str) -> None:
        """The tenant has a wrap key on the ring: made now when it is new, hung there when it lay beside its keys."""
        if tenant in self._tenants:
            return
        with self._database.read() as cursor:
            row = cursor.execute("SELECT generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
        if row is None or row[0] == 0:
            self._admit(tenant)
        self._tenants.add(tenant)

    def _admit(self, tenant: str) -> None:
        with self._database.write(in_turn=True) as cursor:
            row = cursor.execute("SELECT wrapped, generation FROM tenant WHERE tenant = ?", (tenant,)).fetchone()
            if row is None:
                self._ring.put(tenant, 1, self._fresh(f"tenant|{tenant}"))
                cursor.execute("INSERT INTO tenant (tenant, wrapped, generation) VALUES (?, ?, 1)", (tenant, b""))
            elif row[1] == 0:
                self._hang(cursor, tenant, unwrap(self._master, row[0], f"tenant|{tenant}"))
        self._database.checkpoint()

    def _hang(self, cursor: Cursor, tenant: str, secret: bytes) -> None:
        """What was derived from the wrap key when it lay here is kept as it is: tags and journals rest on it."""
        cipher = self._ring.put(tenant, 1, secret)
        kept = [(purpose, derive(secret, purpose)) for purpose in DERIVED_BEFORE]
        rows = [(tenant, purpose, wrap(cipher, each, secret_context(tenant, purpose))) for purpose, each in kept]
        cursor.executemany(_KEEP_PURPOSE, rows)
        cursor.execute("UPDATE tenant SET wrapped = ?, generation = 1 WHERE tenant = ?", (b"", tenant))

    def _fresh(self, label: str) -> bytes:
        return os.urandom(SECRET_BYTES) if self._seed is None else derive(self._seed, label)

    def _fresh_secret(self, tenant: str, purpose: str) -> bytes:
        """Of a seeded store it is what it was when it derived from the tenant's key: the demo's bytes rest on it."""
        return os.urandom(SECRET_BYTES) if self._seed is None else derive(self._fresh(f"tenant|{tenant}"), purpose)


class SqliteKeyStore(StoredKeys):
    """`keys.db`, `ring.db` and `master.key` in one folder, shared by three processes."""

    def __init__(
        self, folder: Path, *, seed: str | None = None, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        master = master_key(folder / "master.key")
        ring = Keyring(SqliteDatabase(folder / "ring.db", keyring.MIGRATIONS), master)
        super().__init__(SqliteDatabase(folder / "keys.db", MIGRATIONS), ring, master, seed=seed, elapsed_s=elapsed_s)


def _rows_of(cursor: Cursor, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> list[tuple[bytes, str, bytes, int]]:
    """Those that have a key, be it from before."""
    sql, wanted = _LOAD_MANY.format(marks=",".join("?" * len(subjects))), [subject.bytes for subject in subjects]
    return cursor.execute(sql, (tenant, kind, *wanted)).fetchall() if wanted else []


def _destroyed(cursor: Cursor) -> int:
    return int(cursor.execute("SELECT count FROM destroyed").fetchone()[0])


def _signing_key(secret: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    fingerprint = sha256(private.public_key().public_bytes_raw()).digest()[:12]
    return SigningKey("ed25519-" + base64.urlsafe_b64encode(fingerprint).decode(), private)
