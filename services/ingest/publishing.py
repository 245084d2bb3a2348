"""What the others are told on `ingest.learner`: decisions as public events, sealed for the learner they are about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from contracts.envelope import PublicEvent, log_key
from contracts.events import INGEST_LEARNER
from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from services.ingest.domain.checks import CheckedClaim
from services.ingest.domain.records import Accept, Move, Retract, Revise
from services.ingest.use_cases.settle import Occurrence
from services.runtime.sealing import Sealer, Written
from services.runtime.store.outbox import OutboxMessage

MOVED = "the source corrected whose it is"
WITHDRAWN = "withdrawn by the source"


@dataclass(frozen=True, slots=True)
class Publishing:
    """Seals public events into messages for the log."""

    sealer: Sealer

    def __call__(self, occurrence: Occurrence, new_id: Callable[[], UUID]) -> list[OutboxMessage]:
        """The messages of one decision, in order; most decisions have none or one."""
        tenant, at, evidence, receipt = occurrence.origin.tenant, occurrence.at, occurrence.evidence, occurrence.receipt
        match occurrence.decision:
            case Accept(checked):
                event = accepted(checked, occurrence)
            case Revise(checked, replaced):
                event = revised(replaced, checked, occurrence)
            case Retract(retracted, learner):
                withdrawn = EvidenceRetractedV1(retracts=retracted, reason=WITHDRAWN, receipt=receipt)
                return [self.about(learner, withdrawn, new_id(), tenant, at)]
            case Move(checked, moved, learner):
                retraction = EvidenceRetractedV1(retracts=moved, reason=MOVED, receipt=receipt)
                event = accepted(checked, occurrence, moved_from=moved)
                return [
                    self.about(learner, retraction, new_id(), tenant, at),
                    self._evidence(occurrence, event, checked),
                ]
            case _:
                return []
        assert evidence is not None
        return [self._evidence(occurrence, event, checked)]

    def about(
        self,
        learner: UUID,
        event: PublicEvent | Written,
        event_id: UUID,
        tenant: str,
        at: datetime,
        occurred_at: datetime | None = None,
    ) -> OutboxMessage:
        """Any public event about a learner, sealed and addressed."""
        subject = str(learner)
        value = self.sealer.seal(event, id=event_id, tenant=tenant, subject=subject, time=at, occurred_at=occurred_at)
        return OutboxMessage(INGEST_LEARNER, log_key(tenant, subject), event_id, value)

    def _evidence(self, occurrence: Occurrence, event: Written, checked: CheckedClaim) -> OutboxMessage:
        assert occurrence.learner is not None, "only evidence of a known learner is accepted"
        assert occurrence.evidence is not None, "and it has an id"
        return self.about(
            occurrence.learner,
            event,
            occurrence.evidence,
            occurrence.origin.tenant,
            occurrence.at,
            checked.claim.occurred_at,
        )


def accepted(checked: CheckedClaim, occurrence: Occurrence, moved_from: UUID | None = None) -> Written:
    """`EvidenceAcceptedV1` in the bytes the model would write."""
    said = {"content": content_of(checked, occurrence), "moved_from": moved_from, "merged_with": None}
    return Written(EvidenceAcceptedV1.TYPE, _json(said))


def revised(replaced: UUID, checked: CheckedClaim, occurrence: Occurrence) -> Written:
    """`EvidenceRevisedV1` in the bytes the model would write."""
    return Written(EvidenceRevisedV1.TYPE, _json({"revises": replaced, "content": content_of(checked, occurrence)}))


def content_of(checked: CheckedClaim, occurrence: Occurrence) -> dict[str, object]:
    """`EvidenceContent` in plain values: the claim as checked (so it fits the model), and where it came from."""
    claim, origin, competency = checked.claim, occurrence.origin, checked.competency
    assessor = claim.assessor
    return {
        "competency": {
            "framework": competency.framework,
            "identifier": competency.identifier,
            "code": competency.code,
        },
        "rating": {
            "scale": claim.scale,
            "scale_version": checked.scale_version,
            "level": checked.level,
            "score": checked.score,
            "observed": checked.observed,
        },
        "assessor": {"id": assessor.id, "role": assessor.role, "organisation": assessor.organisation},
        "pathway": claim.pathway,
        "kind": claim.kind,
        "activity": {"id": claim.activity, "artifact": claim.artifact, "attempt": claim.attempt},
        "organisation": origin.organisation,
        "source": origin.source,
        "receipt": occurrence.receipt,
        "mapping": origin.mapping,
        "comment": claim.comment,
        "expires_at": claim.expires_at,
    }


def _json(said: Mapping[str, object]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_UTC_Z)
