"""Two learners turn out to be one, or one to be two: pointer, identifiers and enrolments first, then the evidence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from contracts.learners_v1 import LearnerLinkedV1, LearnersMergedV1, LearnersUnmergedV1, LinkCorrectedV1
from services.ingest.domain.claims import Identifier
from services.ingest.storage import moves, vault
from services.ingest.storage.moves import IdentifierRow, Move
from services.ingest.use_cases.enrolments import move_enrolments
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.link import IdentifierTaken, LearnerMerged, check_current, check_known
from services.ingest.use_cases.move import CORRECTION, MERGE, UNMERGE, Moved, Tools, first_batch
from services.ingest.use_cases.registrars_word import RegistrarsWord, Said
from services.runtime.clock import to_micros
from services.runtime.problems import Refusal


class SameLearner(Refusal):
    """A learner cannot be merged into itself, nor a link corrected to whom it means."""


class NotMerged(Refusal):
    """The learner is not merged into another."""

    status: ClassVar[int] = 409


class IdentifierUnknown(Refusal):
    """The identifier means nobody; it can be linked."""

    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class MergeLearners(RegistrarsWord):
    """Work: `learner` and `into` are one person, known as `into` from now on."""

    into: UUID

    def ask(self, group: Group) -> None:
        """Both must be the tenant's, and the one that stays must not be merged itself."""
        check_known(group.cursor, self.said.tenant, self.learner, self.into)
        if self.learner == self.into:
            raise SameLearner(pointer="/into")
        check_current(group.cursor, self.into)

    def decide(self, draft: Draft) -> Moved:
        """The same merge again changes nothing."""
        cursor = draft.group.cursor
        known = moves.merge_of(cursor, self.learner)
        if known is not None:
            if known.target != self.into:
                raise LearnerMerged(current=str(moves.current_learner(cursor, self.learner)))
            return Moved(known.id, self.learner, self.into, known.moved, known.state == "done", new=False)
        move = begin(draft, self.said, MERGE, self.learner, self.into)
        draft.writes.add(moves.POINT, (self.into.bytes, self.learner.bytes))
        before = [self.learner, *moves.merged_into(cursor, self.learner)]
        persons = [self.tools.by_id(self.said.tenant, each) for each in before]
        identifiers = moves.identifiers_of(cursor, self.learner)
        take_along(draft, self.tools, move, self.said, identifiers, persons)
        event = LearnersMergedV1(move=move.id, learner=self.learner, into=self.into, merged_by=self.said.by)
        tell_both(draft, self.tools, move, event)
        count, complete = first_batch(draft, self.tools, move, None)
        move_enrolments(draft, self.tools.about, move, None)
        return Moved(move.id, self.learner, self.into, count, complete)


@dataclass(frozen=True, slots=True)
class UnmergeLearner(RegistrarsWord):
    """Work: `learner` is somebody else than it was merged into; what came by it goes back."""

    def ask(self, group: Group) -> None:
        """The learner must be the tenant's."""
        check_known(group.cursor, self.said.tenant, self.learner)

    def decide(self, draft: Draft) -> Moved:
        """Another move: from whoever has it by now, of what was named by the identifiers that go back."""
        cursor = draft.group.cursor
        merge = moves.merge_of(cursor, self.learner)
        if merge is None:
            raise NotMerged
        holder = moves.current_learner(cursor, self.learner)
        move = begin(draft, self.said, UNMERGE, holder, self.learner)
        draft.writes.add(moves.UNDONE, (merge.id.bytes,))
        draft.writes.add(moves.POINT, (None, self.learner.bytes))
        persons = moves.persons_of(cursor, merge.id)
        identifiers = moves.identifiers_by_tag(cursor, holder, persons)
        take_along(draft, self.tools, move, self.said, identifiers, persons)
        event = LearnersUnmergedV1(move=move.id, learner=self.learner, into=holder, unmerged_by=self.said.by)
        tell_both(draft, self.tools, move, event)
        move_enrolments(draft, self.tools.about, move, moves.enrolments_moved(cursor, merge.id))
        count, complete = first_batch(draft, self.tools, move, set(persons))
        return Moved(move.id, holder, self.learner, count, complete)


@dataclass(frozen=True, slots=True)
class CorrectLink(RegistrarsWord):
    """Work: an identifier meant `wrong`; it means `learner`, and what came by it moves."""

    wrong: UUID
    identifier: Identifier

    def ask(self, group: Group) -> None:
        """Both must be the tenant's, and the right one must not be merged into another."""
        check_known(group.cursor, self.said.tenant, self.learner, self.wrong)
        if self.learner == self.wrong:
            raise SameLearner(pointer="/corrects")
        check_current(group.cursor, self.learner)

    def decide(self, draft: Draft) -> Moved:
        """The same correction again changes nothing."""
        tag, cursor = self.tools.tags(self.said.tenant).identifier(self.identifier), draft.group.cursor
        link = vault.link_by_tag(cursor, tag)
        if link is None:
            raise IdentifierUnknown
        if link[1] == self.learner:
            return Moved(link[0], self.wrong, self.learner, 0, complete=True, new=False)
        if link[1] != self.wrong:
            raise IdentifierTaken
        move = begin(draft, self.said, CORRECTION, self.wrong, self.learner)
        identifiers = moves.identifiers_by_tag(cursor, self.wrong, [tag])
        (new,) = take_along(draft, self.tools, move, self.said, identifiers, [])
        corrected = {"wrong": self.wrong, "learner": self.learner, "corrected_by": self.said.by}
        event = LinkCorrectedV1(move=move.id, link=new, scheme=self.identifier.scheme, **corrected)
        tell_both(draft, self.tools, move, event)
        count, complete = first_batch(draft, self.tools, move, {tag})
        return Moved(move.id, self.wrong, self.learner, count, complete)


def begin(draft: Draft, said: Said, kind: str, origin: UUID, target: UUID) -> Move:
    """Record the move, its reason sealed under the key of whoever it moves to."""
    group, id_ = draft.group, draft.group.ids.new()
    sealed = group.keys.learner_key(said.tenant, target).seal(said.reason.encode(), id_.bytes)
    at = max(to_micros(group.now), moves.last_at(group.cursor) + 1)
    draft.writes.add(moves.PUT_MOVE, (id_.bytes, said.tenant, kind, origin.bytes, target.bytes, at, said.by, sealed))
    return Move(id_, said.tenant, kind, origin, target, "moving", 0)


def take_along(
    draft: Draft, tools: Tools, move: Move, said: Said, identifiers: Iterable[IdentifierRow], persons: Iterable[bytes]
) -> list[UUID]:
    """The identifiers mean the target from now on; the new links. What they were is kept, for taking it back."""
    group, links = draft.group, list[UUID]()
    origin = group.keys.learner_key(move.tenant, move.origin)
    target = group.keys.learner_key(move.tenant, move.target)
    tags = {*persons}
    for row in identifiers:
        links.append(group.ids.new())
        sealed = target.seal(origin.open(row.sealed, row.tag), row.tag)
        relink = (move.target.bytes, links[-1].bytes, sealed, to_micros(group.now), said.by, row.tag)
        draft.writes.add(moves.RELINK, relink)
        event = LearnerLinkedV1(link=links[-1], scheme=row.scheme, linked_by=said.by)
        draft.writes.messages.append(tools.about(move.target, event, group.ids.new(), move.tenant, group.now))
        tags.add(row.tag)
    draft.writes.add(moves.PUT_PERSON, *((move.id.bytes, tag) for tag in sorted(tags)))
    group.links.forget(tags)
    return links


def tell_both(
    draft: Draft, tools: Tools, move: Move, event: LearnersMergedV1 | LearnersUnmergedV1 | LinkCorrectedV1
) -> None:
    """Both histories show it."""
    group = draft.group
    for learner in (move.origin, move.target):
        draft.writes.messages.append(tools.about(learner, event, group.ids.new(), move.tenant, group.now))
