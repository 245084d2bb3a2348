"""An award: recognising that one learner met one requirement once, its credential, and how both may end."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.credentials.domain.achievement import Rule
from services.credentials.domain.claims import Achieved, StatusPlace
from services.credentials.domain.transfers import AwardTransferred, TransferAward


class NothingToDecide(Exception):
    """Nothing about this award waits for a decision like that."""


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


# ---- commands


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
    """`holder` no longer meets the requirement in its `cycle`; `heir` is the same person; `rule` may revoke."""

    cause: str
    caused_by: UUID
    rule: Rule
    at: datetime
    holder: UUID | None = None
    cycle: int | None = None
    heir: UUID | None = None


Command = ProposeAward | DecideAward | AssignStatusIndex | IssueCredential | LapseAward | TransferAward


# ---- events


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


# ---- state


class Standing(StrEnum):
    """Where an award stands."""

    NONE = "none"
    PROPOSED = "proposed"
    GRANTED = "granted"
    ISSUED = "issued"
    REVOCATION_PROPOSED = "revocation_proposed"
    KEPT = "kept"
    REVOKED = "revoked"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Award:
    """The award as far as the next decision, or making its credential again, needs it."""

    standing: Standing = Standing.NONE
    proposed: AwardProposed | None = None
    granted_at: datetime | None = None
    place: StatusPlace | None = None
    issued: CredentialIssued | None = None
    lapse: RevocationProposed | None = None
    holder: UUID | None = None  # whose meeting of the requirement it answers to, and which
    cycle: int = 0


def decide(command: Command, award: Award) -> list[Event]:
    """What the command does to the award; asked again, nothing."""
    match command:
        case ProposeAward():
            return _propose(command, award)
        case DecideAward():
            return _decided(command, award)
        case AssignStatusIndex(place):
            granted = award.standing is Standing.GRANTED and award.place is None
            return [StatusIndexAssigned(_id(award), place.list_id, place.index)] if granted else []
        case IssueCredential():
            return _issue(command, award)
        case LapseAward():
            return _lapse(command, award)
        case TransferAward():
            return _transfer(command, award)


def _propose(command: ProposeAward, award: Award) -> list[Event]:
    if award.standing is not Standing.NONE:
        return []  # the log delivers at least once; the second time changes nothing
    proposed = AwardProposed(
        command.award_id,
        command.learner,
        command.achievement,
        command.achievement_digest,
        command.policy,
        command.node,
        command.cycle,
        command.met_by,
        command.cause,
        command.achieved,
        command.at,
    )
    return [proposed, AwardGranted(command.award_id, None, command.at)] if command.rule is Rule.AT_ONCE else [proposed]


def _decided(command: DecideAward, award: Award) -> list[Event]:
    decision, by, at = command.decision, command.by, command.at
    match award.standing, decision:
        case Standing.PROPOSED, Decision.GRANT:
            return [AwardGranted(_id(award), by, at)]
        case Standing.PROPOSED, Decision.DECLINE:
            return [AwardDeclined(_id(award), by, at)]
        case Standing.REVOCATION_PROPOSED, Decision.KEEP:
            return [RevocationDecided(_id(award), decision, by, at)]
        case Standing.REVOCATION_PROPOSED, Decision.REVOKE:
            assert award.lapse is not None
            revoked = _revoked(award, award.lapse.cause, award.lapse.caused_by, by.reason, at)
            return [RevocationDecided(_id(award), decision, by, at), revoked]
    raise NothingToDecide


def _issue(command: IssueCredential, award: Award) -> list[Event]:
    if award.standing is not Standing.GRANTED or award.place is None:
        return []
    c = command
    return [
        CredentialIssued(_id(award), c.credential_id, c.issuer, c.issuer_url, c.issuer_name, c.key_id, c.content, c.at)
    ]


def _lapse(command: LapseAward, award: Award) -> list[Event]:
    cause, caused_by, at = command.cause, command.caused_by, command.at
    if command.holder is not None and (command.holder, command.cycle) != (award.holder, award.cycle):
        return []  # it answers to somebody else by now
    if award.standing is Standing.PROPOSED:
        return [AwardWithdrawn(_id(award), cause, caused_by, at)]
    if award.standing is not Standing.ISSUED:
        return []
    if command.rule is Rule.AT_ONCE:
        return [_revoked(award, cause, caused_by, f"The requirement lapsed: {cause}.", at)]
    return [RevocationProposed(_id(award), cause, caused_by, at, command.heir)]


def _transfer(command: TransferAward, award: Award) -> list[Event]:
    """What stands, or waits for a person only because its learner was merged; home it may always go."""
    assert award.proposed is not None
    lapse, to = award.lapse, command.holder
    merged = lapse is not None and lapse.cause == "merge" and to in (lapse.heir, award.proposed.learner)
    waits = award.standing is Standing.REVOCATION_PROPOSED and merged
    if award.holder in (None, to) or not (award.standing is Standing.ISSUED or waits):
        return []
    assert award.holder is not None
    return [AwardTransferred(_id(award), award.holder, to, command.cycle, command.met_by, command.at)]


def _revoked(award: Award, cause: str, caused_by: UUID, reason: str, at: datetime) -> CredentialRevoked:
    assert award.issued is not None
    return CredentialRevoked(_id(award), award.issued.credential_id, cause, caused_by, reason, at)


def _id(award: Award) -> UUID:
    assert award.proposed is not None
    return award.proposed.award_id


def evolve(award: Award, event: Event) -> Award:
    """The award after the event."""
    match event:
        case AwardProposed():
            return replace(award, standing=Standing.PROPOSED, proposed=event, holder=event.learner, cycle=event.cycle)
        case AwardGranted(at=at):
            return replace(award, standing=Standing.GRANTED, granted_at=at)
        case AwardDeclined():
            return replace(award, standing=Standing.DECLINED)
        case AwardWithdrawn():
            return replace(award, standing=Standing.WITHDRAWN)
        case StatusIndexAssigned(list_id=list_id, index=index):
            return replace(award, place=StatusPlace(list_id, index))
        case CredentialIssued():
            return replace(award, standing=Standing.ISSUED, issued=event)
        case RevocationProposed():
            return replace(award, standing=Standing.REVOCATION_PROPOSED, lapse=event)
        case RevocationDecided(decision=Decision.KEEP):
            return replace(award, standing=Standing.KEPT)
        case RevocationDecided():
            return award  # what it says comes next: the revocation itself
        case CredentialRevoked():
            return replace(award, standing=Standing.REVOKED)
        case AwardTransferred(holder=holder, cycle=cycle):
            return replace(award, standing=Standing.ISSUED, holder=holder, cycle=cycle, lapse=None)
