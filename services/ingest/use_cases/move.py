"""Moving evidence between learners: retracted there and accepted here, sealed anew, and every record follows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from contracts.envelope import Envelope, log_key
from contracts.events import INGEST_LEARNER
from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceContent, EvidenceRetractedV1, EvidenceRevisedV1
from services.ingest.domain.claims import Identifier
from services.ingest.storage import inbox, moves
from services.ingest.storage.moves import Move
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.link import About
from services.ingest.use_cases.observe import BY_ID
from services.ingest.use_cases.tags import TagBook, Tags
from services.runtime.keys import KeyDestroyed
from services.runtime.sealing import Sealer

BATCH_MAX = 500
MERGE, UNMERGE, CORRECTION = "merge", "unmerge", "correction"
REASONS = {
    MERGE: "both learners are one person",
    UNMERGE: "they are two persons after all",
    CORRECTION: "the identifier means another learner",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence in force: when it was shown, and all that it says."""

    id: UUID
    occurred_at: datetime | None
    content: EvidenceContent


@dataclass(frozen=True, slots=True)
class Tools:
    """What every move is made with."""

    book: TagBook
    sealer: Sealer
    about: About

    def tags(self, tenant: str) -> Tags:
        """The digests of a tenant."""
        return self.book.of(tenant)

    def by_id(self, tenant: str, learner: UUID) -> bytes:
        """The tag of a learner who was named by id."""
        return self.tags(tenant).identifier(Identifier(BY_ID, str(learner)))

    def in_force(self, group: Group, tenant: str, learner: UUID) -> dict[UUID, Piece]:
        """What counts for the learner by all that was published about it, in the order of publication."""
        found: dict[UUID, Piece] = {}
        for raw in moves.said_about(group.cursor, INGEST_LEARNER, log_key(tenant, str(learner))):
            envelope = self.sealer.parse(raw)
            match self.sealer.open(envelope):
                case EvidenceAcceptedV1(content=content):
                    found[envelope.id] = _piece(envelope, content)
                case EvidenceRevisedV1(revises=revised, content=content):
                    found.pop(revised, None)
                    found[envelope.id] = _piece(envelope, content)
                case EvidenceRetractedV1(retracts=retracted):
                    found.pop(retracted, None)
        return found


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a move has come."""

    move: UUID
    learner: UUID
    into: UUID
    moved: int
    complete: bool
    new: bool = True


@dataclass(frozen=True, slots=True)
class MoveBatch:
    """Work: the next pieces of a move, in one transaction; when none are left, the move is complete."""

    alone: ClassVar[bool] = True
    behind: ClassVar[bool] = True
    items: ClassVar[int] = BATCH_MAX
    tools: Tools
    move: UUID

    def ask(self, group: Group) -> None:
        """The move is read when it is decided, as another batch may have completed it."""

    def decide(self, draft: Draft) -> Moved:
        """Whatever of it is still in force at the origin; of an older move of the tenant's first, if there is one."""
        asked = moves.move_by_id(draft.group.cursor, self.move)
        assert asked is not None, "a move is recorded before anything moves"
        if asked.state not in moves.UNDER_WAY:
            return Moved(asked.id, asked.origin, asked.target, asked.moved, complete=True)
        move = moves.next_move(draft.group.cursor, asked.tenant) or asked
        count, complete = self._some(draft, move)
        if move.id != asked.id:
            count, complete = 0, False
        return Moved(asked.id, asked.origin, asked.target, asked.moved + count, complete)

    def _some(self, draft: Draft, move: Move) -> tuple[int, bool]:
        persons = None if move.kind == MERGE else set(moves.persons_of(draft.group.cursor, move.id))
        try:
            return move_some(draft, self.tools, move, persons)
        except KeyDestroyed:  # erased meanwhile: nothing of it is left to move
            draft.writes.add(moves.PROGRESS, moves.progress_row(move, 0, complete=True))
            return 0, True


def first_batch(draft: Draft, tools: Tools, move: Move, persons: set[bytes] | None) -> tuple[int, bool]:
    """What a new move moves in the transaction that begins it: nothing while an older one is not complete."""
    if moves.next_move(draft.group.cursor, move.tenant) is not None:
        return 0, False
    return move_some(draft, tools, move, persons)


def move_some(draft: Draft, tools: Tools, move: Move, persons: set[bytes] | None) -> tuple[int, bool]:
    """Move a batch of what is in force at the origin, all of it or only what came by some identifiers."""
    group = draft.group
    pieces = tools.in_force(group, move.tenant, move.origin)
    receipts = {id_: _receipt(group, id_) for id_ in {piece.content.receipt for piece in pieces.values()}}
    if persons is not None:
        named = dict(_named(group, pieces, receipts))
        pieces = {id_: piece for id_, piece in pieces.items() if named.get(id_) in persons}
    chosen = list(pieces.values())[:BATCH_MAX]
    records = moves.records_of(group.cursor, move.origin)
    group.load([records[piece.id] for piece in chosen if piece.id in records])
    for piece in chosen:
        _move(draft, tools, move, piece, records.get(piece.id), receipts[piece.content.receipt])
    complete = len(chosen) == len(pieces)
    draft.writes.add(moves.PROGRESS, moves.progress_row(move, len(chosen), complete=complete))
    return len(chosen), complete


def _move(draft: Draft, tools: Tools, move: Move, piece: Piece, record: bytes | None, receipt: int | None) -> None:
    new, at, tenant = draft.group.ids.new(), draft.group.now, move.tenant
    one_person = move.kind == MERGE
    retraction = EvidenceRetractedV1(
        retracts=piece.id,
        reason=REASONS[move.kind],
        receipt=piece.content.receipt,
        moved_to=new,
        merged_with=move.target if one_person else None,
    )
    accepted = EvidenceAcceptedV1(
        content=piece.content, moved_from=piece.id, merged_with=move.origin if one_person else None
    )
    draft.writes.messages += [
        tools.about(move.origin, retraction, draft.group.ids.new(), tenant, at),
        tools.about(move.target, accepted, new, tenant, at, piece.occurred_at),
    ]
    if record is not None and (current := draft.record(record)) is not None:
        draft.keep(record, replace(current, learner=move.target, evidence=new))
    if receipt is not None:
        person = tools.by_id(tenant, move.origin)  # of what came before it was kept by whom it was named
        draft.writes.add(moves.FOLLOW_EVIDENCE, (new.bytes, person, receipt, piece.id.bytes))


def _named(
    group: Group, pieces: Mapping[UUID, Piece], receipts: Mapping[UUID, int | None]
) -> Iterator[tuple[UUID, bytes]]:
    by_receipt: dict[int, list[UUID]] = {}
    for piece in pieces.values():
        if (receipt := receipts[piece.content.receipt]) is not None:
            by_receipt.setdefault(receipt, []).append(piece.id)
    for receipt, ids in by_receipt.items():
        yield from moves.came_by(group.cursor, receipt, ids).items()


def _receipt(group: Group, receipt: UUID) -> int | None:
    found = inbox.receipt_by(group.cursor, "id", receipt.bytes)
    return found.seq if found else None


def _piece(envelope: Envelope, content: EvidenceContent) -> Piece:
    return Piece(envelope.id, envelope.occurredat, content)


def finish(do: Callable[[Any], Any], tools: Tools, begun: Moved) -> Moved:
    """The rest of a move, batch by batch; a kill in between leaves it to the mover."""
    moved = begun
    while not moved.complete:
        moved = replace(do(MoveBatch(tools, moved.move)), new=begun.new)
    return moved
