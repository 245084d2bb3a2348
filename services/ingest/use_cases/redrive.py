"""Redriving: what waits in quarantine is read again and settled in its old place; a dry run says what would happen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from services.ingest.domain.checks import CheckedClaim
from services.ingest.domain.claims import Withdrawal
from services.ingest.domain.outcomes import Outcome, tally
from services.ingest.domain.records import Arrival
from services.ingest.storage import inbox, redrive, statements
from services.ingest.storage.moves import current_learner
from services.ingest.storage.redrive import Chosen, Entry
from services.ingest.use_cases.group import Draft, Group, Known
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.reread import Again, Rereading
from services.ingest.use_cases.settle import ITEMS_MAX, Place, Settle, Settled, judge
from services.ingest.use_cases.take import tags_of
from services.ingest.use_cases.xapi_void import VOIDED, Occasion, withdraw
from services.runtime.clock import to_micros
from services.runtime.store.database import Database

BATCH_MAX = 200
SAID_SOMETHING = (CheckedClaim, Withdrawal)


@dataclass(frozen=True, slots=True)
class Driven:
    """What one quarantined item came to; more than one outcome where a whole document was unreadable."""

    entry: Entry
    receipt: UUID
    outcomes: Sequence[Settled]

    def answer(self, *, dry_run: bool) -> list[dict[str, Any]]:
        """JSON; a dry run names no evidence, for there is none."""
        head = {"id": str(self.entry.id), "receipt": str(self.receipt)}
        said = [{**head, **settled.answer()} for settled in self.outcomes]
        for one in said if dry_run else ():
            one.pop("evidence", None)
        return said


@dataclass(slots=True)
class Redriven:
    """What a redrive did, or would do, and where to go on; None when nothing chosen is left."""

    driven: list[Driven] = field(default_factory=list)
    next: tuple[int, int] | None = None

    def counts(self) -> dict[str, int]:
        """How many items came to which end."""
        counts = tally(settled.outcome for each in self.driven for settled in each.outcomes)
        return {outcome: count for outcome, count in counts.items() if count}


@dataclass(frozen=True, slots=True)
class RedriveBatch:
    """Work: some items in one transaction. A dry run decides the same on paper that is thrown away.

    `overlay` is what a dry run's batches before this one would have written; None in a real run.
    """

    alone: ClassVar[bool] = True
    again: Sequence[Again]
    settle: Settle
    overlay: Known | None = None

    @property
    def items(self) -> int:
        return len(self.again)

    def ask(self, group: Group) -> None:
        """The records and learners the items name by now."""
        records, learners = tags_of([item for each in self.again for item in each.items])
        group.load(records, (), learners)

    def decide(self, draft: Draft) -> list[Driven]:
        """Each item that still waits: somebody else may have redriven it since it was read."""
        paper = draft if self.overlay is None else Draft(draft.group, self.overlay)
        waiting = redrive.still_waiting(draft.group.cursor, [each.entry.id for each in self.again])
        return [self._drive(paper, each) for each in self.again if each.entry.id in waiting]

    def _drive(self, draft: Draft, again: Again) -> Driven:
        entry, receipt = again.entry, again.receipt
        first = Place(entry.receipt, receipt.id, entry.item, receipt.received_at, entry.id)
        learner = again.learner and current_learner(draft.group.cursor, again.learner)
        voiding = statements.voided_by(draft.group.cursor, entry.receipt, entry.item)
        if voiding is not None and isinstance(judge(draft, again.origin, first, again.items[0]), SAID_SOMETHING):
            settled = [self._take_back(draft, again, first, voiding)]
        else:
            settled = [self.settle.settle(draft, again.origin, first, again.items[0], learner)]
        self._change(draft, again, settled[0])
        for number, item in enumerate(again.items[1:], entry.item + 1):
            place = Place(entry.receipt, receipt.id, number, receipt.received_at)
            settled.append(self.settle(draft, again.origin, place, item))
            self._mark(draft, entry, settled[-1])
        return Driven(entry, receipt.id, settled)

    def _take_back(self, draft: Draft, again: Again, place: Place, voiding: int) -> Settled:
        """It was voided while nobody could read it: its record is withdrawn as of its own arrival."""
        item, origin = again.items[0], again.origin
        said = inbox.receipt_by(draft.group.cursor, "seq", voiding // ITEMS_MAX)
        assert said is not None, "what voids came with a receipt"
        if item.record:
            withdraw(draft, self.settle, Occasion(origin, said.id), item.record, Arrival(place.arrival))
        draft.writes.tally[origin.tenant, origin.source, Outcome.SUPERSEDED] += 1
        return Settled(place.item, Outcome.SUPERSEDED, item.line, reason=VOIDED, person=item.person)

    def _change(self, draft: Draft, again: Again, settled: Settled) -> None:
        """The outcome it had gives way; what is still quarantined keeps its entry, with the reason of today."""
        entry, writes = again.entry, draft.writes
        evidence = settled.evidence.bytes if settled.evidence else None
        said = (settled.outcome.value, evidence, settled.reason, settled.pointer)
        writes.add(inbox.CHANGE_OUTCOME, (*said, entry.receipt, entry.item))
        writes.tally[again.origin.tenant, again.origin.source, Outcome.QUARANTINED] -= 1
        if settled.outcome is not Outcome.QUARANTINED:
            writes.add(redrive.DROP_QUARANTINED, (entry.id.bytes,))
            self._mark(draft, entry, settled)
            if (then := again.items[0].then) is not None:
                writes.add(*then)

    def _mark(self, draft: Draft, entry: Entry, settled: Settled) -> None:
        at = to_micros(draft.group.now)
        draft.writes.add(redrive.MARK_REDRIVEN, (at, settled.person or None, entry.receipt, settled.item))


class Redrive:
    """Redrives what is chosen, batch by batch: each is one transaction, and others are served in between."""

    def __init__(self, database: Database, reread: Rereading, commits: GroupCommit, settle: Settle) -> None:
        self._database, self._reread, self._commits, self._settle = database, reread, commits, settle

    def __call__(self, chosen: Chosen, version: int | None, limit: int, *, dry_run: bool) -> Redriven:
        """The next `limit` of the chosen items, the first to arrive first."""
        with self._database.read() as cursor:
            found = redrive.waiting(cursor, chosen, limit + 1)
        entries, done = found[:limit], Redriven()
        overlay = Known() if dry_run else None
        for first in range(0, len(entries), BATCH_MAX):
            again = list(self._reread(chosen.tenant, entries[first : first + BATCH_MAX], version))
            done.driven += self._commits.do(RedriveBatch(again, self._settle, overlay))
        if len(found) > limit:
            done.next = (entries[-1].receipt, entries[-1].item)
        return done
