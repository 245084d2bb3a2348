"""The golden messages and the schemas they were released under, as files."""

import json
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

EXAMPLES = ROOT / "contracts" / "examples"
RELEASED = ROOT / "contracts" / "schemas" / "released"


def example(type_: str) -> dict[str, Any]:
    return read(EXAMPLES / f"{type_}.json")


def released(type_: str) -> dict[str, Any]:
    return read(RELEASED / f"{type_}.json")


def read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text())
    assert isinstance(document, dict)
    return document
