"""Ports of the simulated world: time that is stepped, ids and keys that follow from a seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.keys import DataKey, KeyUnknown, SigningKey

SPACE = UUID("5f1d0c5e-0000-4000-8000-000000000000")


@dataclass
class Time:
    """The world's time, and how far each service's clock is off."""

    at: datetime = datetime(2026, 9, 7, 9, tzinfo=UTC)
    passed_s: float = 0.0
    off: dict[str, timedelta] = field(default_factory=dict)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.passed_s += seconds

    def elapsed_s(self) -> float:
        """What a monotonic clock would say."""
        return self.passed_s


@dataclass(frozen=True)
class Clock:
    """One service's clock."""

    time: Time
    service: str

    def now(self) -> datetime:
        return self.time.at + self.time.off.get(self.service, timedelta())


class Ids:
    """Ids in an order fixed by the seed; they go on where they were when a service starts again."""

    def __init__(self, seed: str) -> None:
        self._space, self._count = uuid5(SPACE, seed), 0

    def new(self) -> UUID:
        self._count += 1
        return uuid5(self._space, str(self._count))


class Keys:
    """A key store that outlives every service, as a file does; whoever knows an id can make the key from it."""

    def __init__(self) -> None:
        self.made: set[tuple[str, str, UUID]] = set()
        self._ciphers: dict[str, DataKey] = {}

    def create_learner_keys(self, tenant: str, learners: Sequence[UUID]) -> None:
        self.made |= {("learner", tenant, learner) for learner in learners}

    def learner_key(self, tenant: str, learner: UUID) -> DataKey:
        return self._made("learner", tenant, learner)

    def load_learner_keys(self, learners: Iterable[tuple[str, UUID]]) -> None:
        """They are in memory as it is."""

    def create_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        self.made |= {("submission", tenant, id_) for id_ in ids}

    def submission_key(self, tenant: str, submission: UUID) -> DataKey:
        return self._made("submission", tenant, submission)

    def destroy_learner_key(self, tenant: str, learner: UUID) -> None:
        raise AssertionError("nobody is erased here")

    def destroy_submission_key(self, tenant: str, submission: UUID) -> None:
        raise AssertionError("nothing is erased here")

    def destroy_submission_keys(self, tenant: str, ids: Sequence[UUID]) -> None:
        raise AssertionError("nothing is erased here")

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        return secret_of("secret", tenant, purpose)

    def tenant_data_key(self, tenant: str, purpose: str) -> DataKey:
        return self._key(f"tenant|{tenant}|{purpose}")

    def signing_key(self, tenant: str) -> SigningKey:
        return SigningKey("key-1", Ed25519PrivateKey.from_private_bytes(secret_of("signing", tenant)))

    def _made(self, kind: str, tenant: str, subject: UUID) -> DataKey:
        if (kind, tenant, subject) not in self.made:
            raise KeyUnknown
        return self._key(f"{kind}|{tenant}|{subject}")

    def _key(self, name: str) -> DataKey:
        if name not in self._ciphers:
            self._ciphers[name] = DataKey(f"k-{sha256(name.encode()).hexdigest()[:12]}", AESGCM(secret_of(name)))
        return self._ciphers[name]


def secret_of(*names: str) -> bytes:
    """32 bytes that follow from the names."""
    return sha256("\0".join(names).encode()).digest()
