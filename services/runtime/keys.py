"""The key store: a data key for each learner and submission, wrapped by its tenant's key, wrapped by a master key.

Ingest creates and seals; the other services open. Destroying a data key makes everything sealed under it
unreadable in every process within a second, and it never comes back under the same name.
"""

import base64
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import ClassVar, Literal, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.runtime.key_cache import KeyCache
from services.runtime.refusals import Refusal
from services.runtime.store.database import Cursor, Database
from services.runtime.store.sqlite import SqliteDatabase

SEALED_FORMAT = b"\x01"
NONCE_BYTES = 12
SECRET_BYTES = 32
FRESH_FOR_S = 0.5  # a destroyed key may be used at most this long by another process
KEYS_CACHED_MAX = 16_384
KEYS_READY_MAX = 1024  # of those, set up: 2.5 KiB each

Kind = Literal["learner", "submission"]

MIGRATIONS = (
    """
    CREATE TABLE tenant (tenant TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE data_key (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, subject BLOB NOT NULL, id TEXT NOT NULL UNIQUE, wrapped BLOB,
        PRIMARY KEY (tenant, kind, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE signing_key (tenant TEXT PRIMARY KEY, id TEXT NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE destroyed (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
    INSERT INTO destroyed (one, count) VALUES (1, 0);
    """,
)


_LOAD = """
SELECT id, wrapped, (SELECT count FROM destroyed) FROM data_key WHERE tenant = ? AND kind = ? AND subject = ?
"""


class KeyDestroyed(Refusal):
    """What was asked for has been erased: its key is destroyed."""

    status: ClassVar[int] = 410


class KeyUnknown(Refusal):
    """Nobody by this id is known here."""

    status: ClassVar[int] = 404


class DoesNotOpen(Exception):
    """The blob was changed, moved, or sealed under another key."""


class Cipher(Protocol):
    """Authenticated encryption with one key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SmallCipher:
    """AES-256-GCM that holds its key and no more: ready for use it takes 2.5 KiB, and thousands of them are kept."""

    _secret: bytes = field(repr=False)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return AESGCM(self._secret).encrypt(nonce, data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return AESGCM(self._secret).decrypt(nonce, data, associated_data)

    def ready(self) -> Cipher:
        """Set up once: for whoever has much to open and lets it go."""
        return AESGCM(self._secret)


@dataclass(frozen=True, slots=True)
class DataKey:
    """An AES-256-GCM key; what it seals opens only with the same context."""

    id: str
    _cipher: Cipher = field(repr=False, compare=False)

    def ready(self) -> "DataKey":
        """The same key set up for thousands of blobs at a time; not to be kept."""
        return DataKey(self.id, self._cipher.ready()) if isinstance(self._cipher, SmallCipher) else self

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """0x01, a random nonce of 12 bytes, the ciphertext and its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return SEALED_FORMAT + nonce + self._cipher.encrypt(nonce, plain, context)

    def open(self, blob: bytes, context: bytes) -> bytes:
        """The plain bytes; anything changed, moved or of another format raises DoesNotOpen."""
        if blob[:1] != SEALED_FORMAT or len(blob) <= NONCE_BYTES:
            raise DoesNotOpen("format")
        try:
            return self._cipher.decrypt(blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :], context)
        except InvalidTag:
            raise DoesNotOpen("tag") from None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A tenant's Ed25519 key and the name its signatures carry."""

    id: str
    private: Ed25519PrivateKey = field(repr=False, compare=False)


class KeyStore(Protocol):
    """What the services ask of keys, whoever keeps them."""

    def create_learner_keys(self, tenant: str, learners: Sequence[UUID]) -> None:
        """Durable on return; a learner that has a key, or had one, is left alone."""

    def learner_key(self, tenant: str, learner: UUID) -> DataKey:
        """Raises KeyDestroyed or KeyUnknown."""

    def create_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        """As for learners; one call may carry a whole group commit."""

    def submission_key(self, tenant: str, submission: UUID) -> DataKey:
        """Raises KeyDestroyed or KeyUnknown."""

    def destroy_learner_key(self, tenant: str, learner: UUID) -> None:
        """What was sealed under it opens nowhere within a second; safe to repeat."""

    def destroy_submission_key(self, tenant: str, submission: UUID) -> None:
        """As for a learner."""

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        """32 bytes that are always the same for this tenant and purpose."""

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        """For what is the tenant's and no person's."""

    def signing_key(self, tenant: str) -> SigningKey:
        """The key the tenant signs credentials with, made on first use."""


class StoredKeys:
    """Keys in a database shared by the services' processes, wrapped by a master key that is not in it.

    With a seed every key is derived from it and repeats in an empty store: for the demo, never in production.
    """

    def __init__(
        self,
        database: Database,
        master: bytes,
        *,
        seed: str | None = None,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._master = AESGCM(master)
        self._database = database
        self._seed = None if seed is None else sha256(seed.encode()).digest()
        self._elapsed_s, self._checked_at = elapsed_s, elapsed_s()
        self._data_keys: KeyCache[tuple[str, Kind, UUID], DataKey] = KeyCache(
            KEYS_CACHED_MAX, DataKey.ready, KEYS_READY_MAX
        )
        self._tenants: dict[str, tuple[bytes, AESGCM]] = {}
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
        self._destroy(tenant, "learner", learner)

    def destroy_submission_key(self, tenant: str, submission: UUID) -> None:
        self._destroy(tenant, "submission", submission)

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        found = self._secrets.get((tenant, purpose))
        if found is None:
            found = self._secrets[tenant, purpose] = _derive(self._tenant(tenant)[0], f"secret|{purpose}")
        return found

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        found = self._tenant_data_keys.get((tenant, purpose))
        if found is None:
            found = DataKey(f"tenant:{purpose}", AESGCM(_derive(self._tenant(tenant)[0], f"data|{purpose}")))
            self._tenant_data_keys[tenant, purpose] = found
        return found

    def signing_key(self, tenant: str) -> SigningKey:
        found = self._signing_keys.get(tenant)
        if found is None:
            found = self._signing_keys[tenant] = self._load_signing_key(tenant)
        return found

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _create(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> None:
        _, cipher = self._tenant(tenant)
        rows = []
        for subject in subjects:
            label = f"{tenant}|{kind}|{subject}"
            key_id = f"{kind[0]}-{self._fresh('id|' + label)[:12].hex()}"
            rows.append((tenant, kind, subject.bytes, key_id, _wrap(cipher, self._fresh("key|" + label), key_id)))
        with self._database.write() as cursor:
            cursor.executemany("INSERT INTO data_key VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)

    def _data_key(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        now = self._elapsed_s()
        if now - self._checked_at >= FRESH_FOR_S:
            with self._database.read() as cursor:
                self._data_keys.seen(_destroyed(cursor))
            self._checked_at = now
        found = self._data_keys.get((tenant, kind, subject))
        return found if found is not None else self._load(tenant, kind, subject)

    def _load(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        _, cipher = self._tenant(tenant)
        with self._database.read() as cursor:
            row = cursor.execute(_LOAD, (tenant, kind, subject.bytes)).fetchone()
        if row is None:
            raise KeyUnknown
        key_id, wrapped, destroyed = row
        if wrapped is None:
            raise KeyDestroyed
        key = DataKey(key_id, SmallCipher(_unwrap(cipher, wrapped, key_id)))
        self._data_keys.put((tenant, kind, subject), key, destroyed)
        return key

    def _destroy(self, tenant: str, kind: Kind, subject: UUID) -> None:
        """The row stays without its key, so that the name cannot be given another one."""
        with self._database.write() as cursor:
            cursor.execute(
                "UPDATE data_key SET wrapped = NULL WHERE tenant = ? AND kind = ? AND subject = ?",
                (tenant, kind, subject.bytes),
            )
            cursor.execute("UPDATE destroyed SET count = count + 1")
            destroyed = _destroyed(cursor)
        self._data_keys.seen(destroyed)
        self._database.checkpoint()

    def _tenant(self, tenant: str) -> tuple[bytes, AESGCM]:
        found = self._tenants.get(tenant)
        if found is None:
            secret = self._load_tenant(tenant)
            found = self._tenants[tenant] = (secret, AESGCM(secret))
        return found

    def _load_tenant(self, tenant: str) -> bytes:
        context = f"tenant|{tenant}"
        made = (tenant, _wrap(self._master, self._fresh(context), context))
        (wrapped,) = self._first("tenant", "wrapped", tenant, made)
        return _unwrap(self._master, wrapped, context)

    def _load_signing_key(self, tenant: str) -> SigningKey:
        context, secret = f"signing|{tenant}", self._fresh(f"signing|{tenant}")
        _, cipher = self._tenant(tenant)
        made = (tenant, _signing_key(secret).id, _wrap(cipher, secret, context))
        (sealed,) = self._first("signing_key", "sealed", tenant, made)
        return _signing_key(_unwrap(cipher, sealed, context))

    def _first(self, table: str, column: str, tenant: str, made: tuple[object, ...]) -> tuple[bytes]:
        """The tenant's row, which is the one made here when it has none and nobody else is quicker."""
        select = f"SELECT {column} FROM {table} WHERE tenant = ?"  # noqa: S608 - names of ours
        with self._database.read() as cursor:
            row: tuple[bytes] | None = cursor.execute(select, (tenant,)).fetchone()
        if row is None:
            marks = ",".join("?" * len(made))
            with self._database.write() as cursor:
                cursor.execute(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", made)  # noqa: S608
                row = cursor.execute(select, (tenant,)).fetchone()
        assert row is not None
        return row

    def _fresh(self, label: str) -> bytes:
        return os.urandom(SECRET_BYTES) if self._seed is None else _derive(self._seed, label)


class SqliteKeyStore(StoredKeys):
    """`keys.db` beside `master.key` in one folder, shared by three processes."""

    def __init__(
        self, folder: Path, *, seed: str | None = None, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        master = master_key(folder / "master.key")
        super().__init__(SqliteDatabase(folder / "keys.db", MIGRATIONS), master, seed=seed, elapsed_s=elapsed_s)


def _destroyed(cursor: Cursor) -> int:
    return int(cursor.execute("SELECT count FROM destroyed").fetchone()[0])


def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=b"wayproof|" + info.encode()).derive(secret)


def _wrap(cipher: AESGCM, secret: bytes, context: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, context.encode())


def _unwrap(cipher: AESGCM, wrapped: bytes, context: str) -> bytes:
    try:
        return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise DoesNotOpen("a wrapped key") from None


def _signing_key(secret: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    fingerprint = sha256(private.public_key().public_bytes_raw()).digest()[:12]
    return SigningKey("ed25519-" + base64.urlsafe_b64encode(fingerprint).decode(), private)


def master_key(path: Path, database: Database | None = None) -> bytes:
    """Read it, or make it: written beside and linked, so that of three processes starting together one wins.

    For a database elsewhere that holds keys already none is made: it would open none of them.
    """
    if not path.exists():
        if database is not None and _holds_keys(database):
            raise SystemExit(f"keys: {path} is missing, and a new one would open none of the keys that are there")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    return path.read_bytes()


def _holds_keys(database: Database) -> bool:
    with database.read() as cursor:
        return cursor.execute("SELECT 1 FROM tenant LIMIT 1").fetchone() is not None
