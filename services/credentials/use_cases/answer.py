"""Answer questions about awards and credentials."""

from collections.abc import Iterable
from uuid import UUID

from services.credentials.domain.award import Award, Standing
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.queries import AwardRow, CredentialRow
from services.credentials.use_cases.award import credential_context
from services.credentials.use_cases.refusals import CredentialUnknown
from services.credentials.use_cases.work import Tools, fold
from services.runtime.erased import learner_erased
from services.runtime.keys import KeyDestroyed

WAITING = (Standing.PROPOSED, Standing.REVOCATION_PROPOSED)
START = (0, b"")


class Answers:
    """Reads; never decides."""

    def __init__(self, tools: Tools, partitions: Partitions) -> None:
        self._tools = tools
        self._partitions = partitions

    def credential(self, tenant: str, credential_id: str) -> CredentialRow:
        """One credential of the tenant's."""
        found = self._tools.queries.credential(tenant, credential_id)
        if found is None:
            raise CredentialUnknown
        return found

    def content(self, row: CredentialRow) -> bytes:
        """The credential as it was signed, byte for byte; 410 once its learner is erased."""
        self.check_not_erased(row.tenant, row.learner)
        key = self._tools.owners(row.tenant, row.award)
        return key.open(row.sealed, credential_context(row.tenant, row.id, key))

    def credentials_of(self, tenant: str, learner: UUID) -> list[tuple[CredentialRow, Award]]:
        """A learner's credentials, the oldest first."""
        self.check_not_erased(tenant, learner)
        self._tools.owners.check_learner(tenant, learner)
        rows = self._tools.queries.credentials_of(tenant, learner)
        return [(row, self._folded(row)) for row in rows]

    def check_not_erased(self, tenant: str, learner: UUID) -> None:
        """Raises LearnerErased, which names the event."""
        erased = self._tools.queries.erased(tenant, learner)
        if erased is not None:
            raise learner_erased(*erased)

    def _folded(self, row: CredentialRow) -> Award:
        """The award's events lie where those of its first learner do."""
        store = self._partitions.reading(self._partitions.of_learner(row.tenant, row.learner))
        return fold(store.stream(row.award))

    def awards(self, rows: Iterable[AwardRow]) -> list[tuple[AwardRow, Award]]:
        """Each award as its events make it; those of erased learners are left out."""
        found = ((row, self._award(row)) for row in rows)
        return [(row, award) for row, award in found if award is not None]

    def _award(self, row: AwardRow) -> Award | None:
        try:
            return fold(self._partitions.reading(row.partition).stream(row.id))
        except KeyDestroyed:
            return None
