"""The key store in a database: data keys, secrets and signing keys wrapped by their tenant's wrap key, which is not.

Wrap keys hang on the ring, a database of its own, under a master key that is in neither (`tenant_wrapping.py`).
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime import keyring
from services.runtime.fresh_keys import FreshKeys
from services.runtime.key_cache import KeyCache
from services.runtime.keyring import Keyring
from services.runtime.keys import DataKey, KeyDestroyed, KeyUnknown, SigningKey, SmallCipher
from services.runtime.keys_schema import MIGRATIONS
from services.runtime.store.database import Cursor, Database
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.tenant_secrets import TenantSecrets
from services.runtime.tenant_wrapping import Rotated, TenantWrapping
from services.runtime.wrapping import DoesNotOpen, master_key, unwrap, wrap

__all__ = ["Rotated", "SqliteKeyStore", "StoredKeys"]

FRESH_FOR_S = 0.5  # a destroyed key may be used at most this long by another process
KEYS_CACHED_MAX = 16_384
KEYS_READY_MAX = 1024  # of those, set up: 2.5 KiB each
KEPT_WHEN_MADE_MAX = 500
LOADED_AT_ONCE_MAX = 500
LOADED_AT_ONCE_MIN = 4  # PostgreSQL may look through all of a tenant's keys for many, before it has counted them

Kind = Literal["learner", "submission"]
Made = tuple[UUID, str, bytes]  # whose, the key's id, the key
LoadedRow = tuple[str, bytes, int, int, bytes]

_LOADED = """
SELECT d.id, d.wrapped, t.generation, (SELECT count FROM destroyed), d.subject
FROM data_key d JOIN tenant t ON t.tenant = d.tenant WHERE d.tenant = ? AND d.kind = ? AND d.subject
"""
_STORED = "SELECT id FROM data_key WHERE wrapped IS NOT NULL AND id IN ({marks})"
_PUT_KEY = "INSERT INTO data_key (tenant, kind, subject, id, wrapped) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DESTROY = "UPDATE data_key SET wrapped = NULL WHERE tenant = ? AND kind = ? AND subject = ?"


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
        fresh = FreshKeys(seed)
        self._database, self._ring, self._fresh = database, ring, fresh
        self._wrapping = TenantWrapping(database, ring, master, fresh)
        self._of_tenants = TenantSecrets(database, self._wrapping, fresh)
        self._elapsed_s, self._checked_at = elapsed_s, elapsed_s()
        self._data_keys: KeyCache[tuple[str, Kind, UUID], DataKey] = KeyCache(
            KEYS_CACHED_MAX, DataKey.ready, KEYS_READY_MAX
        )

    def create_learner_keys(self, tenant: str, learners: Sequence[UUID]) -> None:
        self._create(tenant, "learner", learners)

    def learner_key(self, tenant: str, learner: UUID) -> DataKey:
        return self._data_key(tenant, "learner", learner)

    def load_learner_keys(self, learners: Iterable[tuple[str, UUID]]) -> None:
        named: list[tuple[str, Kind, UUID]] = [(tenant, "learner", learner) for tenant, learner in learners]
        by_tenant: defaultdict[str, list[UUID]] = defaultdict(list)
        for tenant, _, learner in self._data_keys.missing(named):
            by_tenant[tenant].append(learner)
        for tenant, wanted in by_tenant.items():
            if len(wanted) >= LOADED_AT_ONCE_MIN:
                for start in range(0, len(wanted), LOADED_AT_ONCE_MAX):
                    self._load_many(tenant, "learner", wanted[start : start + LOADED_AT_ONCE_MAX])

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
        return self._of_tenants.secret(tenant, purpose)

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        return self._of_tenants.data_key(tenant, purpose)

    def signing_key(self, tenant: str) -> SigningKey:
        return self._of_tenants.signing_key(tenant)

    def rotate_tenant_key(self, tenant: str) -> Rotated:
        """Everything of the tenant under a new wrap key, and the old one destroyed. Raises KeyUnknown."""
        return self._wrapping.rotate(tenant)

    def opens(self, tenant: str) -> bool:
        """Whether the tenant's wrap key is there, and under this master key; nothing is made or written."""
        return self._wrapping.opens(tenant)

    def close(self) -> None:
        """Close both databases."""
        self._database.close()
        self._ring.close()

    def _create(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> None:
        self._wrapping.know(tenant)
        made, destroyed = self._fresh_keys(tenant, kind, subjects), self._data_keys.destroyed
        with self._database.write(in_turn=True) as cursor:
            _, cipher = self._wrapping.in_use(cursor, tenant)
            rows = [(tenant, kind, subject.bytes, id_, wrap(cipher, secret, id_)) for subject, id_, secret in made]
            written = cursor.executemany(_PUT_KEY, rows).rowcount
            kept = made[:KEPT_WHEN_MADE_MAX]
            if written < len(made):
                kept = _stored(cursor, kept)
        for subject, id_, secret in kept:  # what was made is used next: not read again
            self._data_keys.put((tenant, kind, subject), DataKey(id_, SmallCipher(secret)), destroyed)

    def _fresh_keys(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> list[Made]:
        labels = [f"{tenant}|{kind}|{subject}" for subject in subjects]
        names = [f"{kind[0]}-{self._fresh.name('id|' + label)}" for label in labels]
        secrets = self._fresh.secrets(["key|" + label for label in labels])
        return list(zip(subjects, names, secrets, strict=True))

    def _data_key(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        now = self._elapsed_s()
        if now - self._checked_at >= FRESH_FOR_S:
            with self._database.read() as cursor:
                self._data_keys.seen(_destroyed(cursor))
            self._checked_at = now
        found = self._data_keys.get((tenant, kind, subject))
        return found if found is not None else self._load(tenant, kind, subject)

    def _load(self, tenant: str, kind: Kind, subject: UUID) -> DataKey:
        self._wrapping.know(tenant)
        row, cipher = self._wrapping.look(tenant, f"{_LOADED} = ?", (tenant, kind, subject.bytes))
        if row is None or cipher is None:
            raise KeyUnknown
        if row[1] is None:
            raise KeyDestroyed
        return self._keep(tenant, kind, row, cipher)

    def _load_many(self, tenant: str, kind: Kind, subjects: Sequence[UUID]) -> None:
        """Those that open; what is the matter with any other is said when that one is asked for."""
        with suppress(KeyDestroyed, DoesNotOpen):  # the tenant's own wrap key
            select = f"{_LOADED} IN ({','.join('?' * len(subjects))})"
            values = (tenant, kind, *(subject.bytes for subject in subjects))
            rows, cipher = self._wrapping.look_at_all(tenant, select, values)
            for row in rows:
                if row[1] is not None and cipher is not None:
                    with suppress(DoesNotOpen):
                        self._keep(tenant, kind, row, cipher)

    def _keep(self, tenant: str, kind: Kind, row: LoadedRow, cipher: AESGCM) -> DataKey:
        key_id, wrapped, _, destroyed, subject = row
        key = DataKey(key_id, SmallCipher(unwrap(cipher, wrapped, key_id)))
        self._data_keys.put((tenant, kind, UUID(bytes=subject)), key, destroyed)
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


class SqliteKeyStore(StoredKeys):
    """`keys.db`, `ring.db` and `master.key` in one folder, shared by three processes."""

    def __init__(
        self, folder: Path, *, seed: str | None = None, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        master = master_key(folder / "master.key")
        ring = Keyring(SqliteDatabase(folder / "ring.db", keyring.MIGRATIONS), master)
        super().__init__(SqliteDatabase(folder / "keys.db", MIGRATIONS), ring, master, seed=seed, elapsed_s=elapsed_s)


def _stored(cursor: Cursor, made: Sequence[Made]) -> list[Made]:
    """Those that were written; the others have a key from before, or had one. Looked for by what is theirs alone."""
    sql = _STORED.format(marks=",".join("?" * len(made)))
    stored = {row[0] for row in cursor.execute(sql, [id_ for _, id_, _ in made]).fetchall()} if made else set()
    return [each for each in made if each[1] in stored]


def _destroyed(cursor: Cursor) -> int:
    return int(cursor.execute("SELECT count FROM destroyed").fetchone()[0])
