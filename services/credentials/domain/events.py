"""What happens to an award; names and fields are stored, and never change their meaning."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.credentials.domain.claims import Achieved


class Decision(StrEnum):
    """What a person may say: of a proposed award grant or decline, of a proposed revocation revoke or keep."""

    GRANT = "grant"
    DECLINE = "decline"
    REVOKE = "revoke"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Author:
    """Who decided, as whom, and why."""

    id: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class AwardProposed:
    """The requirement was met: everything the credential will state is here."""

    TOPIC: ClassVar = "credentials.award-proposed.v1"
    award_id: UUID
    learner: UUID
    achievement: str
    achievement_digest: str
    policy: str
    node: str
    cycle: int
    met_by: UUID
    cause: str
    achieved: tuple[Achieved, ...]
    at: datetime
    valid_until: datetime | None = None  # when time alone ends it


@dataclass(frozen=True, slots=True)
class AwardGranted:
    """The award stands; `by` is None when meeting the requirement was enough."""

    TOPIC: ClassVar = "credentials.award-granted.v1"
    award_id: UUID
    by: Author | None
    at: datetime


@dataclass(frozen=True, slots=True)
class AwardDeclined:
    """A person declined to grant it."""

    TOPIC: ClassVar = "credentials.award-declined.v1"
    award_id: UUID
    by: Author
    at: datetime


@dataclass(frozen=True, slots=True)
class AwardWithdrawn:
    """The requirement lapsed before anybody decided."""

    TOPIC: ClassVar = "credentials.award-withdrawn.v1"
    award_id: UUID
    cause: str
    caused_by: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class StatusIndexAssigned:
    """Where the credential's revocation bit is, for good."""

    TOPIC: ClassVar = "credentials.status-index-assigned.v1"
    award_id: UUID
    list_id: str
    index: int


@dataclass(frozen=True, slots=True)
class CredentialIssued:
    """The credential was signed; its bytes can be made again from the events up to this one."""

    TOPIC: ClassVar = "credentials.credential-issued.v1"
    award_id: UUID
    credential_id: str
    issuer: str
    issuer_url: str
    issuer_name: str
    key_id: str
    content: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RevocationProposed:
    """The requirement lapsed in a way that only a person may answer."""

    TOPIC: ClassVar = "credentials.revocation-proposed.v1"
    award_id: UUID
    cause: str
    caused_by: UUID
    at: datetime
    heir: UUID | None = None  # of cause merge: who may yet meet the requirement in the holder's place


@dataclass(frozen=True, slots=True)
class RevocationDecided:
    """A person revoked or kept the credential."""

    TOPIC: ClassVar = "credentials.revocation-decided.v1"
    award_id: UUID
    decision: Decision
    by: Author
    at: datetime


@dataclass(frozen=True, slots=True)
class CredentialRevoked:
    """The bit is set, for good: a restored award is a new credential."""

    TOPIC: ClassVar = "credentials.credential-revoked.v1"
    award_id: UUID
    credential_id: str
    cause: str
    caused_by: UUID
    reason: str
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


Event = (
    AwardProposed
    | AwardGranted
    | AwardDeclined
    | AwardWithdrawn
    | StatusIndexAssigned
    | CredentialIssued
    | RevocationProposed
    | RevocationDecided
    | CredentialRevoked
    | AwardTransferred
)
EVENTS: tuple[type[Event], ...] = (
    AwardProposed,
    AwardGranted,
    AwardDeclined,
    AwardWithdrawn,
    StatusIndexAssigned,
    CredentialIssued,
    RevocationProposed,
    RevocationDecided,
    CredentialRevoked,
    AwardTransferred,
)
