"""Where a node of a policy stands: in or out of met, and for the how-manieth time it went in."""

from dataclasses import dataclass

from services.mastery.domain.thresholds import Crossing, LevelReached, RequirementMet


@dataclass(slots=True, unsafe_hash=True)
class Standing:
    """Met or not, and the ordinal of the latest entry into met."""

    met: bool = False
    cycle: int = 0


NEVER = Standing()


def standing_after(event: Crossing) -> Standing:
    """The standing a threshold event leaves behind."""
    return Standing(isinstance(event, LevelReached | RequirementMet), event.cycle)
