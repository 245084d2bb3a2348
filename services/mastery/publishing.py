"""What the other services are told: thresholds with all that a credential states, and reference documents."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1, ScaleLevel, ScalePublishedV1, ScoreRange
from contracts.mastery_v1 import (
    AchievedLevel,
    DocumentRef,
    JournalPosition,
    LevelLostV1,
    LevelReachedV1,
    RequirementLapsedV1,
    RequirementMetV1,
)
from contracts.mastery_v1 import Threshold as PublicThreshold
from services.mastery.documents.framework import FrameworkDocument
from services.mastery.documents.library import Stored
from services.mastery.documents.scale import ScaleDocument, mark_units
from services.mastery.domain.rounding import UNIT, shown
from services.mastery.domain.thresholds import (
    Achieved,
    LevelLost,
    LevelReached,
    RequirementLapsed,
    RequirementMet,
    Threshold,
)
from services.mastery.storage.documents import Documents


class Publishing:
    """Thresholds as public events; documents are looked up by the versions a threshold names."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._stated: dict[tuple[str, str, str, str], dict[str, Any]] = {}

    def to_public(self, threshold: Threshold, tenant: str, position: JournalPosition) -> PublicThreshold:
        """The public event of a threshold event."""
        common = _common(threshold, position)
        match threshold:
            case LevelReached(achieved=achieved):
                return LevelReachedV1(**common, achieved=self._achieved(tenant, threshold, achieved))
            case RequirementMet(achieved=several):
                return RequirementMetV1(
                    **common, achieved=tuple(self._achieved(tenant, threshold, achieved) for achieved in several)
                )
            case LevelLost():
                return LevelLostV1(**common)
            case RequirementLapsed():
                return RequirementLapsedV1(**common)

    def _achieved(self, tenant: str, threshold: Threshold, achieved: Achieved) -> AchievedLevel:
        digest = threshold.documents[0].digest
        key = (tenant, digest, achieved.framework, achieved.code)
        if key not in self._stated:
            self._stated[key] = self._state(tenant, digest, threshold, achieved)
        stated = self._stated[key]
        return AchievedLevel(
            **stated,
            level=next((level for level in stated["scale_levels"] if level.code == achieved.level), None),
            value=achieved.value,
            required=achieved.required,
            evidence=achieved.evidence,
            evidence_count=achieved.evidence_count,
        )

    def _state(self, tenant: str, digest: str, threshold: Threshold, achieved: Achieved) -> dict[str, Any]:
        """What the documents say of a competency, whoever reached it."""
        version = next(d.version for d in threshold.documents if (d.kind, d.id) == ("framework", achieved.framework))
        framework = self._documents.framework(tenant, achieved.framework, version)
        scale = self._documents.scale(tenant, achieved.scale, achieved.scale_version)
        assert framework is not None
        assert scale is not None
        item = next(item for item in framework.content.items if item.identifier == achieved.competency)
        plan = self._documents.rules(tenant)[digest].plans[achieved.code]
        return {
            "framework": achieved.framework,
            "framework_title": framework.content.title,
            "framework_uri": framework.content.uri,
            "competency": achieved.competency,
            "code": achieved.code,
            "statement": item.statement,
            "uri": item.uri,
            "scale": achieved.scale,
            "scale_version": achieved.scale_version,
            "scale_levels": _levels(scale.content, plan.levels),
        }


def framework_published(framework: Stored[FrameworkDocument]) -> FrameworkPublishedV1:
    """The public event of a framework that was put."""
    content = framework.content
    items = tuple(FrameworkItem(**item.model_dump()) for item in content.items)
    return FrameworkPublishedV1(
        framework=content.id,
        version=content.version,
        digest=framework.digest,
        title=content.title,
        uri=content.uri,
        items=items,
    )


def scale_published(scale: Stored[ScaleDocument]) -> ScalePublishedV1:
    """The public event of a scale that was put."""
    content = scale.content
    return ScalePublishedV1(
        scale=content.id,
        version=content.version,
        digest=scale.digest,
        title=content.title,
        levels=tuple(ScaleLevel(**level.model_dump()) for level in content.levels),
        range=ScoreRange(**content.range.model_dump()) if content.range else None,
        proficient=shown(Fraction(mark_units(content, content.proficient), UNIT)),
        not_values=content.not_values,
    )


def document_event_id(tenant: str, kind: str, digest: str) -> UUID:
    """The id of the event that publishes a document: the same document is published under the same id."""
    return uuid5(NAMESPACE_URL, f"urn:wayproof:mastery:published:{tenant}:{kind}:{digest}")


def _common(threshold: Threshold, position: JournalPosition) -> dict[str, Any]:
    documents = tuple(
        DocumentRef(kind=d.kind, id=d.id, version=d.version, digest=d.digest) for d in threshold.documents
    )
    return {
        "policy": documents[0],
        "node": threshold.node,
        "cycle": threshold.cycle,
        "cause": threshold.cause,
        "caused_by": threshold.caused_by,
        "evidence": threshold.evidence,
        "evidence_count": threshold.evidence_count,
        "documents": documents,
        "position": position,
        "effective_at": threshold.effective_at,
        "recorded_at": threshold.recorded_at,
        "merged_with": threshold.merged_with,
    }


def _levels(scale: ScaleDocument, named: Sequence[tuple[Fraction, str]]) -> tuple[ScaleLevel, ...]:
    """The scale's levels, or the policy's own when it names its levels otherwise."""
    codes = {level.code for level in scale.levels}
    if all(code in codes for _, code in named):
        return tuple(ScaleLevel(**level.model_dump()) for level in scale.levels)
    return tuple(ScaleLevel(code=code, name=code, points=shown(mark)) for mark, code in named)
