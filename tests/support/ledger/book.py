"""What was sent, what was answered, and whether what mastery holds agrees: lost, doubled, out of order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Piece:
    """One piece of evidence as the test read it from the bytes it sent."""

    record: str
    learner: str
    competency: str
    value: Fraction | None
    at: str


@dataclass
class Answer:
    """What the services said of one piece over all its deliveries."""

    piece: Piece
    outcomes: list[str] = field(default_factory=list)
    evidence: set[str] = field(default_factory=set)


@dataclass
class Findings:
    """What the checker found; all empty is a pass."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    contradictory: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.lost, self.doubled, self.strangers, self.disordered, self.contradictory))


class Ledger:
    """Pieces in the order they were first acknowledged, by learner."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.order: dict[str, list[str]] = defaultdict(list)

    def answered(self, piece: Piece, outcome: str, evidence: str | None) -> None:
        """Note one delivery's outcome; a delivery without an answer is not noted at all."""
        answer = self.answers.setdefault(piece.record, Answer(piece))
        answer.outcomes.append(outcome)
        if evidence is None or evidence in answer.evidence:
            return
        answer.evidence.add(evidence)
        self.order[piece.learner].append(evidence)

    def outcomes(self) -> Counter[str]:
        """How often each outcome was given, over all deliveries."""
        return Counter(outcome for answer in self.answers.values() for outcome in answer.outcomes)

    def pieces(self) -> Iterable[Piece]:
        """Every piece that was acknowledged as evidence."""
        return (answer.piece for answer in self.answers.values() if answer.evidence)

    def check(self, histories: Mapping[str, list[str]]) -> Findings:
        """Hold evidence ids by learner, in mastery's order, against what was acknowledged."""
        found = Findings()
        for record, answer in self.answers.items():
            if len(answer.evidence) > 1:
                found.contradictory.append(record)
        for learner, acknowledged in self.order.items():
            held = histories.get(learner, [])
            counts = Counter(held)
            found.lost += [evidence for evidence in acknowledged if evidence not in counts]
            found.doubled += [evidence for evidence, count in counts.items() if count > 1]
            known = set(acknowledged)
            found.strangers += [evidence for evidence in held if evidence not in known]
            kept = [evidence for evidence in held if evidence in known]
            if kept != [evidence for evidence in acknowledged if evidence in counts]:
                found.disordered.append(learner)
        return found
