"""Keys as they are made: 32 bytes by chance, or from a seed by what they are for, so that they repeat."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from services.runtime.randomness import random_bytes
from services.runtime.wrapping import SECRET_BYTES, derive

NAME_BYTES = 12


@dataclass(frozen=True, slots=True)
class FreshKeys:
    """With a seed every key is derived from it and repeats in an empty store: for the demo, never in production."""

    seed: str | None = None

    def secret(self, label: str) -> bytes:
        """A new key; `label` says what for, and matters to a seeded one alone."""
        return os.urandom(SECRET_BYTES) if self.seed is None else derive(sha256(self.seed.encode()).digest(), label)

    def secrets(self, labels: Sequence[str]) -> list[bytes]:
        """Keys that are made together: each call to the operating system lets go of the interpreter."""
        if self.seed is not None:
            return [self.secret(label) for label in labels]
        page = os.urandom(SECRET_BYTES * len(labels))
        return [page[begin : begin + SECRET_BYTES] for begin in range(0, len(page), SECRET_BYTES)]

    def name(self, label: str) -> str:
        """What a key is known by, in clear: 12 bytes in hexadecimal digits."""
        return (random_bytes(NAME_BYTES) if self.seed is None else self.secret(label)[:NAME_BYTES]).hex()

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        """A seeded one is what it was when it derived from the tenant's key: the demo's bytes rest on it."""
        if self.seed is None:
            return os.urandom(SECRET_BYTES)
        return derive(self.secret(wrap_label(tenant)), purpose)


def wrap_label(tenant: str) -> str:
    """Of a tenant's first wrap key."""
    return f"tenant|{tenant}"
