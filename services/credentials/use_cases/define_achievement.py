"""Define an achievement, or a new version of one; those who meet its requirement already are swept up."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from services.credentials.domain.achievement import (
    Achievement,
    DefineAchievement,
    Definition,
    RequirementCannotChange,
    decide,
    evolve,
)
from services.credentials.formats.open_badge import specimen
from services.credentials.signing.errors import NotSignable
from services.credentials.signing.quads import to_quads
from services.credentials.storage.partitions import Partitions
from services.credentials.use_cases.refusals import AchievementNotSignable, AchievementUnknown, RequirementFixed
from services.credentials.use_cases.work import Tools
from services.runtime.clock import Clock
from services.runtime.store.port import Append, Batch, PartitionStore

MEMBERS = {"/criteria/id": "/criteria_url", "/criteria/narrative": "/criteria", "/image/id": "/image"}


def stream_of(tenant: str, achievement: str) -> UUID:
    """Where an achievement's versions are recorded."""
    return uuid5(NAMESPACE_URL, f"urn:wayproof:achievement:{tenant}:{achievement}")


def digest_of(content: object) -> str:
    """Names a definition by what it says; definitions say nothing of a person."""
    return "sha256:" + hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Defined:
    """A definition, its version, and whether it is new."""

    definition: Definition
    version: int
    new: bool


class DefineAchievements:
    """The catalogue of one deployment's achievements, a stream each."""

    def __init__(self, tools: Tools, partitions: Partitions, clock: Clock, wake_sweep: Callable[[], None]) -> None:
        self._tools = tools
        self._partitions = partitions
        self._clock = clock
        self._wake_sweep = wake_sweep

    def define(self, tenant: str, definition: Definition, by: str) -> Defined:
        """Record the definition unless it is the one in force; the same again changes nothing."""
        self._check_signable(tenant, definition)
        partition = self._partitions.of_catalogue(tenant)
        defined = self._partitions.deciding(partition, lambda store: self._define(store, tenant, definition, by))
        self._wake_sweep()
        return defined

    def latest(self, tenant: str, achievement: str) -> Defined:
        """The definition in force."""
        found = self._tools.achievements.latest(tenant, achievement)
        if found is None:
            raise AchievementUnknown
        return Defined(found[0], found[1], new=False)

    def _check_signable(self, tenant: str, definition: Definition) -> None:
        """Refuse now what no credential could say later."""
        try:
            to_quads(specimen(definition, self._tools.signer.issuer(tenant)))
        except NotSignable as fault:
            member = fault.pointer.removeprefix("/credentialSubject/achievement")
            raise AchievementNotSignable(fault.code, pointer=MEMBERS.get(member, member)) from None

    def _define(self, store: PartitionStore, tenant: str, definition: Definition, by: str) -> Defined:
        stream, now = stream_of(tenant, definition.id), self._clock.now()
        recorded = [one.event for one in store.stream(stream)]
        achievement = reduce(evolve, recorded, Achievement())  # type: ignore[arg-type]
        try:
            events = decide(DefineAchievement(definition, by, now), achievement)
        except RequirementCannotChange:
            raise RequirementFixed(pointer="/requirement") from None
        for event in events:
            achievement = evolve(achievement, event)
            row = self._tools.achievements.defined(tenant, definition, achievement.version, len(self._partitions), now)
            batch = Batch([Append(tenant, stream, event, now)], rows=[row], expected={stream: len(recorded)})
            store.commit(batch)
        return Defined(definition, achievement.version, new=bool(events))
