"""What the credential service publishes on `credentials.learner`."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.envelope import PublicEvent, Slug
from contracts.mastery_v1 import Cause


class CredentialIssuedV1(PublicEvent):
    """A credential was signed for an award."""

    TYPE: ClassVar[str] = "org.wayproof.credentials.credential-issued.v1"
    credential: str = Field(description="The credential's id, a URI.")
    award: UUID
    achievement: Slug
    achievement_digest: str
    met_by: UUID = Field(description="The RequirementMet event.")
    cycle: int
    status_list: str
    status_index: int


class CredentialRevokedV1(PublicEvent):
    """Its status bit is set, for good."""

    TYPE: ClassVar[str] = "org.wayproof.credentials.credential-revoked.v1"
    credential: str
    award: UUID
    cause: Cause
    caused_by: UUID
    reason: str
