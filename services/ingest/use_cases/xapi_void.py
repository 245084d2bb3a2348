"""Voiding: a statement is taken back, and with it whatever it proved, also what still waits or has yet to arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.ingest.domain.claims import Withdrawal
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.records import Arrival, OnChange, Retract, decide, version_after
from services.ingest.storage import inbox, statements, vault
from services.ingest.storage.statements import StatementRow
from services.ingest.use_cases.group import Draft
from services.ingest.use_cases.settle import ITEMS_MAX, Occurrence, Origin, Place, Settle, Settled
from services.ingest.use_cases.xapi_keep import Sent

TAG_BYTES = 16
VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where the statements come from, and the receipt of the one that takes back."""

    origin: Origin
    receipt: UUID


@dataclass(frozen=True, slots=True)
class Voids:
    """Voids statements of one source; `batch` holds the new ones of the same request, by id."""

    origin: Origin
    settle: Settle
    batch: Mapping[UUID, Sent]
    targets: frozenset[UUID]

    def voided(self, draft: Draft, statement: UUID) -> bool:
        """Whether a statement is taken back, by this batch or before it came."""
        return statement in self.targets or (self.origin.source, statement) in draft.group.known.voided

    def __call__(self, draft: Draft, place: Place, target: UUID) -> Settled:
        """What becomes of the voiding statement."""
        source, cursor = self.origin.source, draft.group.cursor
        row = statements.by_id(cursor, source, [target]).get(target)
        if self._is_voiding(row, target):
            return Settled(place.item, Outcome.NO_CLAIM, reason="voiding-cannot-be-voided")
        if (source, target) in draft.group.known.voided | draft.known.voided:
            return Settled(place.item, Outcome.DUPLICATE)
        draft.known.voided.add((source, target))
        draft.writes.add(statements.PUT_VOIDING, (target.bytes, source, place.arrival))
        evidence = self._take_back(draft, place, row) if row else None
        return Settled(place.item, Outcome.ACCEPTED, evidence=evidence, reason=VOIDED)

    def _is_voiding(self, row: StatementRow | None, target: UUID) -> bool:
        beside = self.batch.get(target)
        return bool(row and row.flags & statements.VOIDS) or bool(beside and beside.voids)

    def _take_back(self, draft: Draft, place: Place, row: StatementRow) -> UUID | None:
        draft.writes.add(statements.SET_VOIDED, (row.id.bytes, row.source))
        receipt, first = divmod(row.seq, ITEMS_MAX)
        tags = [row.records[at : at + TAG_BYTES] for at in range(0, len(row.records), TAG_BYTES)] or [b""]
        draft.group.load(set(tags))
        outcomes = inbox.outcomes_of(draft.group.cursor, receipt, first, len(tags))
        retracted = None
        for kept, outcome in zip(tags, outcomes, strict=True):
            item, _, said, evidence, *_ = outcome
            tag = kept.strip(b"\0") and kept
            if not tag and evidence:  # it was in quarantine when its statement was kept
                tag = statements.record_by_evidence(draft.group.cursor, evidence)
                draft.group.load({tag})
            arrival = Arrival(receipt * ITEMS_MAX + item)
            if tag and said in {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.PARKED}:
                said_by = Occasion(self.origin, place.receipt_id)
                retracted = withdraw(draft, self.settle, said_by, tag, arrival) or retracted
            if said == Outcome.PARKED or (said == Outcome.QUARANTINED and self.origin.own_records):
                self._end(draft, receipt, item, Outcome(said))
        return retracted

    def _end(self, draft: Draft, receipt: int, item: int, was: Outcome) -> None:
        """What waits for a learner waits no longer, nor what waits for a redrive, when its record is its own.

        Otherwise its record may have had a version before, which goes when a redrive can tell which record that is.
        """
        writes, tenant, source = draft.writes, self.origin.tenant, self.origin.source
        if was is Outcome.PARKED:
            writes.add(vault.DROP_PARKED, (receipt * ITEMS_MAX + item,))
        else:
            writes.add(statements.DROP_QUARANTINED, (receipt, item))
        writes.add(inbox.CHANGE_OUTCOME, (Outcome.SUPERSEDED.value, None, VOIDED, None, receipt, item))
        writes.tally[tenant, source, was] -= 1
        writes.tally[tenant, source, Outcome.SUPERSEDED] += 1


def withdraw(draft: Draft, settle: Settle, said: Occasion, record: bytes, arrival: Arrival) -> UUID | None:
    """A version of a record, withdrawn where it stood in the order of arrival; what came later stays.

    One that never counted is withdrawn all the same: what it would have replaced is not to come back.
    """
    current, on_change = draft.record(record), said.origin.on_change
    if on_change is OnChange.CONFLICT and current is not None and current.arrival < arrival.order:
        return None  # it changed nothing, nor would have
    decision = decide(Withdrawal(VOIDED), arrival, current, on_change)
    after = version_after(decision, arrival, current, None)
    if after is not None and after is not current:
        draft.keep(record, after)
    occurrence = Occurrence(decision, said.origin, said.receipt, None, None, draft.group.now)
    draft.writes.messages += settle.publish(occurrence, draft.group.ids.new)
    return current.evidence if current is not None and isinstance(decision, Retract) else None
