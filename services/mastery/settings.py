"""What the mastery service is told when it starts."""

from typing import ClassVar

from pydantic import Field

from services.runtime.settings import RuntimeSettings


class MasterySettings(RuntimeSettings):
    """Settings of the mastery service."""

    SERVICE: ClassVar[str] = "mastery"

    port: int = Field(8802, ge=0, le=65535, description="The port the mastery service listens on; 0 takes a free one.")
    records_cached_max: int = Field(
        8_000, ge=1, le=1_000_000, description="Learner records each partition's writer keeps in memory."
    )
    evidence_cached_max: int = Field(
        12_500, ge=1, le=100_000_000, description="Pieces of evidence in them, of about two kilobytes of memory each."
    )
    sweep_learners_max: int = Field(
        200, ge=1, le=10_000, description="Learners that adopt a newly activated policy in one transaction."
    )
