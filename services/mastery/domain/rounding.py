"""Exact numbers in and out: decimal strings, scaled integers, and rounding that never passes through a float."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

PLACES_MAX = 9
UNIT = 10**PLACES_MAX  # points are held as integers of a billionth: `Exact` has at most nine places


@lru_cache(maxsize=65_536)
def units(exact: str) -> int:
    """The scaled integer of a decimal string such as `-3.25`."""
    whole, _, places = exact.partition(".")
    magnitude = int(whole.lstrip("-") + places.ljust(PLACES_MAX, "0"))
    return -magnitude if exact.startswith("-") else magnitude


def fraction(exact: str) -> Fraction:
    """The exact value of a decimal string."""
    return Fraction(units(exact), UNIT)


@lru_cache(maxsize=16_384)
def ratio(numerator: int, denominator: int) -> Fraction:
    """Their fraction: the same few come again and again, and the same one is told by a look."""
    return Fraction(numerator, denominator)


def reaches(value: Fraction, mark: Fraction) -> bool:
    """`value >= mark`, exactly, at a third of the price of Fraction's own comparison."""
    return value.numerator * mark.denominator >= mark.numerator * value.denominator


def half_up(scaled: Fraction) -> int:
    """To the nearest, halves away from zero."""
    magnitude = (2 * abs(scaled.numerator) + scaled.denominator) // (2 * scaled.denominator)
    return magnitude if scaled >= 0 else -magnitude


def half_even(scaled: Fraction) -> int:
    """To the nearest, halves to the even neighbour."""
    return round(scaled)


def down(scaled: Fraction) -> int:
    """Towards zero."""
    return int(scaled)


MODES: dict[str, Callable[[Fraction], int]] = {"half_up": half_up, "half_even": half_even, "down": down}


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a value is rounded: to how many places, and which way."""

    places: int = 2
    mode: str = "half_up"

    def __call__(self, value: Fraction) -> Fraction:
        """The rounded value, still exact."""
        return _rounded(value.numerator, value.denominator, self.places, self.mode)


@lru_cache(maxsize=16_384)
def _rounded(numerator: int, denominator: int, places: int, mode: str) -> Fraction:
    """The same few values come again and again; whole numbers name them quicker than a fraction hashes."""
    return Fraction(MODES[mode](Fraction(numerator, denominator) * 10**places), 10**places)


def shown(value: Fraction) -> str:
    """A decimal string without trailing zeros, of a value that has at most nine places."""
    return _shown(value.numerator, value.denominator)


@lru_cache(maxsize=16_384)
def _shown(numerator: int, denominator: int) -> str:
    scaled = half_up(Fraction(numerator, denominator) * UNIT)
    whole, places = divmod(abs(scaled), UNIT)
    text = f"{whole}.{places:0{PLACES_MAX}d}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text
