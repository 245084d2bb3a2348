"""The documents tests speak with, read from the files they are kept in."""

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
PERCENT: dict[str, Any] = {
    "id": "percent",
    "version": 1,
    "title": "A percentage",
    "range": {"minimum": "0", "maximum": "100"},
    "proficient": "60",
}
SHOP_SCALE: dict[str, Any] = {
    "id": "shop-0-3",
    "version": 1,
    "title": "Shop performance",
    "levels": [
        {"code": code, "name": name, "points": code}
        for code, name in (("0", "Not shown"), ("1", "Developing"), ("2", "Proficient"), ("3", "Extending"))
    ],
    "proficient": "2",
}


def mapping(name: str) -> dict[str, Any]:
    """A mapping of `tests/support/mappings`."""
    return _read("mappings", name)


def policy(name: str) -> dict[str, Any]:
    """A policy of `tests/support/policies`."""
    return _read("policies", name)


def _read(folder: str, name: str) -> dict[str, Any]:
    """Only text, numbers and lists are in these files: nothing reads as a date."""
    document: dict[str, Any] = yaml.safe_load((FOLDER / folder / f"{name}.yaml").read_text())
    return document
