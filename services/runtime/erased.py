"""The one answer to every question about a learner that was erased."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.runtime.clock import format_instant
from services.runtime.refusals import Refusal


class LearnerErased(Refusal):
    """The learner was erased: what was said of it can no longer be read, by the event named here."""

    status: ClassVar[int] = 410


def learner_erased(event: UUID, at: datetime) -> LearnerErased:
    """The refusal that names the event and its instant."""
    return LearnerErased(event=str(event), erased_at=format_instant(at))
