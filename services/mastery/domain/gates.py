"""Gates: whether there is enough evidence, from enough places, and what is short."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.rules import Gate

Scored = tuple[EvidenceRecorded, int]  # with its points as a scaled integer
FIELDS = {"pathway": "pathway", "assessor": "assessor", "organisation": "assessor_organisation"}


@dataclass(slots=True, unsafe_hash=True)
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


@dataclass(slots=True)
class Gauge:
    """What a gate has seen so far of the evidence that is good enough for it."""

    gate: Gate
    count: int = 0
    distinct: dict[str, set[str]] = field(default_factory=dict)
    pathways: dict[str, int] = field(default_factory=dict)

    def take(self, counted: Iterable[Scored]) -> "Gauge":
        """More evidence that was counted."""
        gate, floor = self.gate, self.gate.at_least
        for evidence, points in counted:
            if floor is not None and points < floor:
                continue
            self.count += 1
            if gate.require:
                self.pathways[evidence.pathway] = self.pathways.get(evidence.pathway, 0) + 1
            for what, _ in gate.distinct:
                self.distinct.setdefault(what, set()).add(getattr(evidence, FIELDS[what]))
        return self

    def checks(self) -> list[Check]:
        """Every condition, over the evidence so far."""
        gate = self.gate
        found = [Check("count", "count", self.count, gate.count)] if gate.count else []
        found += [Check("distinct", what, len(self.distinct.get(what, ())), want) for what, want in gate.distinct]
        found += [Check("require", pathway, self.pathways.get(pathway, 0), want) for pathway, want in gate.require]
        return found
