"""The fields documents share: exact numbers, counts, codes, days; refused rather than guessed."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.mastery.domain.rounding import fraction, shown

_EXACT = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?")
_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Document(BaseModel):
    """A part of a document: what the schema does not name is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def is_exact(value: str) -> bool:
    """Whether a text is a decimal number as documents write them."""
    return _EXACT.fullmatch(value) is not None


def exact(value: object) -> str:
    """A decimal number as its shortest text."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not is_exact(text):
        raise ValueError("a decimal number is wanted, with at most nine places")
    return shown(fraction(text))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int) or not _COUNT.fullmatch(str(value)):
        raise ValueError("a whole number is wanted")
    return int(value)


def _text(value: object) -> object:
    """A code may look like a number: JSON's `3` and YAML's `3` are both the code "3"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _mark(value: object) -> object:
    return exact(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is wanted, as YYYY-MM-DD")
    return date.fromisoformat(value)


Exact = Annotated[str, BeforeValidator(exact)]
Count = Annotated[int, BeforeValidator(_count)]
Positive = Annotated[int, BeforeValidator(_count), Field(ge=1)]
Code = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=200)]
Mark = Annotated[
    str, BeforeValidator(_mark), Field(min_length=1, max_length=200, description="A level code, or points.")
]
Day = Annotated[date, BeforeValidator(_day)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Version = Positive
