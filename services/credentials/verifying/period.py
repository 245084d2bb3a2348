"""Whether a document is in force at an instant."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from services.credentials.verifying.verdict import Unbelievable

SKEW = timedelta(minutes=5)  # two honest clocks differ


def check_period(document: Mapping[str, Any], now: datetime) -> None:
    """Raise Unbelievable before `validFrom` and after `validUntil`."""
    valid_from, valid_until = _instant(document, "validFrom"), _instant(document, "validUntil")
    if valid_from and now + SKEW < valid_from:
        raise Unbelievable("not-yet-valid", "The document is not valid yet.", "/validFrom")
    if valid_until and now - SKEW > valid_until:
        raise Unbelievable("expired", "The document is no longer valid.", "/validUntil")


def _instant(document: Mapping[str, Any], name: str) -> datetime | None:
    if name not in document:
        return None
    try:
        at = datetime.fromisoformat(document[name])
    except (TypeError, ValueError):
        _refuse(name)
    return at if at.tzinfo else _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise Unbelievable("instant-malformed", "An instant with a zone is wanted.", f"/{name}")
