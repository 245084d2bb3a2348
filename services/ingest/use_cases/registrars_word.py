"""What a registrar says of a learner: work that is alone in its transaction, kept with who said so and why."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.ingest.use_cases.move import Tools


@dataclass(frozen=True, slots=True)
class Said:
    """Who says so, for which tenant, and why (kept sealed)."""

    tenant: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RegistrarsWord:
    """The shape of each such work: what it is made with, who says so, and of which learner."""

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    tools: Tools
    said: Said
    learner: UUID
