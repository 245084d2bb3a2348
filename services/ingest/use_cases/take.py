"""Taking a submission: its message key decides whether it is new; each of its items is settled; a receipt says so."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from services.ingest.domain.outcomes import Outcome
from services.ingest.storage import inbox
from services.ingest.use_cases.group import Draft, ToSeal, Wanted
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, Settled
from services.runtime.clock import to_micros
from services.runtime.problems import Refusal


class MessageConflict(Refusal):
    """A message of this id was taken with other content; nothing of this one is counted."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Taken:
    """What a submission came to; `repeated` when it had been taken before, by its message key."""

    receipt: UUID
    outcomes: tuple[Settled, ...] = ()
    counts: dict[str, int] | None = None
    repeated: bool = False

    def answer(self) -> dict[str, Any]:
        """JSON: the receipt and how many items came to which end."""
        counts = _counted(self.outcomes) if self.counts is None else self.counts
        return {"receipt": str(self.receipt), "outcomes": dict(sorted(counts.items()))}


def _counted(settled: Sequence[Settled]) -> dict[str, int]:
    if len(settled) == 1:
        return {settled[0].outcome.value: 1}
    return Counter(each.outcome.value for each in settled)


@dataclass(frozen=True, slots=True)
class Conflicting:
    """Other content under a message key that was used before."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a door has verified, read and tagged; the writer does the rest."""

    origin: Origin
    raw: bytes
    content: bytes
    message: bytes
    readings: Sequence[Item]

    @property
    def items(self) -> int:
        return len(self.readings)


def tags_of(items: Sequence[Item]) -> tuple[set[bytes], set[bytes]]:
    """The records and the identifiers that deciding on the items looks up."""
    return {item.record for item in items if item.record}, {item.learner for item in items if item.learner}


def open_receipt(draft: Draft, origin: Origin, content: bytes, raw: bytes | None) -> tuple[int, UUID]:
    """A new receipt, and what was sent sealed under a key of its own."""
    seq, receipt, at = draft.next_seq(), draft.group.ids.new(), to_micros(draft.group.now)
    draft.writes.add(inbox.PUT_RECEIPT, (seq, receipt.bytes, origin.tenant, origin.source, origin.door, at, content))
    if raw is not None:
        draft.writes.to_seal.append(ToSeal(origin.tenant, receipt, raw, inbox.PUT_SUBMISSION, (seq,)))
    return seq, receipt


@dataclass(frozen=True, slots=True)
class TakeSubmission:
    """Work: one submission through a door that answers at once."""

    alone: ClassVar[bool] = False
    submission: Submission
    settle: Settle

    @property
    def items(self) -> int:
        return self.submission.items

    def want(self, wanted: Wanted) -> None:
        """The message, the records and the learners it names."""
        records, learners = tags_of(self.submission.readings)
        wanted.records |= records
        wanted.messages.add(self.submission.message)
        wanted.learners |= learners

    def decide(self, draft: Draft) -> Taken | Conflicting:
        """Settle every item, or find the receipt of the first time."""
        said = self.submission
        known = draft.message(said.message)
        if known is not None:
            return _again(draft, said, known)
        seq, receipt = open_receipt(draft, said.origin, said.content, said.raw)
        draft.writes.add(inbox.PUT_MESSAGE, (said.message, seq, said.content))
        draft.known.messages[said.message] = inbox.Message(seq, said.content, receipt)
        places = [Place(seq, receipt, number) for number in range(len(said.readings))]
        settled = [self.settle_item(draft, place, item) for place, item in zip(places, said.readings, strict=True)]
        return Taken(receipt, tuple(settled))

    def settle_item(self, draft: Draft, place: Place, item: Item) -> Settled:
        """One item, by the learner its identifier means."""
        return self.settle(draft, self.submission.origin, place, item)


def _again(draft: Draft, said: Submission, known: inbox.Message) -> Taken | Conflicting:
    outcome = Outcome.DUPLICATE if known.content == said.content else Outcome.CONFLICT
    draft.writes.tally[said.origin.tenant, said.origin.source, outcome] += len(said.readings)
    if outcome is Outcome.CONFLICT:
        return Conflicting()
    return Taken(known.receipt_id, counts={}, repeated=True)
