"""Keys as the services use them: a data key for each learner and submission, secrets of a tenant's, a signing key.

Ingest creates and seals; the other services open. Destroying a data key makes everything sealed under it
unreadable in every process within a second, and it never comes back under the same name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.randomness import random_bytes
from services.runtime.refusals import Refusal
from services.runtime.wrapping import NONCE_BYTES, DoesNotOpen

__all__ = [
    "Cipher",
    "DataKey",
    "DoesNotOpen",
    "KeyDestroyed",
    "KeyStore",
    "KeyUnknown",
    "SigningKey",
    "SmallCipher",
]

SEALED_FORMAT = b"\x01"


class KeyDestroyed(Refusal):
    """What was asked for has been erased: its key is destroyed."""

    status: ClassVar[int] = 410


class KeyUnknown(Refusal):
    """Nobody by this id is known here."""

    status: ClassVar[int] = 404


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
        nonce = random_bytes(NONCE_BYTES)
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

    def load_learner_keys(self, learners: Iterable[tuple[str, UUID]]) -> None:
        """Read together the keys of many, each with its tenant, that are about to be asked for one by one.

        Whoever has none, or no longer, is passed over, and said when asked for. What is destroyed afterwards opens as
        little as if it had been asked for at this moment.
        """

    def create_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        """As for learners; one call may carry a whole group commit."""

    def submission_key(self, tenant: str, submission: UUID) -> DataKey:
        """Raises KeyDestroyed or KeyUnknown."""

    def destroy_learner_key(self, tenant: str, learner: UUID) -> None:
        """What was sealed under it opens nowhere within a second; safe to repeat."""

    def destroy_submission_key(self, tenant: str, submission: UUID) -> None:
        """As for a learner."""

    def destroy_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        """Many at once; one that never was is passed over."""

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        """32 bytes that are always the same for this tenant and purpose."""

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        """For what is the tenant's and no person's."""

    def signing_key(self, tenant: str) -> SigningKey:
        """The key the tenant signs credentials with, made on first use."""
