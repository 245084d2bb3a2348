"""Gates: whether there is enough evidence, from enough places, and what is short."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.rules import Gate

FIELDS = {"pathway": "pathway", "assessor": "assessor", "organisation": "assessor_organisation"}


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a gate: how many there are of how many wanted."""

    kind: str  # count, distinct or require
    of: str
    have: int
    want: int

    @property
    def passed(self) -> bool:
        """As many as wanted are enough: two required are satisfied by two."""
        return self.have >= self.want

    @property
    def why(self) -> str:
        """The shortest words for what is short."""
        return f"{self.of}s" if self.kind == "distinct" else f"{self.of.replace('_', '-')} {self.have}/{self.want}"


def checks(gate: Gate, qualified: Sequence[EvidenceRecorded]) -> list[Check]:
    """Every condition, over the evidence that counts for the gate."""
    found = [Check("count", "count", len(qualified), gate.count)] if gate.count else []
    found += [
        Check("distinct", what, len({getattr(evidence, FIELDS[what]) for evidence in qualified}), want)
        for what, want in gate.distinct
    ]
    found += [
        Check("require", pathway, sum(evidence.pathway == pathway for evidence in qualified), want)
        for pathway, want in gate.require
    ]
    return found
