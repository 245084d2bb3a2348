"""Enrolments follow a learner who is merged: the same enrolment, under the same id, of the other pseudonym."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from contracts.learners_v1 import Enrolment, LearnerEnrolledV1
from services.ingest.storage import moves, vault
from services.ingest.storage.moves import Move
from services.ingest.storage.vault import EnrolmentRow
from services.ingest.use_cases.group import Draft
from services.ingest.use_cases.link import About


def move_enrolments(draft: Draft, about: About, move: Move, ids: Iterable[UUID] | None) -> None:
    """All of the origin's, or those that came with the merge that is undone; they end at the origin today.

    Where the target is enrolled in the same place already, its own enrolment stands and nothing is added.
    """
    cursor = draft.group.cursor
    theirs = vault.enrolments_of(cursor, move.origin)
    place = {(row.organisation, row.cohort) for row in vault.enrolments_of(cursor, move.target)}
    wanted = None if ids is None else set(ids)
    kept = {row.id for row in vault.enrolments_of(cursor, move.target)} & (wanted or set())
    for row in vault.enrolments_of(cursor, move.target):
        if row.id in kept:  # it stayed with whom it goes back to, ended
            _enrol(draft, about, move, move.target, row, row.ends_on)
    for row in theirs:
        if wanted is not None and row.id not in wanted:
            continue
        draft.writes.add(moves.PUT_ENROLMENT_MOVED, (move.id.bytes, row.id.bytes))
        _enrol(draft, about, move, move.origin, row, min(row.ends_on or date.max, draft.group.now.date()))
        if (row.organisation, row.cohort) not in place:
            draft.writes.add(vault.MOVE_ENROLMENT, (move.target.bytes, row.id.bytes))
            _enrol(draft, about, move, move.target, row, row.ends_on)


def _enrol(draft: Draft, about: About, move: Move, learner: UUID, row: EnrolmentRow, ends_on: date | None) -> None:
    enrolment = Enrolment(
        id=row.id, organisation=row.organisation, cohort=row.cohort, begins_on=row.begins_on, ends_on=ends_on
    )
    group = draft.group
    event = LearnerEnrolledV1(enrolment=enrolment)
    draft.writes.messages.append(about(learner, event, group.ids.new(), move.tenant, group.now))
