"""What the other services are told: thresholds with all that a credential states, and reference documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1, ScaleLevel, ScalePublishedV1, ScoreRange
from contracts.envelope import PublicEvent
from contracts.mastery_v1 import (
    AchievedLevel,
    DocumentRef,
    LevelLostV1,
    LevelReachedV1,
    RequirementLapsedV1,
    RequirementMetV1,
)
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
from services.runtime.sealing import Written

PUBLIC: dict[type[Threshold], type[PublicEvent]] = {
    LevelReached: LevelReachedV1,
    LevelLost: LevelLostV1,
    RequirementMet: RequirementMetV1,
    RequirementLapsed: RequirementLapsedV1,
}


class Publishing:
    """Thresholds as public events, in the bytes their models would write: the documents' share of them is written once.

    Documents are looked up by the versions a threshold names.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._stated: dict[tuple[str, str, str, str], Stated] = {}
        self._said: tuple[str, str, Achieved, orjson.Fragment] | None = None  # the last of them
        self._named: dict[tuple[str, str], tuple[orjson.Fragment, orjson.Fragment]] = {}

    def to_public(self, threshold: Threshold, tenant: str, partition: int, seq: int) -> Written:
        """The public event of a threshold event at its place in the journal."""
        policy, documents = self._documents_of(threshold, tenant)
        said = {
            "policy": policy,
            "node": threshold.node,
            "cycle": threshold.cycle,
            "cause": threshold.cause,
            "caused_by": threshold.caused_by,
            "evidence": threshold.evidence,
            "evidence_count": threshold.evidence_count,
            "documents": documents,
            "position": {"partition": partition, "seq": seq},
            "effective_at": threshold.effective_at,
            "recorded_at": threshold.recorded_at,
            "merged_with": threshold.merged_with,
        }
        if isinstance(threshold, LevelReached):
            said["achieved"] = self._achieved(tenant, threshold, threshold.achieved)
        elif isinstance(threshold, RequirementMet):
            said["achieved"] = [self._achieved(tenant, threshold, achieved) for achieved in threshold.achieved]
            said["valid_until"] = threshold.valid_until
        return Written(PUBLIC[type(threshold)].TYPE, orjson.dumps(said, option=orjson.OPT_UTC_Z))

    def _documents_of(self, threshold: Threshold, tenant: str) -> tuple[orjson.Fragment, orjson.Fragment]:
        """The policy, and all the documents it names: the same for every threshold under one digest."""
        key = (tenant, threshold.documents[0].digest)
        if key not in self._named:
            named = [DocumentRef(kind=d.kind, id=d.id, version=d.version, digest=d.digest) for d in threshold.documents]
            each = [document.model_dump_json().encode() for document in named]
            self._named[key] = orjson.Fragment(each[0]), orjson.Fragment(b"[" + b",".join(each) + b"]")
        return self._named[key]

    def _achieved(self, tenant: str, threshold: Threshold, achieved: Achieved) -> orjson.Fragment:
        """What a level says is said again by each requirement above it, in the events that follow."""
        digest, said = threshold.documents[0].digest, self._said
        if said is not None and said[2] is achieved and said[:2] == (tenant, digest):
            return said[3]
        key = (tenant, digest, achieved.framework, achieved.code)
        stated = self._stated.get(key)
        if stated is None:
            stated = self._stated[key] = self._state(tenant, threshold, achieved)
        self._said = tenant, digest, achieved, stated.with_result(achieved)
        return self._said[3]

    def _state(self, tenant: str, threshold: Threshold, achieved: Achieved) -> "Stated":
        """What the documents say of a competency, whoever reached it."""
        version = next(d.version for d in threshold.documents if (d.kind, d.id) == ("framework", achieved.framework))
        framework = self._documents.framework(tenant, achieved.framework, version)
        scale = self._documents.scale(tenant, achieved.scale, achieved.scale_version)
        assert framework is not None
        assert scale is not None
        item = next(item for item in framework.content.items if item.identifier == achieved.competency)
        plan = self._documents.rules(tenant)[threshold.documents[0].digest].plans[achieved.code]
        return Stated.of(
            framework=achieved.framework,
            framework_title=framework.content.title,
            framework_uri=framework.content.uri,
            competency=achieved.competency,
            code=achieved.code,
            statement=item.statement,
            uri=item.uri,
            scale=achieved.scale,
            scale_version=achieved.scale_version,
            scale_levels=_levels(scale.content, plan.levels),
        )


@dataclass(frozen=True, slots=True)
class Stated:
    """The beginning of an achieved level's JSON, and that of each level it may be at."""

    beginning: bytes
    levels: dict[str, orjson.Fragment]

    @classmethod
    def of(cls, *, scale_levels: tuple[ScaleLevel, ...], **said: Any) -> "Stated":
        """Written by the model, with a result to be replaced."""
        model = AchievedLevel(**said, scale_levels=scale_levels, required="0", evidence=(), evidence_count=0)
        whole = model.model_dump_json(include={*said, "scale_levels"}).encode()
        by_code = {level.code: orjson.Fragment(level.model_dump_json().encode()) for level in reversed(scale_levels)}
        return cls(whole.removesuffix(b"}"), by_code)

    def with_result(self, achieved: Achieved) -> orjson.Fragment:
        """All of it, with what the learner reached."""
        result = {
            "level": None if achieved.level is None else self.levels.get(achieved.level),
            "value": achieved.value,
            "required": achieved.required,
            "evidence": achieved.evidence,
            "evidence_count": achieved.evidence_count,
        }
        return orjson.Fragment(b"%b,%b" % (self.beginning, orjson.dumps(result)[1:]))


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


def _levels(scale: ScaleDocument, named: Sequence[tuple[Fraction, str]]) -> tuple[ScaleLevel, ...]:
    """The scale's levels, or the policy's own when it names its levels otherwise."""
    codes = {level.code for level in scale.levels}
    if all(code in codes for _, code in named):
        return tuple(ScaleLevel(**level.model_dump()) for level in scale.levels)
    return tuple(ScaleLevel(code=code, name=code, points=shown(mark)) for mark, code in named)
