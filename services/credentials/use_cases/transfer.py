"""Awards that change hands when learners are merged: found by their rows, decided in the partition they lie in."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from contracts.mastery_v1 import RequirementLapsedV1, RequirementMetV1
from services.credentials.domain.award import Award
from services.credentials.domain.commands import TransferAward
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.queries import AwardRow
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.work import Work, fold


class Transfers:
    """Transfers happen in a transaction of the award's own partition, before the one that follows them commits.

    A kill between the two repeats the second: then the award has moved already and nothing is issued beside it.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    def on_met(self, work: Work, owner: Owner, event: RequirementMetV1, event_id: UUID) -> set[str]:
        """The achievements that somebody's award already recognises, now this learner's: no second one is made."""
        answered: set[str] = set()
        command = TransferAward(owner.learner, event.cycle, event_id, event.recorded_at)
        for row in self._candidates(work, owner, event):
            with self.at(work, row) as elsewhere:
                award = elsewhere.award(row.id)
                if recognises(award, event):
                    elsewhere.do(owner_of(row), row.id, command)
                    award = elsewhere.award(row.id)
                    if (award.holder, award.cycle) == (owner.learner, event.cycle):
                        assert award.proposed is not None
                        answered.add(award.proposed.achievement)
        return answered

    def answered(self, work: Work, owner: Owner, event: RequirementMetV1) -> set[str]:
        """The achievements of which an award came to the learner for this meeting of the requirement."""
        found: set[str] = set()
        for row in self.came_to(work, owner):
            here = row.partition == work.store.partition
            award = work.award(row.id) if here else fold(self._partitions.reading(row.partition).stream(row.id))
            if recognises(award, event) and (award.holder, award.cycle) == (owner.learner, event.cycle):
                assert award.proposed is not None
                found.add(award.proposed.achievement)
        return found

    def came_to(self, work: Work, owner: Owner) -> list[AwardRow]:
        """The awards the learner has, also those that came by a merge or home again: they lapse with its requirement.

        One that came home answers to another meeting of the requirement than the one it was made for.
        """
        return work.snapshot.held_by(owner.tenant, owner.learner)

    def heir(self, work: Work, owner: Owner, requirement: bytes, event: RequirementLapsedV1) -> TransferAward | None:
        """What hands the award on, when the learner it was merged into meets the requirement by now."""
        if event.merged_with is None:
            return None
        partition = self._partitions.of_learner(owner.tenant, event.merged_with)
        met = work.tools.queries.meets(owner.tenant, requirement, partition, event.merged_with)
        return TransferAward(event.merged_with, *met, event.recorded_at) if met else None

    def _candidates(self, work: Work, owner: Owner, event: RequirementMetV1) -> list[AwardRow]:
        """Not those of other causes: what lapsed for another reason has been judged, and stays judged."""
        rows = {row.id: row for row in work.snapshot.moved_around(owner.tenant, owner.learner)}
        if event.merged_with is not None:
            rows |= {row.id: row for row in work.snapshot.held_by(owner.tenant, event.merged_with)}
        home = [row for row in rows.values() if row.learner == owner.learner]
        others = [row for row in rows.values() if row.learner != owner.learner]
        return others + (home if event.cause == "merge" else [])

    @contextmanager
    def at(self, work: Work, row: AwardRow) -> Iterator[Work]:
        """The work at hand, or a transaction of its own where the award lies in another partition."""
        if row.partition == work.store.partition:
            yield work
            return
        with self._partitions.visiting(row.partition) as store:
            work.snapshot.renew()  # whoever decided there has committed by now
            elsewhere = Work(work.tools, store, work.snapshot, work.now)
            yield elsewhere
            elsewhere.flush()


def recognises(award: Award, event: RequirementMetV1 | RequirementLapsedV1) -> bool:
    """Whether the award answers to this requirement."""
    proposed = award.proposed
    return proposed is not None and (proposed.policy, proposed.node) == (event.policy.id, event.node)


def owner_of(row: AwardRow) -> Owner:
    """Under whose key its events are sealed."""
    return Owner(row.tenant, row.learner, row.partition)
