"""What is a tenant's and no person's, made when it is asked for: secrets, data keys by purpose, and its signing key."""

import base64
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.fresh_keys import FreshKeys
from services.runtime.keys import DataKey, SigningKey
from services.runtime.rewrapping import secret_context
from services.runtime.store.database import Database
from services.runtime.tenant_wrapping import KEEP_PURPOSE, TenantWrapping
from services.runtime.wrapping import unwrap, wrap

_FIND_PURPOSE = """
SELECT s.purpose, s.wrapped, t.generation FROM tenant_secret s JOIN tenant t ON t.tenant = s.tenant
WHERE s.tenant = ? AND s.purpose = ?
"""
_FIND_SIGNING = """
SELECT s.id, s.sealed, t.generation FROM signing_key s JOIN tenant t ON t.tenant = s.tenant WHERE s.tenant = ?
"""
_PUT_SIGNING = "INSERT INTO signing_key (tenant, id, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class TenantSecrets:
    """Each is read once and remembered: they are few, and never destroyed."""

    def __init__(self, database: Database, wrapping: TenantWrapping, fresh: FreshKeys) -> None:
        self._database, self._wrapping, self._fresh = database, wrapping, fresh
        self._secrets: dict[tuple[str, str], bytes] = {}
        self._data_keys: dict[tuple[str, str], DataKey] = {}
        self._signing_keys: dict[str, SigningKey] = {}

    def secret(self, tenant: str, purpose: str) -> bytes:
        """32 bytes for this purpose."""
        found = self._secrets.get((tenant, purpose))
        if found is None:
            found = self._secrets[tenant, purpose] = self._load(tenant, f"secret|{purpose}")
        return found

    def data_key(self, tenant: str, purpose: str) -> DataKey:
        """A key to seal with."""
        found = self._data_keys.get((tenant, purpose))
        if found is None:
            found = DataKey(f"tenant:{purpose}", AESGCM(self._load(tenant, f"data|{purpose}")))
            self._data_keys[tenant, purpose] = found
        return found

    def signing_key(self, tenant: str) -> SigningKey:
        """The key the tenant signs with."""
        found = self._signing_keys.get(tenant)
        if found is None:
            found = self._signing_keys[tenant] = self._load_signing_key(tenant)
        return found

    def _load(self, tenant: str, purpose: str) -> bytes:
        self._wrapping.know(tenant)
        context = secret_context(tenant, purpose)
        row, cipher = self._wrapping.look(tenant, _FIND_PURPOSE, (tenant, purpose))
        if row is None or cipher is None:
            made = self._fresh.tenant_secret(tenant, purpose)
            with self._database.write(in_turn=True) as cursor:
                _, cipher = self._wrapping.in_use(cursor, tenant)
                cursor.execute(KEEP_PURPOSE, (tenant, purpose, wrap(cipher, made, context)))
                row = cursor.execute(_FIND_PURPOSE, (tenant, purpose)).fetchone()
        return unwrap(cipher, row[1], context)

    def _load_signing_key(self, tenant: str) -> SigningKey:
        self._wrapping.know(tenant)
        context = f"signing|{tenant}"
        row, cipher = self._wrapping.look(tenant, _FIND_SIGNING, (tenant,))
        if row is None or cipher is None:
            secret = self._fresh.secret(context)
            with self._database.write(in_turn=True) as cursor:
                _, cipher = self._wrapping.in_use(cursor, tenant)
                cursor.execute(_PUT_SIGNING, (tenant, _signing_key(secret).id, wrap(cipher, secret, context)))
                row = cursor.execute(_FIND_SIGNING, (tenant,)).fetchone()
        return _signing_key(unwrap(cipher, row[1], context))


def _signing_key(secret: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    fingerprint = sha256(private.public_key().public_bytes_raw()).digest()[:12]
    return SigningKey("ed25519-" + base64.urlsafe_b64encode(fingerprint).decode(), private)
