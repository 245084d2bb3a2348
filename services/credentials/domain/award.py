"""An award: recognising that one learner met one requirement once, its credential, and how both may end."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.credentials.domain.achievement import Rule
from services.credentials.domain.claims import StatusPlace
from services.credentials.domain.commands import (
    AssignStatusIndex,
    Command,
    DecideAward,
    IssueCredential,
    LapseAward,
    ProposeAward,
    TransferAward,
)
from services.credentials.domain.events import (
    AwardDeclined,
    AwardGranted,
    AwardProposed,
    AwardTransferred,
    AwardWithdrawn,
    CredentialIssued,
    CredentialRevoked,
    Decision,
    Event,
    RevocationDecided,
    RevocationProposed,
    StatusIndexAssigned,
)


class NothingToDecide(Exception):
    """Nothing about this award waits for a decision like that."""


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
        command.valid_until,
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
    if award.standing is not Standing.ISSUED or _has_expired(command, award):
        return []
    if command.rule is Rule.AT_ONCE:
        return [_revoked(award, cause, caused_by, f"The requirement lapsed: {cause}.", at)]
    return [RevocationProposed(_id(award), cause, caused_by, at, command.heir)]


def _has_expired(command: LapseAward, award: Award) -> bool:
    """What time ended as its credential says is over; nobody need take it back."""
    ends = award.proposed.valid_until if award.proposed else None
    return command.cause == "time" and ends is not None and command.since is not None and command.since > ends


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
