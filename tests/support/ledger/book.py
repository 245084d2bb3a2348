"""What was sent, what was answered, and whether what mastery holds agrees: lost, doubled, out of order."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Piece:
    """One piece of evidence as the test read it from the bytes it sent; `at` sorts as text."""

    record: str
    learner: str
    competency: str
    value: Fraction | None
    at: str


@dataclass(frozen=True)
class Held:
    """One piece as mastery's history shows it."""

    record: str
    evidence: str


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
        self.order: dict[str, list[Piece]] = defaultdict(list)

    def answered(self, piece: Piece, outcome: str, evidence: str | None = None) -> None:
        """Note one delivery's outcome; a delivery without an answer is not noted at all.

        A `duplicate` may be the first that was heard of a piece: the answer to its first delivery was lost.
        """
        answer = self.answers.get(piece.record)
        if answer is None:
            answer = self.answers[piece.record] = Answer(piece)
            self.order[piece.learner].append(piece)
        assert answer.piece == piece, f"two pieces under record {piece.record}"
        answer.outcomes.append(outcome)
        if evidence is not None:
            answer.evidence.add(evidence)

    def learned(self, record: str, evidence: str) -> None:
        """A receipt, read later, names the evidence of a piece that was answered."""
        self.answers[record].evidence.add(evidence)

    def outcomes(self) -> Counter[str]:
        """How often each outcome was given, over all deliveries."""
        return Counter(outcome for answer in self.answers.values() for outcome in answer.outcomes)

    def check(self, histories: Mapping[str, Sequence[Held]]) -> Findings:
        """Hold what mastery has of every learner, in its order, against what was acknowledged."""
        found = Findings()
        for learner in self.order.keys() | histories.keys():
            self._check_learner(learner, histories.get(learner, ()), found)
        return found

    def _check_learner(self, learner: str, held: Sequence[Held], found: Findings) -> None:
        acknowledged = [piece.record for piece in self.order.get(learner, ())]
        counts = Counter(each.record for each in held)
        known = set(acknowledged)
        found.lost += [record for record in acknowledged if record not in counts]
        found.doubled += [record for record, count in counts.items() if count > 1]
        found.strangers += [record for record in counts if record not in known]
        kept = [record for record in counts if record in known]  # a Counter keeps the order of first sight
        if kept != [record for record in acknowledged if record in counts]:
            found.disordered.append(learner)
        found.contradictory += [each.record for each in held if self._contradicts(each)]

    def _contradicts(self, held: Held) -> bool:
        """The sender was told other evidence than mastery holds, or was told two."""
        answer = self.answers.get(held.record)
        return answer is not None and bool(answer.evidence - {held.evidence})
