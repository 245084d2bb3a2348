"""What has to happen to each learner, change by change, as reckoned from what was acknowledged; and whether it did."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.support.ledger.book import Findings, Piece


@dataclass(frozen=True)
class Said:
    """One thing a sender said of a record: what it is worth from now on, or, without a piece, that it is withdrawn.

    `key` is what a repeat of it is known by; `statement` is what it can be taken back by, and `takes_back` what it
    takes back: its record then changes only if that statement was the last to speak of it.
    """

    key: str
    record: str
    learner: str
    piece: Piece | None
    statement: str = ""
    takes_back: str = ""


@dataclass(frozen=True)
class Change:
    """A record worth something else from now on, or nothing; `evidence` as mastery names it, "" when reckoned."""

    record: str
    piece: Piece | None
    evidence: str = ""

    @property
    def what(self) -> tuple[str, str, str]:
        """What it is compared by."""
        if self.piece is None:
            return self.record, "withdrawn", ""
        return self.record, self.piece.competency, str(self.piece.value)


class Chronicle:
    """Changes in the order in which they were acknowledged, by learner."""

    def __init__(self) -> None:
        self.changes: dict[str, list[Change]] = defaultdict(list)
        self.accepted: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self._told: dict[str, set[str]] = defaultdict(set)
        self._current: dict[str, Said] = {}
        self._seen: set[str] = set()
        self._taken_back: set[str] = set()

    def acknowledged(self, source: str, said: Iterable[Said]) -> list[bool]:
        """One delivery of a source; for each thing it said whether it must have been accepted, then or before."""
        return [self._acknowledged(source, each) for each in said]

    def learned(self, record: str, evidence: str) -> None:
        """The sender was told which evidence its record is."""
        self._told[record].add(evidence)

    @property
    def recorded(self) -> int:
        """How many pieces of evidence there must be, whatever became of them since."""
        return sum(change.piece is not None for changes in self.changes.values() for change in changes)

    def standing(self, learner: str) -> list[Piece]:
        """The pieces that count at the end, the last to change last."""
        *_, last = [[], *self.states(learner)]
        return last

    def states(self, learner: str) -> Iterator[list[Piece]]:
        """The pieces that counted after each change."""
        now: dict[str, Piece] = {}
        for change in self.changes[learner]:
            now.pop(change.record, None)
            if change.piece is not None:
                now[change.record] = change.piece
            yield list(now.values())

    def check(self, histories: Mapping[str, Sequence[Change]]) -> Findings:
        """Hold what mastery recorded of every learner, in its order, against what had to happen."""
        found = Findings()
        for learner in sorted(self.changes.keys() | histories.keys()):
            self._check_learner(learner, histories.get(learner, ()), found)
        return found

    def _acknowledged(self, source: str, said: Said) -> bool:
        self.said[source] += 1
        if said.key in self._seen:
            return False
        self._seen.add(said.key)
        accepted = self._change(said)
        if said.takes_back:  # that is accepted once whatever it changes
            accepted = said.takes_back not in self._taken_back
            self._taken_back.add(said.takes_back)
        self.accepted[source] += accepted
        return accepted

    def _change(self, said: Said) -> bool:
        current = self._current.get(said.record)
        standing = None if current is None else current.piece
        if said.takes_back and (current is None or current.statement != said.takes_back):
            return False
        if not said.takes_back:
            self._current[said.record] = said
        if said.piece == standing:
            return False
        self._current[said.record] = said
        self.changes[said.learner].append(Change(said.record, said.piece))
        return True

    def _check_learner(self, learner: str, held: Sequence[Change], found: Findings) -> None:
        wanted, there = [each.what for each in self.changes.get(learner, ())], [each.what for each in held]
        missing, beyond = Counter(wanted) - Counter(there), Counter(there) - Counter(wanted)
        known = set(wanted)
        found.lost += ["|".join(what) for what in missing.elements()]
        found.doubled += ["|".join(what) for what in beyond.elements() if what in known]
        found.strangers += ["|".join(what) for what in beyond.elements() if what not in known]
        if not missing and not beyond and wanted != there:
            found.disordered.append(learner)
        ids: dict[str, set[str]] = defaultdict(set)
        for each in held:
            ids[each.record].add(each.evidence)
        found.contradictory += [record for record in ids if self._told[record] - ids[record]]
