"""When what is missing from a complete file is believed, and when a person is asked first."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Removals:
    """How much may be removed without asking: a count, and a share of what is there. Above either, a person says."""

    count_max: int
    percent_max: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a package was compared with: of `compared` rows that count, `missing` are not in it.

    `nameless`: it has rows that cannot be told apart, so that what seems to be missing may be one of them.
    """

    missing: int
    compared: int
    nameless: bool = False


def doubt(found: Comparison, allowed: Removals) -> str | None:
    """Why a person has to say whether what is missing is really gone; None when it is believed."""
    if found.missing == 0:
        return None
    if found.missing > allowed.count_max:
        return "too-many-missing"
    if found.missing * 100 > allowed.percent_max * found.compared:
        return "too-large-a-share-missing"
    return "rows-not-told-apart" if found.nameless else None
