"""Taking statements: a batch is taken whole or not at all; the same again changes nothing; a voided one retracts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.ingest.domain.outcomes import Outcome
from services.ingest.formats.xapi_statement import content_of
from services.ingest.storage import inbox
from services.ingest.use_cases.group import Draft, ToSeal, Wanted
from services.ingest.use_cases.settle import Origin, Place, Settle, Settled, outcome_row
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.take import open_receipt, tags_of
from services.ingest.use_cases.xapi_keep import Sent, keep
from services.ingest.use_cases.xapi_void import Voids
from services.runtime.problems import Refusal


class StatementConflict(Refusal):
    """A statement of this id was stored with other content; nothing of this request was stored."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class StatementsTaken:
    """The receipt, or that of the first time when nothing was new; everything stored up to then can be found."""

    receipt: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class StatementsConflict:
    """Which of them, by place, is stored with other content."""

    place: int


@dataclass(frozen=True, slots=True)
class TakeStatements:
    """Work: the statements of one request."""

    origin: Origin
    sent: Sequence[Sent]
    raw: bytes
    tags: Tags
    settle: Settle

    @property
    def alone(self) -> bool:
        """Voiding reads what became of the statement it names."""
        return any(sent.voids for sent in self.sent)

    @property
    def items(self) -> int:
        return len(self.sent)

    def want(self, wanted: Wanted) -> None:
        """Which of them are here or voided already, and the records and learners they name."""
        source = self.origin.source
        ids = {sent.id for sent in self.sent}
        wanted.statements.setdefault(source, set()).update(ids)
        wanted.voidings.setdefault(source, set()).update(ids | {sent.voids for sent in self.sent if sent.voids})
        records, learners = tags_of([item for sent in self.sent for item in sent.items])
        wanted.records |= records
        wanted.learners |= learners | {sent.person for sent in self.sent if sent.person}

    def decide(self, draft: Draft) -> StatementsTaken | StatementsConflict:
        """Refuse all for one conflict; answer a repeat with the receipt of the first time; take the rest."""
        repeats, tally, origin = self._repeats(draft), draft.writes.tally, self.origin
        conflicts = [place for place, sent in enumerate(self.sent) if repeats.get(sent.id, sent.content) is None]
        if conflicts:
            tally[origin.tenant, origin.source, Outcome.CONFLICT] += len(conflicts)
            return StatementsConflict(conflicts[0])
        if len(repeats) == len({sent.id for sent in self.sent}):
            tally[origin.tenant, origin.source, Outcome.DUPLICATE] += sum(len(sent.items) for sent in self.sent)
            first = draft.group.known.statements[origin.source, self.sent[0].id]
            return StatementsTaken(first[0], draft.group.now)
        return self._take(draft, repeats)

    def _repeats(self, draft: Draft) -> dict[UUID, bytes | None]:
        """Of those that are here: the content they were taken with; None when that is not what is said now."""
        known, source = draft.group.known.statements, self.origin.source
        found = ((sent, known.get((source, sent.id))) for sent in self.sent)
        return {sent.id: row[1] if self._same(sent, row[1]) else None for sent, row in found if row is not None}

    def _same(self, sent: Sent, content: bytes) -> bool:
        """The sender may have read it back, with the time we gave it."""
        if sent.content == content:
            return True
        return "timestamp" in sent.document and self.tags.content(content_of(sent.document, timeless=True)) == content

    def _take(self, draft: Draft, repeats: dict[UUID, bytes | None]) -> StatementsTaken:
        content = self.sent[0].content if len(self.sent) == 1 else self.tags.content(self.raw)
        seq, receipt = open_receipt(draft, self.origin, content, None)
        voids = self._voids(repeats)
        taken, settled, seen = draft.known.statements, list[Settled](), set(repeats)
        for sent in self.sent:
            first = Place(seq, receipt, len(settled))
            if sent.id in seen:
                settled += self._repeated(draft, first, sent)
                continue
            seen.add(sent.id)
            settled += self._settled(draft, first, sent, voids)
            voided = sent.voids is None and voids.voided(draft, sent.id)
            keep(draft, self.origin.tenant, self.origin.source, sent, first.arrival, voided=voided)
            taken[self.origin.source, sent.id] = (receipt, sent.content)
        if any(each.outcome is Outcome.QUARANTINED for each in settled):  # a redrive reads it again
            to_seal = ToSeal(self.origin.tenant, receipt, self.raw, inbox.PUT_SUBMISSION, (seq,))
            draft.writes.to_seal.append(to_seal)
        return StatementsTaken(receipt, draft.group.now)

    def _voids(self, repeats: Mapping[UUID, object]) -> Voids:
        new = {sent.id: sent for sent in self.sent if sent.id not in repeats}
        targets = frozenset(sent.voids for sent in new.values() if sent.voids)
        return Voids(self.origin, self.settle, new, targets)

    def _settled(self, draft: Draft, first: Place, sent: Sent, voids: Voids) -> list[Settled]:
        if sent.voids is not None:
            return [self._written(draft, first, voids(draft, first, sent.voids))]
        places = [Place(first.receipt, first.receipt_id, first.item + n) for n in range(len(sent.items))]
        if voids.voided(draft, sent.id):
            ended, person = Outcome.SUPERSEDED, sent.person
            voided = [Settled(place.item, ended, reason="voided", person=person) for place in places]
            return [self._written(draft, place, each) for place, each in zip(places, voided, strict=True)]
        return [self.settle(draft, self.origin, place, item) for place, item in zip(places, sent.items, strict=True)]

    def _repeated(self, draft: Draft, first: Place, sent: Sent) -> list[Settled]:
        places = [Place(first.receipt, first.receipt_id, first.item + n) for n in range(len(sent.items))]
        again = [Settled(place.item, Outcome.DUPLICATE, person=sent.person) for place in places]
        return [self._written(draft, place, each) for place, each in zip(places, again, strict=True)]

    def _written(self, draft: Draft, place: Place, settled: Settled) -> Settled:
        draft.writes.add(inbox.PUT_OUTCOME, outcome_row(place, settled))
        draft.writes.tally[self.origin.tenant, self.origin.source, settled.outcome] += 1
        return settled
