"""An award as an Open Badges 3.0 credential: each level reached is a result against a declared scale.

Arrays for `type`, `evidence`, `result`, `alignment`; one object for `credentialStatus`; no nulls and no empty
arrays: the one shape both official schemas and every verifier tried accept. Levels are listed low to high and
carry `level`, because RDF keeps no order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.credentials.domain.achievement import Definition
from services.credentials.domain.claims import Achieved, Level, StatusPlace
from services.credentials.formats.identity import Identity
from services.credentials.formats.issuer import Issuer, urn
from services.credentials.formats.terms import OB_CONTEXT, VC_CONTEXT

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recognition:
    """All that one credential says, as the service recorded it."""

    credential_id: str
    achievement: Definition
    identity: Identity
    achieved: Sequence[Achieved]
    awarded_at: datetime
    valid_from: datetime
    status: StatusPlace
    valid_until: datetime | None = None


def open_badge(recognition: Recognition, issuer: Issuer) -> Json:
    """The credential before it is signed."""
    evidence = _evidence(recognition.achieved)
    return _present(
        {
            "@context": [VC_CONTEXT, OB_CONTEXT],
            "id": recognition.credential_id,
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "issuer": {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.url},
            "validFrom": instant(recognition.valid_from),
            "validUntil": recognition.valid_until and instant(recognition.valid_until),
            "awardedDate": instant(recognition.awarded_at),
            "name": recognition.achievement.name,
            "credentialSubject": _subject(recognition, issuer),
            "evidence": evidence or None,
            "credentialStatus": _status(recognition.status, issuer),
        }
    )


def specimen(definition: Definition, issuer: Issuer) -> Json:
    """A badge of this achievement that says nothing of anybody, to see whether it could be signed."""
    nobody, epoch = Identity("sha256$", ""), datetime.fromtimestamp(0, UTC)
    return open_badge(
        Recognition(urn(issuer.id_of("specimen")), definition, nobody, (), epoch, epoch, StatusPlace("none", 0)), issuer
    )


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, never later than the instant itself."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _subject(recognition: Recognition, issuer: Issuer) -> Json:
    return _present(
        {
            "type": ["AchievementSubject"],
            "identifier": [recognition.identity.as_json()],
            "achievement": _achievement(recognition.achievement, recognition.achieved, issuer),
            "result": [_result(achieved, issuer) for achieved in recognition.achieved] or None,
        }
    )


def _achievement(definition: Definition, achieved: Sequence[Achieved], issuer: Issuer) -> Json:
    return _present(
        {
            "id": urn(issuer.id_of("achievement", definition.id, definition.digest)),
            "type": ["Achievement"],
            "achievementType": definition.kind,
            "name": definition.name,
            "description": definition.description,
            "criteria": _present({"id": definition.criteria_url, "narrative": definition.criteria}),
            "image": definition.image and {"id": definition.image, "type": "Image"},
            "alignment": list({one.uri: _item_alignment(one) for one in achieved if one.uri}.values()) or None,
            "resultDescription": [_result_description(one, issuer) for one in achieved] or None,
        }
    )


def _item_alignment(achieved: Achieved) -> Json:
    """The CASE item the achievement, or one result of it, is about."""
    return {
        "type": ["Alignment"],
        "targetCode": achieved.code,
        "targetFramework": achieved.framework_title,
        "targetName": achieved.statement,
        "targetType": "CFItem",
        "targetUrl": achieved.uri,
    }


def _result_description(achieved: Achieved, issuer: Issuer) -> Json:
    levels = _scale(achieved)
    required = _required_level(achieved, levels)
    return _present(
        {
            "id": _description_id(achieved, issuer),
            "type": ["ResultDescription"],
            "name": achieved.statement,
            "resultType": "RubricCriterionLevel" if levels else "RawScore",
            "requiredLevel": required and _level_id(achieved, required, issuer),
            "requiredValue": None if required else achieved.required,
            "rubricCriterionLevel": [_level(achieved, level, issuer) for level in levels] or None,
            "alignment": [_item_alignment(achieved)] if achieved.uri else None,
        }
    )


def _scale(achieved: Achieved) -> list[Level]:
    """Low to high, and never without the level that was reached."""
    levels = {level.code: level for level in achieved.scale_levels}
    if achieved.level:
        levels.setdefault(achieved.level.code, achieved.level)
    return sorted(levels.values(), key=lambda level: Decimal(level.points))


def _required_level(achieved: Achieved, levels: Sequence[Level]) -> Level | None:
    """The lowest level that satisfies what was required."""
    return next((level for level in levels if Decimal(level.points) >= Decimal(achieved.required)), None)


def _level(achieved: Achieved, level: Level, issuer: Issuer) -> Json:
    aligned = {
        "type": ["Alignment"],
        "targetCode": level.code,
        "targetFramework": achieved.framework_title,
        "targetName": level.name,
        "targetType": "CFRubricCriterionLevel",
        "targetUrl": level.uri,
    }
    return _present(
        {
            "id": _level_id(achieved, level, issuer),
            "type": ["RubricCriterionLevel"],
            "name": level.name,
            "level": level.code,
            "points": level.points,
            "alignment": [aligned] if level.uri else None,
        }
    )


def _result(achieved: Achieved, issuer: Issuer) -> Json:
    return _present(
        {
            "type": ["Result"],
            "resultDescription": _description_id(achieved, issuer),
            "achievedLevel": achieved.level and _level_id(achieved, achieved.level, issuer),
            "status": "Completed",
            "value": achieved.value,
        }
    )


def _evidence(achieved: Sequence[Achieved]) -> list[Json]:
    """Each piece of evidence once, by id: what it says stays with the learner's record."""
    ids = dict.fromkeys(piece for one in achieved for piece in one.evidence)
    return [{"id": urn(piece), "type": ["Evidence"]} for piece in ids]


def _status(place: StatusPlace, issuer: Issuer) -> Json:
    return {
        "id": f"{issuer.status_url(place.list_id)}#{place.index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(place.index),
        "statusListCredential": issuer.status_url(place.list_id),
    }


def _description_id(achieved: Achieved, issuer: Issuer) -> str:
    """One scale applied to one competency, whoever it is said of."""
    return urn(issuer.id_of("result", achieved.framework, achieved.competency, achieved.scale, achieved.scale_version))


def _level_id(achieved: Achieved, level: Level, issuer: Issuer) -> str:
    parts = (achieved.framework, achieved.competency, achieved.scale, achieved.scale_version, level.code)
    return urn(issuer.id_of("level", *parts))


def _present(document: Json) -> Json:
    """Without the members that have nothing to say: no null is ever signed."""
    return {name: value for name, value in document.items() if value is not None}
