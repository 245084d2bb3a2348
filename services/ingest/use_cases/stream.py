"""A resumable stream: lines have numbers; a repeat is acknowledged as such, a gap is refused with the line wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from services.ingest.domain.outcomes import Outcome
from services.ingest.storage import inbox
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, Settled
from services.ingest.use_cases.take import open_receipt, tags_of
from services.runtime.clock import to_micros
from services.runtime.problems import Refusal


class StreamUnknown(Refusal):
    """No stream of this id is open for this source."""

    status: ClassVar[int] = 404


class StreamGap(Refusal):
    """Lines before these are missing; send from the line wanted."""

    status: ClassVar[int] = 409


@dataclass(slots=True, unsafe_hash=True)
class Line:
    """One line as sent: its number, a keyed digest of its bytes, and what was read from it."""

    number: int
    content: bytes
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class LinesTaken:
    """What became of each line, and the line wanted next."""

    outcomes: list[Settled]
    next_line: int
    receipt: UUID | None


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Work: a new stream for a source."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    tenant: str
    source: str

    def ask(self, group: Group) -> None:
        """Nothing is looked up."""

    def decide(self, draft: Draft) -> UUID:
        """The stream's id."""
        stream = draft.group.ids.new()
        row = (stream.bytes, self.tenant, self.source, to_micros(draft.group.now))
        draft.writes.add(inbox.PUT_STREAM, row)
        draft.known.streams[stream] = 1
        return stream


@dataclass(frozen=True, slots=True)
class TakeLines:
    """Work: some lines of a stream, in order."""

    alone: ClassVar[bool] = False
    origin: Origin
    stream: UUID
    lines: Sequence[Line]
    raw: bytes
    content: bytes
    settle: Settle

    @property
    def items(self) -> int:
        return len(self.lines)

    def ask(self, group: Group) -> None:
        """The stream, those of the lines that were taken before, and what the others name."""
        known = group.known
        if self.stream not in known.streams:
            stream = inbox.stream_by_id(group.cursor, self.stream)
            if stream is None or stream.source != self.origin.source:
                raise StreamUnknown
            known.streams[self.stream] = stream.next_line
        if self.lines and self.lines[0].number < known.streams[self.stream]:
            taken = inbox.line_contents(group.cursor, self.stream, self.lines[0].number, self.lines[-1].number)
            known.lines |= {(self.stream, number): content for number, content in taken.items()}
        records, learners = tags_of([item for line in self.lines for item in line.items])
        group.load(records, (), learners)

    def decide(self, draft: Draft) -> LinesTaken:
        """Refuse a gap; acknowledge what was taken before; settle the rest."""
        wanted = draft.group.known.streams[self.stream]
        if not self.lines:
            return LinesTaken([], wanted, None)
        if self.lines[0].number > wanted:
            raise StreamGap(next_line=wanted)
        repeated = [self._repeat(draft, line) for line in self.lines if line.number < wanted]
        fresh = [line for line in self.lines if line.number >= wanted]
        if not fresh:
            return LinesTaken(repeated, wanted, None)
        receipt, settled = self._take(draft, fresh)
        return LinesTaken(repeated + settled, fresh[-1].number + 1, receipt)

    def _repeat(self, draft: Draft, line: Line) -> Settled:
        same = draft.group.known.lines.get((self.stream, line.number)) == line.content
        outcome = Outcome.DUPLICATE if same else Outcome.CONFLICT
        draft.writes.tally[self.origin.tenant, self.origin.source, outcome] += 1
        return Settled(0, outcome, line.number, reason=None if same else "line-changed")

    def _take(self, draft: Draft, fresh: Sequence[Line]) -> tuple[UUID, list[Settled]]:
        raw = self.raw if len(fresh) == len(self.lines) else last_lines(self.raw, len(fresh))
        seq, receipt = open_receipt(draft, self.origin, self.content, raw)
        settled: list[Settled] = []
        for line in fresh:
            for item in line.items:
                settled.append(self.settle(draft, self.origin, Place(seq, receipt, len(settled)), item))
        stream = self.stream.bytes
        draft.writes.add(inbox.PUT_STREAM_LINE, *((stream, line.number, line.content) for line in fresh))
        draft.known.lines |= {(self.stream, line.number): line.content for line in fresh}
        next_line = fresh[-1].number + 1
        draft.known.streams[self.stream] = next_line
        draft.writes.add(inbox.MOVE_STREAM, (next_line, self.stream.bytes))
        return receipt, settled


def last_lines(body: bytes, count: int) -> bytes:
    """What is kept of a request that repeats lines: those it is the receipt of, and of nobody else's."""
    return b"\n".join(body.removesuffix(b"\n").split(b"\n")[-count:]) + b"\n"


def answer(taken: LinesTaken) -> list[dict[str, Any]]:
    """One JSON object for each outcome; then the receipt and the line wanted next."""
    lines = [settled.answer() for settled in taken.outcomes]
    for line in lines:
        del line["item"]
    last: dict[str, Any] = {"next_line": taken.next_line}
    return [*lines, last if taken.receipt is None else {**last, "receipt": taken.receipt}]
