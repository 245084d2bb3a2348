"""What every run begins with: a framework, a scale, policies, sources with their mappings, one open stream each."""

from typing import Any

import orjson
import yaml

from services.credentials.domain.achievement import Definition, Requirement, Rule
from services.ingest.use_cases.register import Bounds
from services.mastery.use_cases.put_document import By
from services.mastery.use_cases.set_policy import SetPolicy

TENANT, HOME = "maple", "lincoln"
SCORED = "http://adlnet.gov/expapi/verbs/scored"
CODES = ("TEAM", "SAFE")
PERCENT = b"""
id: percent
version: 1
title: A percentage
range: {minimum: 0, maximum: 100}
proficient: 60
"""
PACKAGE = {
    "CFDocument": {"identifier": "doc", "title": "Skills"},
    "CFItems": [
        {"identifier": f"id-{code}", "humanCodingScheme": code, "fullStatement": f"Does {code}."} for code in CODES
    ],
}
WORK_READY: dict[str, Any] = {"all_of": [{"leaf": "TEAM"}, {"leaf": "SAFE"}]}
POLICIES: dict[tuple[str, int], dict[str, Any]] = {
    ("work", 1): {
        "TEAM": {"estimate": {"method": "mean_recent", "n": 2}, "gate": {"count": 2, "at_least": "50"}},
        "SAFE": {"estimate": {"method": "latest"}, "decide": {"at_least": "40"}},
    },
    ("work", 2): {
        "TEAM": {"estimate": {"method": "highest"}, "decide": {"at_least": "55"}},
        "SAFE": {"estimate": {"method": "mean"}, "gate": {"max_age": "P6D"}, "decide": {"at_least": "45"}},
    },
    ("safety", 1): {"SAFE": {"gate": {"count": 1, "at_least": "60", "max_age": "P9D"}}},
}
OWNERS = {"safety": HOME}  # whose policy it is; it judges whoever is enrolled there
REQUIREMENTS: dict[str, dict[str, Any]] = {
    "work": {"work-ready": WORK_READY},
    "safety": {"safe": {"any_of": [{"leaf": "SAFE"}]}},
}
ACHIEVEMENTS = {
    "badge": Definition(
        "badge", "sha256:badge", "Work ready", "Works well.", "Both skills.", "MicroCredential",
        Requirement("work", "work-ready"),
    ),
    "diploma": Definition(
        "diploma", "sha256:diploma", "Diploma", "Done.", "Both skills.", "Diploma",
        Requirement("work", "work-ready"), award=Rule.PROPOSE, on_retraction=Rule.PROPOSE, on_correction=Rule.PROPOSE,
    ),
    "safe": Definition(
        "safe", "sha256:safe", "Safe", "Works safely.", "Safe once.", "Certificate",
        Requirement("safety", "safe"), on_correction=Rule.PROPOSE,
    ),
}  # fmt: skip

FORMS: dict[str, Any] = {
    "name": "forms",
    "version": 1,
    "format": "json",
    "items": "doc.scores",
    "record_key": {"join": [{"path": "doc.form"}, {"path": "item.skill"}], "with": "#"},
    "withdrawn": {"equals": {"path": "doc.type"}, "to": "withdrawn"},
    "learner": {"scheme": "student", "value": {"path": "doc.student"}},
    "competency": {"path": "item.skill"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "item.score"}},
    "occurred_at": {"date": {"path": "doc.on"}},
    "assessor": {"id": {"const": "mentor-1"}, "role": {"const": "mentor"}},
    "activity": {"artifact": {"join": [{"path": "doc.form"}, {"path": "item.skill"}], "with": "#"}},
}
LINES: dict[str, Any] = {
    "name": "lines",
    "version": 1,
    "format": "ndjson",
    "record_key": {"path": "doc.id"},
    "withdrawn": {"equals": {"path": "doc.gone"}, "to": "true"},
    "learner": {"scheme": "student", "value": {"path": "doc.student"}},
    "competency": {"path": "doc.skill"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.score"}},
    "occurred_at": {"date": {"path": "doc.on"}},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "instructor"}},
    "activity": {"artifact": {"path": "doc.id"}},
}
ROWS = LINES | {"name": "rows", "format": "csv"}
STATEMENTS: dict[str, Any] = {
    "name": "statements",
    "version": 1,
    "format": "xapi",
    "when": [{"test": {"equals": {"path": "doc.verb.id"}, "to": SCORED}, "otherwise": "not-scored"}],
    "learner": {"scheme": "student", "value": {"path": "doc.actor.account.name"}},
    "competency": {"path": "doc.result.response"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.result.score.raw"}},
    "occurred_at": {"date": {"path": "doc.timestamp"}},
    "assessor": {"id": {"const": "lms"}, "role": {"const": "instructor"}},
    "activity": {"artifact": {"path": "doc.id"}},
}
COURSEWORK = STATEMENTS | {  # what is said again of an activity revises what was said of it before
    "name": "coursework",
    "record_key": {"path": "doc.object.id"},
    "activity": {"artifact": {"path": "doc.object.id"}},
}
WITHOUT_WITHDRAWAL = {name: said for name, said in LINES.items() if name != "withdrawn"}
SOURCES: dict[str, dict[str, Any]] = {
    "forms": FORMS,
    "lines": LINES,
    "fixed": LINES | {"name": "fixed", "on_change": "conflict"},
    "anew": WITHOUT_WITHDRAWAL | {"name": "anew", "on_change": "new"},
    "files": ROWS,
    "lms": STATEMENTS,
    "mooc": COURSEWORK,
}
LENIENT = {"lms": False, "mooc": True}  # how strict those that send statements are taken
STREAMS = ("lines", "fixed", "anew")
OFFICE = By(TENANT, "office")


def policy_text(policy: str, version: int) -> bytes:
    """A policy as an office writes it."""
    return yaml.safe_dump(policy_document(policy, version)).encode()


def policy_document(policy: str, version: int) -> dict[str, Any]:
    return {
        "policy": {"id": policy, "version": version} | ({"organisation": OWNERS[policy]} if policy in OWNERS else {}),
        "frameworks": [{"id": "skills", "version": 1}],
        "scales": [{"id": "percent", "version": 1}],
        "competencies": POLICIES[policy, version],
        "requirements": REQUIREMENTS[policy],
    }


def put_documents(set_policy: SetPolicy, put: Any) -> None:
    """Everything judged by; nothing is in force yet."""
    put.framework(PACKAGE, "skills", 1, OFFICE)
    put.scale(PERCENT, OFFICE)
    for policy, version in POLICIES:
        set_policy.put(policy_text(policy, version), OFFICE)


def add_sources(sources: Any) -> None:
    """The sources with their mappings, as documents that have been through JSON."""
    for name, mapping in SOURCES.items():
        row = sources.add(TENANT, name, HOME, "work_based", name, Bounds(lenient=LENIENT.get(name)))
        put_mapping(sources, row.id, mapping)


def put_mapping(sources: Any, source: str, mapping: dict[str, Any]) -> None:
    """A version of a mapping, as a document that has been through JSON."""
    sources.add_mapping(sources.get(source), orjson.loads(orjson.dumps(mapping)))


def spoilt_mappings(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """The ways a mapping may be wrong: it reads no score, no competency, no withdrawal, or no items.

    A file without a column that is wanted would be refused whole; so a row's score is looked for where a name is.
    """
    score = "doc.student" if mapping["format"] == "csv" else "doc.nothing"
    spoilt = [
        mapping | {"rating": {"scale": {"const": "percent"}, "score": {"path": score}}},
        mapping | {"competency": {"const": "NOTHING"}},
    ]
    if "withdrawn" in mapping:
        spoilt.append(mapping | {"withdrawn": mapping["withdrawn"] | {"to": "never"}})
    if "items" in mapping:
        spoilt.append(mapping | {"items": "doc.nothing"})
    return spoilt
