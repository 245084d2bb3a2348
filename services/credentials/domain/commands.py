"""What may be asked of an award."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.credentials.domain.achievement import Rule
from services.credentials.domain.claims import Achieved, StatusPlace
from services.credentials.domain.events import Author, Decision


@dataclass(frozen=True, slots=True)
class ProposeAward:
    """The requirement was met, in its `cycle`-th time."""

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
    rule: Rule
    at: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecideAward:
    """A person decided about a proposed award or a proposed revocation."""

    decision: Decision
    by: Author
    at: datetime


@dataclass(frozen=True, slots=True)
class AssignStatusIndex:
    """Give the granted award its place in a status list."""

    place: StatusPlace


@dataclass(frozen=True, slots=True)
class IssueCredential:
    """The credential was signed; `content` is a keyed tag of its bytes."""

    credential_id: str
    issuer: str
    issuer_url: str
    issuer_name: str
    key_id: str
    content: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LapseAward:
    """`holder` no longer meets the requirement in its `cycle`; `heir` is the same person; `rule` may revoke.

    `since` is when it was lost, which of cause time may be long before it is said.
    """

    cause: str
    caused_by: UUID
    rule: Rule
    at: datetime
    holder: UUID | None = None
    cycle: int | None = None
    heir: UUID | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransferAward:
    """`holder` meets the requirement (by the event `met_by`, for the `cycle`-th time) and is the same person."""

    holder: UUID
    cycle: int
    met_by: UUID
    at: datetime


Command = ProposeAward | DecideAward | AssignStatusIndex | IssueCredential | LapseAward | TransferAward
