"""How keys are kept: wrapped by another key (AES-256-GCM), derived (HKDF-SHA-256), the outermost one in a file."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.runtime.randomness import random_bytes
from services.runtime.store.database import Database

NONCE_BYTES = 12
SECRET_BYTES = 32


class DoesNotOpen(Exception):
    """The blob was changed, moved, or sealed under another key."""


def derive(secret: bytes, info: str) -> bytes:
    """32 bytes that follow from the secret and this purpose."""
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=b"wayproof|" + info.encode()).derive(secret)


def wrap(cipher: AESGCM, secret: bytes, context: str) -> bytes:
    """The secret under another key, bound to its place."""
    nonce = random_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, context.encode())


def unwrap(cipher: AESGCM, wrapped: bytes, context: str) -> bytes:
    """What `wrap` put away; raises DoesNotOpen."""
    try:
        return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise DoesNotOpen("a wrapped key") from None


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
