"""Statements for the bench: some 1.2 kB each with an id of its own, such as both learning record stores take."""

import json
import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

HOME = "https://lms.example.org"
SCORED, VIEWED = "http://adlnet.gov/expapi/verbs/scored", "http://id.tincanapi.com/verb/viewed"
SCORED_EACH = 10  # one in so many is a score, and so evidence
LEARNERS = 400
MAPPING: dict[str, Any] = {
    "name": "bench-xapi",
    "version": 1,
    "format": "xapi",
    "when": [{"test": {"equals": {"path": "doc.verb.id"}, "to": SCORED}, "otherwise": "not-scored"}],
    "learner": {"scheme": "student", "value": {"path": "doc.actor.account.name"}},
    "competency": {"const": "TEAM"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.result.score.raw"}},
    "occurred_at": {"date": {"path": "doc.timestamp"}},
    "assessor": {"id": {"const": "lms"}, "role": {"const": "instructor"}},
}


def statements(seed: str) -> Iterator[str]:
    """As JSON, without end; the same for the same seed."""
    chance, number = random.Random(seed), 0
    while True:
        number += 1
        yield json.dumps(_statement(chance, scored=number % SCORED_EACH == 0), separators=(",", ":"))


def student(number: int) -> str:
    """The account of a learner."""
    return f"s-{number:04}"


def _statement(chance: random.Random, *, scored: bool) -> dict[str, Any]:
    task = chance.randrange(500)
    said = {
        "id": str(UUID(int=chance.getrandbits(128), version=4)),
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": HOME, "name": student(chance.randrange(LEARNERS))},
        },
        "verb": {"id": SCORED if scored else VIEWED, "display": {"en": "scored" if scored else "viewed"}},
        "object": _activity("quiz", task, "A task of the course, worked on alone and handed in before Friday"),
        "context": {
            "registration": str(UUID(int=chance.getrandbits(128), version=4)),
            "platform": "Example LMS",
            "language": "en",
            "contextActivities": {
                "parent": [_activity("section", task // 10, "A section of the course on working together")],
                "grouping": [_activity("course", task // 100, "A course that takes a year and ends in an internship")],
            },
            "extensions": {f"{HOME}/x/session": f"{chance.getrandbits(128):032x}"},
        },
        "timestamp": f"2026-03-{chance.randint(1, 28):02}T{chance.randint(8, 17):02}:{chance.randint(10, 59)}:07.120Z",
    }
    if scored:
        said["result"] = {"score": {"raw": chance.randint(20, 95), "min": 0, "max": 100}, "completion": True}
    return said


def _activity(kind: str, number: int, description: str) -> dict[str, Any]:
    definition = {
        "type": f"{HOME}/types/{kind}",
        "name": {"en": f"{kind} {number}"},
        "description": {"en": description},
    }
    return {"objectType": "Activity", "id": f"{HOME}/{kind}/{number}", "definition": definition}
