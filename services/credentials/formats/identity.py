"""Whom a credential is about, as an Open Badges IdentityObject: a salted hash of a pseudonym only the tenant can make.

The pseudonym is an HMAC of the learner under a tenant secret, so nobody can guess it; whoever is told it (by the
learner, through the tenant) can check that a credential is theirs. The salt differs by award, so two credentials
of one learner cannot be joined by a stranger.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Identity:
    """The hashed identity and its salt."""

    digest: str
    salt: str

    def as_json(self) -> dict[str, object]:
        """The IdentityObject; `hashed` says the identity is not in clear."""
        return {
            "type": "IdentityObject",
            "hashed": True,
            "identityHash": self.digest,
            "identityType": "systemId",
            "salt": self.salt,
        }


def pseudonym(secret: bytes, learner: UUID) -> str:
    """What is hashed: the learner as this tenant's verifiers know it."""
    return _tag(secret, "learner", learner)


def identity(secret: bytes, learner: UUID, award: UUID) -> Identity:
    """`sha256$` and the hex digest of identity followed by salt, as Open Badges 3.0 has it."""
    salt = _tag(secret, "salt", award)[:32]
    hashed = hashlib.sha256((pseudonym(secret, learner) + salt).encode()).hexdigest()
    return Identity(f"sha256${hashed}", salt)


def _tag(secret: bytes, purpose: str, subject: UUID) -> str:
    return hmac.digest(secret, f"{purpose}|{subject}".encode(), hashlib.sha256).hex()
