"""Time and ids as ports: what every decision is given instead of reading a clock or drawing a number."""

import itertools
import os
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

from services.runtime.randomness import random_bytes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_VERSION_BITS, _VERSION_4 = 0xF000 << 64 | 0xC000 << 48, 0x4000 << 64 | 0x8000 << 48  # and the variant's (RFC 9562)


class Clock(Protocol):
    """Says what time it is, in UTC, to the microsecond."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """Makes ids that were never made before."""

    def new(self) -> UUID: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SteppedClock:
    """A clock that stands still until somebody steps it: the demo's, shared by its processes through a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return parse_instant(self._path.read_text().strip())

    def step(self, to: datetime) -> None:
        """Set the time for every process at once: a reader sees the old instant or the new one, never half."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.write_text(format_instant(to) + "\n")
        beside.replace(self._path)


class RandomIds:
    """Version 4 UUIDs."""

    def new(self) -> UUID:
        """By the number, with the bits of its version in place: from bytes it takes twice as long."""
        return UUID(int=int.from_bytes(random_bytes(16), "big") & ~_VERSION_BITS | _VERSION_4)


class SeededIds:
    """The same ids in the same order for the same seed, so that a demo repeats byte for byte.

    A process that starts again starts again from the first: only for a fresh data folder, one seed a service.
    """

    def __init__(self, seed: str) -> None:
        self._namespace = uuid5(NAMESPACE_URL, f"urn:wayproof:seed:{seed}")
        self._ordinals = itertools.count(1)

    def new(self) -> UUID:
        return uuid5(self._namespace, str(next(self._ordinals)))


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant as a UTC datetime; one without a zone is refused."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(UTC)


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC, with all six decimals, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_micros(at: datetime) -> int:
    """Microseconds since the epoch, exact: how every store keeps an instant."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant `to_micros` was given."""
    return EPOCH + timedelta(0, 0, micros)


def last_instant(day: date, zone: tzinfo = UTC) -> datetime:
    """The last microsecond of that day in the zone, as UTC: what a bare date means.

    Where the clocks are set back over midnight the second 23:59:59 is meant (`fold=1`).
    """
    try:
        return datetime.combine(day, time.max.replace(fold=1), zone).astimezone(UTC)
    except OverflowError:  # the ends of the calendar, in a zone that would leave it
        return datetime.max.replace(tzinfo=UTC) if day.year > 5000 else datetime.min.replace(tzinfo=UTC)
