"""Settling: the thresholds one fact crosses, over exactly the nodes it can move. Between facts every node is settled.

What the passing of time brings about up to the fact's instant comes first, under its own cause: see `passing`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.mastery.domain.applying import in_force
from services.mastery.domain.crossing import Occasion, crossing
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.facts import EVIDENCE, EvidenceRecorded, EvidenceWithdrawn, Fact
from services.mastery.domain.known import Known
from services.mastery.domain.rules import CompiledPolicy, Rules
from services.mastery.domain.shelving import Shelving
from services.mastery.domain.standings import NEVER, Standing, standing_after
from services.mastery.domain.thresholds import Cause, Threshold

Standings = Mapping[tuple[str, str], Standing]
Applied = Mapping[str, CompiledPolicy]


@dataclass(slots=True)
class Settlement:
    """The thresholds found so far, and where the nodes they moved stand."""

    learner: UUID
    standings: Standings
    moved: dict[tuple[str, str], Standing] = field(default_factory=dict)
    thresholds: list[Threshold] = field(default_factory=list)

    def standing(self, policy: str, node: str) -> Standing:
        """Where a node stands, counting what was found here."""
        return self.moved.get((policy, node)) or self.standings.get((policy, node), NEVER)

    def add(self, threshold: Threshold) -> None:
        """A node moved."""
        self.thresholds.append(threshold)
        self.moved[threshold.policy, threshold.node] = standing_after(threshold)


def settle(settlement: Settlement, shelving: Shelving, fact: Fact, rules: Rules) -> None:
    """What a fact crosses where time has passed up to its instant; what is reckoned is kept on the shelves."""
    before, foreseen = shelving.known(), shelving.after(fact)
    after = foreseen.known
    judging = shelving.judging_at(rules, after.as_of)
    if after.adoptions is not before.adoptions or after.enrolments is not before.enrolments:
        occasion = Occasion.of("policy", fact, after.as_of)
        settle_newly(settlement, after, judging, in_force(after, rules, after.as_of), occasion)
    elif isinstance(fact, EVIDENCE):
        competencies, occasion = sorted(foreseen.touched), Occasion.of(cause_of(fact), fact, after.as_of)
        for policy in judging.values():
            was, now = Reckoning(before, policy, after.as_of), Reckoning(after, policy, after.as_of)
            _settle_touched(settlement, shelving, was, now, competencies, occasion)


def cause_of(fact: EvidenceRecorded | EvidenceWithdrawn) -> Cause:
    """What follows from a threshold is graded by this."""
    if isinstance(fact, EvidenceWithdrawn):
        return "retraction" if fact.moved_to is None else "merge"
    if fact.moved_from is not None:
        return "merge"
    return "evidence" if fact.revises is None else "correction"


def _settle_touched(
    settlement: Settlement,
    shelving: Shelving,
    was: Reckoning,
    now: Reckoning,
    competencies: list[str],
    occasion: Occasion,
) -> None:
    """The competencies a piece of evidence touches, and the requirements above those it moves."""
    policy = now.policy
    touched = [competency for competency in competencies if competency in policy.codes]
    codes = [policy.codes[competency] for competency in touched]
    moved = [code for code in codes if _moves_requirements(was, now, code)]
    settle_codes(settlement, now, codes, occasion, _above(policy, moved) if moved else ())
    until = shelving.settled.get(policy.digest)
    if until is not None:  # time may move what was just judged sooner than all else
        for competency in touched:
            until = min(until, now.holds_until(competency))
        shelving.settled[policy.digest] = until


def settle_newly(settlement: Settlement, known: Known, judged: Applied, judging: Applied, occasion: Occasion) -> None:
    """All nodes of the policies that did not judge before."""
    for name, policy in judging.items():
        if policy.digest != (judged[name].digest if name in judged else None):
            settle_codes(
                settlement, Reckoning(known, policy, occasion.as_of), policy.plans, occasion, policy.requirements
            )


def settle_codes(
    settlement: Settlement,
    reckoning: Reckoning,
    codes: Collection[str],
    occasion: Occasion,
    requirements: Iterable[str] | None = None,
) -> None:
    """These competencies, and the requirements said or else those above them."""
    policy = reckoning.policy
    for code in codes:
        _cross(settlement, reckoning, code, reckoning.determination(code).result == "met", occasion)
    for name in _above(policy, codes) if requirements is None else requirements:
        _cross(settlement, reckoning, name, reckoning.requirement(name) == "met", occasion)


def _moves_requirements(was: Reckoning, now: Reckoning, code: str) -> bool:
    """Requirements read results, and marks of their own of the value: while those stay, every requirement stays."""
    old, new = was.determination(code), now.determination(code)
    if old.result != new.result:
        return True
    if code not in now.policy.marked:
        return False
    return old.compared != new.compared or bool(old.short) != bool(new.short)


def _above(policy: CompiledPolicy, codes: Collection[str]) -> Iterator[str]:
    if len(codes) == 1:
        yield from policy.above[next(iter(codes))]
    elif codes:
        resting = {name for code in codes for name in policy.above[code]}
        yield from (name for name in policy.requirements if name in resting)


def _cross(settlement: Settlement, reckoning: Reckoning, node: str, met: bool, occasion: Occasion) -> None:
    standing = settlement.standing(reckoning.policy.id, node)
    if standing.met != met:
        settlement.add(crossing(settlement.learner, reckoning, node, standing, met, occasion))
