"""Record what a person decided about a proposed award or a proposed revocation."""

from uuid import UUID

from services.credentials.domain.award import Award, NothingToDecide
from services.credentials.domain.commands import DecideAward
from services.credentials.domain.events import Author, Decision
from services.credentials.signing.errors import NotSignable
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.queries import AwardRow
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.award import issue
from services.credentials.use_cases.refusals import AwardUnknown, CredentialNotSignable, NotWaitingForDecision
from services.credentials.use_cases.work import Tools, Work
from services.runtime.clock import Clock
from services.runtime.erased import learner_erased
from services.runtime.store.port import PartitionStore


class DecideAwards:
    """One decision, one transaction; granting issues the credential."""

    def __init__(self, tools: Tools, partitions: Partitions, clock: Clock) -> None:
        self._tools = tools
        self._partitions = partitions
        self._clock = clock

    def decide(self, tenant: str, award_id: UUID, decision: Decision, by: Author) -> tuple[AwardRow, Award]:
        """The award after the decision."""
        row = self._tools.queries.award(tenant, award_id)
        if row is None:
            raise AwardUnknown
        if (erased := self._tools.queries.erased(tenant, row.learner)) is not None:
            raise learner_erased(*erased)
        owner = Owner(row.tenant, row.learner, row.partition)

        def decided(store: PartitionStore) -> Award:
            with self._tools.snapshot() as snapshot:
                work = Work(self._tools, store, snapshot, self._clock.now())
                award = self._decide(work, owner, award_id, DecideAward(decision, by, work.now))
                work.commit()
                return award

        award = self._partitions.deciding(row.partition, decided)
        found = self._tools.queries.award(tenant, award_id)
        assert found is not None
        return found, award

    def _decide(self, work: Work, owner: Owner, award_id: UUID, command: DecideAward) -> Award:
        try:
            work.do(owner, award_id, command)
            if command.decision is Decision.GRANT:
                self._issue(work, owner, work.award(award_id))
        except NothingToDecide:
            raise NotWaitingForDecision from None
        except NotSignable as fault:
            raise CredentialNotSignable(fault.code, at=fault.pointer) from None
        return work.award(award_id)

    def _issue(self, work: Work, owner: Owner, award: Award) -> None:
        assert award.proposed is not None
        definition = work.snapshot.by_digest(owner.tenant, award.proposed.achievement_digest)
        issue(work, owner, definition, award)
