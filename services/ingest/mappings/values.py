"""Text, exact numbers and times out of what was sent; what cannot be read is refused without being quoted."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Final, Never

from services.runtime.clock import last_instant

RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
PLAIN_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WHOLE: Final = re.compile(r"-?[0-9]{1,6}")
SIMPLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,11}")
NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
MISSING: Final = "missing"
TIME_DIRECTIVES: Final = frozenset("HIMSfp")
DIRECTIVES: Final = frozenset("YymdjbBHIMSfpz%")


class Unreadable(Exception):
    """What was sent does not read as what is wanted; the reason is a slug, the detail holds no value."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class SaysNothing(Exception):
    """Understood; there is no claim in it, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def as_text(value: object) -> str | None:
    """The value as text; None for what is not there."""
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is Decimal and value.is_finite() and -30 <= value.adjusted() <= 30:
        return format(value, "f")
    raise Unreadable("not-text", "an object, a list or an inexact number where text is wanted")


def required(value: object) -> str:
    """Text that is there and not blank."""
    text = value if type(value) is str else as_text(value)
    if not text or text.isspace():
        raise Unreadable(MISSING, "not there, or blank")
    return text


def optional(value: object) -> str | None:
    """Text, or None when blank."""
    text = as_text(value)
    return None if text is None or not text.strip() else text


def number(value: object) -> Fraction:
    """An exact number."""
    text = required(value).strip()
    if NUMBER.fullmatch(text) is None:
        raise Unreadable("not-a-number", "not a decimal number")
    return Fraction(text)


def exact(value: object) -> str:
    """A decimal number in its one shortest form, so that 3, 3.0 and 3e0 are the same score."""
    text = required(value).strip()
    return text if SIMPLE_NUMBER.fullmatch(text) else decimal_text(number(text), 9, exactly=True)


def decimal_text(value: Fraction, decimals: int, *, exactly: bool = False) -> str:
    """The fraction at so many decimals, half to even, without idle zeros; or refused if that is not exact."""
    scaled = value * 10**decimals
    rounded = round(scaled)
    if (exactly and rounded != scaled) or abs(rounded) >= 10 ** (12 + decimals):
        raise Unreadable("score-not-decimal", "at most 12 digits before the point and 9 after it")
    try:
        text = format(Decimal(rounded).scaleb(-decimals), "f")
    except InvalidOperation:
        raise Unreadable("score-not-decimal", "at most 12 digits before the point and 9 after it") from None
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def whole(value: object) -> int:
    """A whole number of at most six digits."""
    text = required(value).strip()
    if WHOLE.fullmatch(text) is None:
        raise Unreadable("not-a-whole-number", "not a whole number of at most six digits")
    return int(text)


def plain_date(value: object) -> date:
    """A day written 2026-09-10."""
    text = required(value).strip()
    try:
        return date.fromisoformat(text) if PLAIN_DATE.fullmatch(text) else _no_date()
    except ValueError:
        return _no_date()


def instant(value: object, formats: tuple[str, ...], zone: tzinfo) -> datetime:
    """The instant by the first format that fits."""
    text = required(value).strip()
    for wanted in formats:
        try:
            found = _instant_by(text, wanted, zone)
        except (ValueError, OverflowError):
            continue
        if found is not None:
            return found
    raise Unreadable("not-a-date", "not a date in a format of the mapping")


def _instant_by(text: str, wanted: str, zone: tzinfo) -> datetime | None:
    if wanted == "rfc3339":
        return datetime.fromisoformat(text.upper()).astimezone(UTC) if RFC_3339.fullmatch(text) else None
    if wanted == "date":
        return end_of(date.fromisoformat(text), zone) if PLAIN_DATE.fullmatch(text) else None
    at = datetime.strptime(text, wanted)  # noqa: DTZ007 - the zone follows
    if not names_time(wanted):
        return end_of(at.date(), zone)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def days_after(start: date, days: int, zone: tzinfo) -> datetime:
    """The last instant of the day so many days after the start."""
    try:
        return end_of(start + timedelta(days=days), zone)
    except OverflowError:
        return _no_date()


@lru_cache(maxsize=4096)
def end_of(day: date, zone: tzinfo) -> datetime:
    """What a bare date means; days repeat, so a few are remembered."""
    return last_instant(day, zone)


def names_time(pattern: str) -> bool:
    """Does the strptime pattern say a time of day?"""
    return bool(directives_of(pattern) & TIME_DIRECTIVES)


def directives_of(pattern: str) -> set[str]:
    """The letters after its percent signs."""
    return set(re.findall(r"%(.?)", pattern, re.DOTALL))


def _no_date() -> Never:
    raise Unreadable("not-a-date", "not a day as in 2026-09-10")
