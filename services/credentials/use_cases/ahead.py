"""A batch read some records at a time: what they are about to ask of keys and store is asked together.

Nothing is decided here. Whatever cannot be read is left out, and what is the matter with it is said in its turn.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from contracts.envelope import Envelope
from contracts.mastery_v1 import RecordErasedV1, RequirementLapsedV1, RequirementMetV1
from services.credentials.domain.achievement import Requirement
from services.credentials.reactions import award_id_of
from services.credentials.storage import around
from services.credentials.storage.queries import AwardRow
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.work import Tools, Work
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Unreadable, learner_of
from services.runtime.store.dead_letter import NOT_THE_RECORDS_FAULT

LOOK_AHEAD_MAX = 100  # records that are open at a time

TYPES = {RequirementMetV1.TYPE, RequirementLapsedV1.TYPE, RecordErasedV1.TYPE}
Threshold = RequirementMetV1 | RequirementLapsedV1


@dataclass(frozen=True, slots=True)
class Said:
    """What mastery says of a learner."""

    envelope: Envelope
    owner: Owner
    event: Threshold | RecordErasedV1

    @property
    def merges(self) -> bool:
        """Whether it follows from a merge: then it looks at what was written before, and others at what it writes."""
        return getattr(self.event, "cause", None) == "merge"


@dataclass(frozen=True, slots=True)
class Taken:
    """A record in its turn; `said` is None where reading it is yet to be tried, or to be tried again."""

    record: LogRecord
    said: Said | None


def requirement_of(event: Threshold) -> Requirement:
    """Which node of which policy the event is about."""
    return Requirement(event.policy.id, event.node)


def said_by(tools: Tools, record: LogRecord) -> Said | None:
    """None when it is nothing to this service. Raises Unreadable, KeyDestroyed or KeyUnknown."""
    envelope = tools.sealer.parse(record.value)
    return _opened(tools, envelope, record.partition) if envelope.type in TYPES else None


def in_runs(tools: Tools, records: Sequence[LogRecord]) -> Iterator[list[Taken]]:
    """The records in order, some at a time, read when those before have been decided; a merge is a run of its own."""
    for start in range(0, len(records), LOOK_AHEAD_MAX):
        taken = _read(tools, records[start : start + LOOK_AHEAD_MAX])
        for merges, together in groupby(taken, lambda one: one.said is not None and one.said.merges):
            run = list(together)
            yield from [[one] for one in run] if merges else [run]


def look_ahead(work: Work, run: Sequence[Taken]) -> None:
    """Ask for all of the run what each would ask."""
    said = [one.said for one in run if one.said is not None]
    if len(said) < 2:
        return
    with _said_in_its_turn():
        for tenant in dict.fromkeys(one.owner.tenant for one in said):
            work.snapshot.around(around.moved_around, tenant, _learners_of(said, tenant, RequirementMetV1))
            work.snapshot.around(around.held_by, tenant, _learners_of(said, tenant, RequirementLapsedV1))
        work.look_ahead([award for one in said for award in _awards(work, one)])


def awards_at_hand(
    work: Work, owner: Owner, requirement: Requirement, cycle: int, rows: Iterable[AwardRow]
) -> Iterator[tuple[UUID, UUID]]:
    """The awards that may be decided on, each with the learner whose key seals it.

    Those made for this meeting of the requirement, and of the rows around the learner those that lie in the partition.
    """
    issuer = work.tools.signer.issuer(owner.tenant)
    for definition in work.snapshot.answering(owner.tenant, requirement):
        yield award_id_of(issuer, owner.learner, definition.id, cycle), owner.learner
    for row in rows:
        if row.partition == owner.partition:
            yield row.id, row.learner


@contextmanager
def _said_in_its_turn() -> Iterator[None]:
    """What is wrong with a record costs that record, when it is asked again by itself; nothing of it is told here."""
    try:
        yield
    except NOT_THE_RECORDS_FAULT:
        raise
    except Exception:
        return


def _read(tools: Tools, records: Sequence[LogRecord]) -> list[Taken]:
    parsed = [(record, envelope) for record in records for envelope in _parsed(tools, record)]
    with _said_in_its_turn():
        tools.owners.look_ahead(_learners(envelope for _, envelope in parsed if envelope is not None))
    return [Taken(record, _opened_or_none(tools, envelope, record.partition)) for record, envelope in parsed]


def _parsed(tools: Tools, record: LogRecord) -> list[Envelope | None]:
    """The envelope; None when it cannot be read, nothing when it is nothing to this service."""
    try:
        envelope = tools.sealer.parse(record.value)
    except Unreadable:
        return [None]
    return [envelope] if envelope.type in TYPES else []


def _learners(envelopes: Iterable[Envelope]) -> Iterator[tuple[str, UUID]]:
    for envelope in envelopes:
        try:
            yield envelope.tenant, learner_of(envelope.subject)
        except ValueError:
            continue


def _opened_or_none(tools: Tools, envelope: Envelope | None, partition: int) -> Said | None:
    with _said_in_its_turn():
        return _opened(tools, envelope, partition) if envelope is not None else None
    return None


def _opened(tools: Tools, envelope: Envelope, partition: int) -> Said:
    event = tools.sealer.open(envelope)
    assert isinstance(event, Threshold | RecordErasedV1)
    try:
        return Said(envelope, Owner(envelope.tenant, learner_of(envelope.subject), partition), event)
    except ValueError:
        raise Unreadable("malformed-envelope") from None


def _learners_of(said: Sequence[Said], tenant: str, kind: type[Threshold]) -> list[UUID]:
    return [one.owner.learner for one in said if one.owner.tenant == tenant and isinstance(one.event, kind)]


def _awards(work: Work, said: Said) -> Iterator[tuple[UUID, UUID]]:
    owner, event, snapshot = said.owner, said.event, work.snapshot
    if isinstance(event, RecordErasedV1):
        return
    met = isinstance(event, RequirementMetV1)
    rows = (snapshot.moved_around if met else snapshot.held_by)(owner.tenant, owner.learner)
    yield from awards_at_hand(work, owner, requirement_of(event), event.cycle, rows)
