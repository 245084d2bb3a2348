"""What the bodies of requests have in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _utc(at: datetime) -> datetime:
    """The ends of the calendar have no place in another zone."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant within the years 1 to 9999 of UTC") from None


Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
