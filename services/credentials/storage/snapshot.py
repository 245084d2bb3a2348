"""The store as of one moment: what decisions are made on, each thing asked once until something is written."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from services.credentials.domain.achievement import Definition, Requirement
from services.credentials.storage import around
from services.credentials.storage.achievements import Achievements
from services.credentials.storage.around import Around
from services.credentials.storage.queries import AwardRow, Queries

Answer = TypeVar("Answer")
Question = Callable[[Queries, str, Sequence[UUID]], Around]


class Snapshot:
    """One reading transaction: whatever this thread reads of the store within it is of the same moment.

    It begins when whoever decides has the partition's lock, so it sees what any earlier decision there committed, and
    is renewed after each commit. What others commit meanwhile it does not see: streams have their expected versions,
    definitions their sweeps. Keys are another database's, and are not in it: a destroyed one opens nothing here either.
    """

    def __init__(self, queries: Queries, achievements: Achievements) -> None:
        self._queries, self._achievements = queries, achievements
        self._held = ExitStack()
        self._answers: dict[Hashable, object] = {}
        self._around: dict[tuple[Question, str], Around] = {}

    def __enter__(self) -> Self:
        self.renew()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def renew(self) -> None:
        """From here on, what is committed by now."""
        self.end()
        self._held.enter_context(self._queries.as_of_now())

    def end(self) -> None:
        """Hold no transaction while another is committed."""
        self._answers.clear()
        self._around.clear()
        self._held.close()

    def answering(self, tenant: str, requirement: Requirement) -> list[Definition]:
        """Every achievement that recognises the requirement."""
        asked = ("answering", tenant, requirement)
        return self._kept(asked, lambda: self._achievements.answering(tenant, requirement))

    def by_digest(self, tenant: str, digest: str) -> Definition:
        """The version an award was made under."""
        return self._kept(("digest", tenant, digest), lambda: self._achievements.by_digest(tenant, digest))

    def revoked_since(self, tenant: str, since: datetime) -> int:
        """How many of the tenant's credentials were revoked after the instant."""
        return self._kept(("revoked", tenant, since), lambda: self._queries.revoked_since(tenant, since))

    def held_by(self, tenant: str, holder: UUID) -> list[AwardRow]:
        """Every award a learner has now that can still be read."""
        return self.around(around.held_by, tenant, [holder])[holder]

    def moved_around(self, tenant: str, learner: UUID) -> list[AwardRow]:
        """Awards that came to the learner by a merge, went from it by one, or may yet come to it."""
        return self.around(around.moved_around, tenant, [learner])[learner]

    def around(self, question: Question, tenant: str, learners: Iterable[UUID]) -> Around:
        """The answer for each of them; those not yet asked about are asked about at once."""
        known: Around = self._around.setdefault((question, tenant), {})
        wanted = [one for one in dict.fromkeys(learners) if one not in known]
        if wanted:
            known |= question(self._queries, tenant, wanted)
        return known

    def _kept(self, asked: Hashable, ask: Callable[[], Answer]) -> Answer:
        if asked not in self._answers:
            self._answers[asked] = ask()
        return self._answers[asked]  # type: ignore[return-value]
