"""Keys as they are made: 32 bytes by chance, or from a seed by what they are for, so that they repeat."""

import os
from dataclasses import dataclass
from hashlib import sha256

from services.runtime.wrapping import SECRET_BYTES, derive


@dataclass(frozen=True, slots=True)
class FreshKeys:
    """With a seed every key is derived from it and repeats in an empty store: for the demo, never in production."""

    seed: str | None = None

    def secret(self, label: str) -> bytes:
        """A new key; `label` says what for, and matters to a seeded one alone."""
        return os.urandom(SECRET_BYTES) if self.seed is None else derive(sha256(self.seed.encode()).digest(), label)

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        """A seeded one is what it was when it derived from the tenant's key: the demo's bytes rest on it."""
        if self.seed is None:
            return os.urandom(SECRET_BYTES)
        return derive(self.secret(wrap_label(tenant)), purpose)


def wrap_label(tenant: str) -> str:
    """Of a tenant's first wrap key."""
    return f"tenant|{tenant}"
