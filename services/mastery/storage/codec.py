"""The events of mastery's own making, by topic; evidence is kept as ingest sealed it."""

from services.mastery.domain.facts import PolicyAdopted
from services.mastery.domain.thresholds import LevelLost, LevelReached, RequirementLapsed, RequirementMet
from services.mastery.storage.journal import PolicyApplied
from services.runtime.store.codec import Codec

OWN_EVENTS = (PolicyAdopted, PolicyApplied, LevelReached, LevelLost, RequirementMet, RequirementLapsed)


def mastery_codec() -> Codec:
    """The table of topics."""
    return Codec(OWN_EVENTS)
