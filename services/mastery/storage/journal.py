"""The partition's journal: what happened to a whole partition and to no learner in particular."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyApplied:
    """From this place in the partition's history on, the activation is in force for what is recorded after it."""

    TOPIC: ClassVar = "mastery.policy-applied.v1"
    control_seq: int
    policy: str
    version: int
    digest: str
    effective_from: datetime
    organisation: str | None = None
    cohorts: tuple[str, ...] = ()
    recorded_at: datetime


@lru_cache(maxsize=4096)
def journal_stream(tenant: str, partition: int) -> UUID:
    """The stream of a tenant's journal in one partition; no learner has such an id."""
    return uuid5(NAMESPACE_URL, f"urn:wayproof:mastery:journal:{tenant}:{partition}")


@lru_cache(maxsize=4096)
def journal_streams(tenant: str, partitions: int) -> frozenset[UUID]:
    """The streams of a tenant's journals in every partition."""
    return frozenset(journal_stream(tenant, partition) for partition in range(partitions))
