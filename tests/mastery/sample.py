"""A small set of documents for the tests, and policies made of them by the few lines a test is about."""

from typing import Any

import yaml

from services.mastery.documents.compiling import compile_policy
from services.mastery.documents.framework import from_case
from services.mastery.documents.library import Library, read_policy, read_scale, stored
from services.mastery.domain.rules import CompiledPolicy

CODES = tuple(f"C{n}" for n in range(1, 41))
FRAMEWORK = stored(
    from_case(
        {
            "CFDocument": {"identifier": "doc", "title": "Skills"},
            "CFItems": [
                {"identifier": f"id-{code}", "humanCodingScheme": code, "fullStatement": f"Does {code}."}
                for code in CODES
            ],
        },
        framework="skills",
        version=1,
    )
)
FOUR = read_scale(
    b"""
id: four
version: 1
title: Four levels
levels:
  - {code: "1", name: Beginning, points: 1}
  - {code: "2", name: Developing, points: 2}
  - {code: "3", name: Proficient, points: 3}
  - {code: "4", name: Extending, points: 4}
proficient: "3"
not_values: [I, NA]
"""
)
POINTS = read_scale(
    b"""
id: pts5
version: 1
title: Points to five
range: {minimum: 0, maximum: 5}
proficient: 3
"""
)
LIBRARY = Library({("skills", 1): FRAMEWORK}, {("four", 1): FOUR, ("pts5", 1): POINTS})


def document(competencies: dict[str, Any], requirements: dict[str, Any] | None = None, **said: Any) -> bytes:
    """A policy document as YAML; header members are given with `policy`."""
    plain = {
        "policy": {"id": "sample", "version": 1} | said.pop("policy", {}),
        "frameworks": [{"id": "skills", "version": 1}],
        "scales": [{"id": "four", "version": 1}],
        "competencies": competencies,
        "requirements": requirements or {},
    }
    return yaml.safe_dump(plain | said).encode()


def policy(competencies: dict[str, Any], requirements: dict[str, Any] | None = None, **said: Any) -> CompiledPolicy:
    """A compiled policy."""
    return compile_policy(read_policy(document(competencies, requirements, **said)), LIBRARY)
