"""What the service tells the others of its own events: pure."""

from uuid import UUID

from contracts.credentials_v1 import CredentialIssuedV1, CredentialRevokedV1
from contracts.envelope import PublicEvent
from services.credentials.domain.award import Award
from services.credentials.domain.events import CredentialIssued, CredentialRevoked, Event
from services.credentials.formats.issuer import Issuer


def to_public(event: Event, award: Award) -> PublicEvent | None:
    """The public event, when there is one; `award` is the award after it."""
    proposed, place = award.proposed, award.place
    match event:
        case CredentialIssued():
            assert proposed is not None
            assert place is not None
            return CredentialIssuedV1(
                credential=event.credential_id,
                award=event.award_id,
                achievement=proposed.achievement,
                achievement_digest=proposed.achievement_digest,
                met_by=proposed.met_by,
                cycle=proposed.cycle,
                status_list=f"{event.issuer_url}/status/{place.list_id}",
                status_index=place.index,
            )
        case CredentialRevoked():
            return CredentialRevokedV1.model_validate(
                {
                    "credential": event.credential_id,
                    "award": event.award_id,
                    "cause": event.cause,
                    "caused_by": event.caused_by,
                    "reason": event.reason,
                }
            )
    return None


def event_id_of(issuer: Issuer, event: CredentialIssued | CredentialRevoked) -> UUID:
    """Said once for each award: the same decision, the same id."""
    return issuer.id_of(event.TOPIC, event.award_id)
