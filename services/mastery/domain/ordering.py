"""The one order of evidence: when it was shown, then when it was known, then its id."""

from datetime import datetime
from uuid import UUID

from services.mastery.domain.facts import EvidenceRecorded


def order_of(evidence: EvidenceRecorded) -> tuple[datetime, datetime, UUID]:
    """The sort key; it ends in the id, so that no two pieces ever tie."""
    return evidence.occurred_at, evidence.recorded_at, evidence.id
