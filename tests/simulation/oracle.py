"""What must come of it: the plain run, everything once, in the order it was made durable, everybody known."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulation.said import Letter, Said

Counted = tuple[str, str, str, str, str]  # source, record, code, score, when


@dataclass
class Oracle:
    """Told of every piece of work when its transaction was written, and of nothing else."""

    letters: dict[str, Letter] = field(default_factory=dict)
    next_line: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    heard: list[tuple[tuple[str, ...], Said]] = field(default_factory=list)  # under what record
    items: int = 0

    def letter(self, letter: Letter, now: datetime) -> None:
        if letter.id not in self.letters:
            self.letters[letter.id] = letter
            self._hear(letter.says, now, letter.id if letter.door == "observation" else None)
            self.items += letter.items

    def lines(self, source: str, first: int, lines: list[Said], now: datetime) -> None:
        fresh = lines[max(0, self.next_line[source] - first) :]
        self._hear(fresh, now)
        self.items += len(fresh)
        self.next_line[source] = max(self.next_line[source], first + len(lines))

    def _hear(self, says: Iterable[Said], now: datetime, message: str | None = None) -> None:
        """An observation has no record: each message is one of its own."""
        too_late = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=2)
        for said in says:
            if said.readable and (said.score is None or said.at < too_late):
                self.heard.append((_record(said) if message is None else (said.source, message), said))

    def counted(self, who: dict[str, str]) -> dict[str, Counter[Counted]]:
        """By learner: what counts in the end; `who` says whom a student's name means."""
        records: dict[tuple[str, ...], Said | None] = {}
        for key, said in self.heard:
            if said.score is not None and said.student not in who:
                continue
            if said.source == "fixed" and said.score is not None and key in records:
                continue
            records[key] = said if said.score is not None else None
        found: defaultdict[str, Counter[Counted]] = defaultdict(Counter)
        for last in records.values():
            if last is not None:
                found[who[last.student]][counted_as(last)] += 1
        return found


def _record(said: Said) -> tuple[str, ...]:
    """Where keys are used anew, each content under one is a record of its own."""
    if said.source != "anew":
        return (said.source, said.record)
    return (said.source, said.record, said.code, said.score or "", said.on, said.student)


def counted_as(said: Said) -> Counted:
    """As mastery would say it."""
    return (said.source, said.record, said.code, said.score or "", said.at.astimezone(UTC).isoformat())
