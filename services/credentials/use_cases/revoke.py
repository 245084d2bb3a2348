"""Follow a requirement that lapsed: revoke, propose to, or withdraw what nobody had granted yet."""

from datetime import timedelta
from uuid import UUID

from services.credentials.domain.achievement import Definition, Rule
from services.credentials.domain.commands import LapseAward
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.work import Work

WINDOW = timedelta(hours=1)


def rule_for(work: Work, tenant: str, definition: Definition, cause: str, per_hour_max: int) -> Rule:
    """The definition's rule for the cause; after many revocations in an hour only proposals: something may be wrong."""
    rule = definition.revocation_rule(cause)
    if rule is Rule.PROPOSE:
        return rule
    recent = work.snapshot.revoked_since(tenant, work.now - WINDOW) + work.revoked.get(tenant, 0)
    return Rule.PROPOSE if recent >= per_hour_max else rule


def lapse(work: Work, owner: Owner, award_id: UUID, command: LapseAward) -> None:
    """What the lapse does to the award of this cycle; of any other cycle, nothing."""
    work.do(owner, award_id, command)
