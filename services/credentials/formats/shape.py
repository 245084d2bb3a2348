"""The last look before signing: what the quads cannot show but a reader of the JSON would stumble on."""

from collections.abc import Mapping
from typing import Any

from services.credentials.signing.errors import NotSignable


def check_badge(document: Mapping[str, Any]) -> None:
    """Refuse a badge without criteria, or with a level its scale does not have."""
    subject = document["credentialSubject"]
    achievement = subject["achievement"]
    if not achievement.get("criteria"):
        raise NotSignable("criteria-missing", "/credentialSubject/achievement/criteria")
    if "image" in achievement and not achievement["image"].get("id"):
        raise NotSignable("image-missing", "/credentialSubject/achievement/image")
    _check_levels(subject.get("result", []), achievement.get("resultDescription", []))


def _check_levels(results: list[Mapping[str, Any]], descriptions: list[Mapping[str, Any]]) -> None:
    levels = {one["id"]: {level["id"] for level in one.get("rubricCriterionLevel", [])} for one in descriptions}
    for place, result in enumerate(results):
        pointer = f"/credentialSubject/result/{place}"
        if result["resultDescription"] not in levels:
            raise NotSignable("result-description-missing", f"{pointer}/resultDescription")
        if "achievedLevel" in result and result["achievedLevel"] not in levels[result["resultDescription"]]:
            raise NotSignable("level-not-of-its-scale", f"{pointer}/achievedLevel")
