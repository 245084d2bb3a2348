"""An award changes hands: two learners turned out to be one person, or one learner to be two."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TransferAward:
    """`holder` meets the requirement (by the event `met_by`, for the `cycle`-th time) and is the same person."""

    holder: UUID
    cycle: int
    met_by: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class AwardTransferred:
    """The award answers to another learner's meeting of the requirement; its credential's bytes stay what they are."""

    TOPIC: ClassVar = "credentials.award-transferred.v1"
    award_id: UUID
    origin: UUID
    holder: UUID
    cycle: int
    met_by: UUID
    at: datetime
