"""What must come of it: the plain run, everything once, in the order it was made durable, everybody known."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulation.packages import Package
from tests.simulation.said import Letter, Said
from tests.simulation.statements import Statement

Counted = tuple[str, str, str, str, str]  # source, record, code, score, when
Record = tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """Something that was said, of a record; or (without a record) that a statement is taken back."""

    said: Said | None = None
    record: Record = ()
    statement: tuple[str, str] | None = None  # source and name: who said it, or what is taken back


@dataclass
class Oracle:
    """Told of every piece of work when its transaction was written, and of nothing else."""

    messages: dict[str, Letter | Package] = field(default_factory=dict)
    next_line: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    statements: dict[tuple[str, str], Statement] = field(default_factory=dict)
    voided: set[tuple[str, str]] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    items: int = 0

    def letter(self, letter: Letter, now: datetime) -> None:
        if letter.id not in self.messages:
            self.messages[letter.id] = letter
            self._hear(letter.says, now, letter.id if letter.door == "observation" else None)
            self.items += letter.items

    def package(self, package: Package, now: datetime) -> None:
        """Its rows are settled later; their place in the order of arrival is the file's."""
        if package.id not in self.messages:
            self.messages[package.id] = package
            self._hear(package.says, now)
            self.items += package.items

    def lines(self, source: str, first: int, lines: list[Said], now: datetime) -> None:
        fresh = lines[max(0, self.next_line[source] - first) :]
        self._hear(fresh, now)
        self.items += len(fresh)
        self.next_line[source] = max(self.next_line[source], first + len(lines))

    def batch(self, source: str, batch: Sequence[Statement], now: datetime) -> None:
        """Whole or not at all: one conflict refuses it, and where nothing is new nothing happens."""
        known = self.statements
        new = [each for each in batch if (source, each.name) not in known]
        if not new or any(not each.same(known.get((source, each.name), each)) for each in batch):
            return
        self.items += len(batch)
        known.update({(source, each.name): each for each in new})
        at_once = {(source, each.voids) for each in new if each.voids is not None}
        for each in new:
            name = (source, each.name)
            if each.voids is not None:
                self._void(source, each.voids)
            elif each.said is not None and name not in self.voided | at_once and _counts(each.said, now):
                self.heard.append(Heard(each.said, _record(each.said), name))

    def _void(self, source: str, target: str) -> None:
        """What takes another back cannot be taken back itself."""
        stored = self.statements.get((source, target))
        if stored is None or stored.voids is None:
            self.voided.add((source, target))
            self.heard.append(Heard(statement=(source, target)))

    def _hear(self, says: Iterable[Said], now: datetime, message: str | None = None) -> None:
        """An observation has no record: each message is one of its own."""
        for said in says:
            if _counts(said, now):
                record = _record(said) if message is None else (said.source, message)
                self.heard.append(Heard(said, record))

    def counted(self, who: dict[str, str]) -> dict[str, Counter[Counted]]:
        """By learner: what counts in the end; `who` says whom a student's name means."""
        records: dict[Record, tuple[int, Heard]] = {}  # with its place in the order of arrival
        statements: dict[tuple[str, str], tuple[int, Record]] = {}
        for place, heard in enumerate(self.heard):
            if heard.said is None:
                _take_back(records, *statements.get(heard.statement, (-1, ())))
                continue
            if heard.statement is not None:
                statements[heard.statement] = place, heard.record
            if heard.said.score is None or heard.said.student in who:
                fixed = heard.said.source == "fixed" and heard.said.score is not None
                if not (fixed and heard.record in records):
                    records[heard.record] = place, heard
        found: defaultdict[str, Counter[Counted]] = defaultdict(Counter)
        for _, last in records.values():
            if last.said is not None and last.said.score is not None:
                found[who[last.said.student]][counted_as(last.said)] += 1
        return found


def _take_back(records: dict[Record, tuple[int, Heard]], place: int, record: Record) -> None:
    """What a statement replaced does not come back with it, be it of somebody who was never known."""
    if record in records and records[record][0] <= place:
        records[record] = place, Heard()


def _counts(said: Said, now: datetime) -> bool:
    """Whether it can be read, and is not of days to come."""
    too_late = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=2)
    return said.readable and (said.score is None or said.at < too_late)


def _record(said: Said) -> Record:
    """Where keys are used anew, each content under one is a record of its own."""
    if said.source != "anew":
        return (said.source, said.record)
    return (said.source, said.record, said.code, said.score or "", said.on, said.student)


def counted_as(said: Said) -> Counted:
    """As mastery would say it."""
    return (said.source, said.record, said.code, said.score or "", said.at.astimezone(UTC).isoformat())
