"""The documents of the seeded school: scale, policy, achievement, and how each sender's messages are read."""

from typing import Any

from services.demo.school import COMPETENCIES, DISTRICT, FRAMEWORK, LEVELS, SCALE

POLICY = "maple-work-ready"
NODE = "work-ready"
ACHIEVEMENT = "collaboration"

SCALE_DOCUMENT: dict[str, Any] = {
    "id": SCALE,
    "version": 1,
    "title": "Maple Valley, four levels",
    "levels": [{"code": code, "name": name, "points": code} for code, name in LEVELS],
    "proficient": "3",
    "not_values": ["N/A"],
}

POLICY_DOCUMENT: dict[str, Any] = {
    "policy": {
        "id": POLICY,
        "version": 1,
        "title": "Ready for work",
        "organisation": DISTRICT,
        "effective_from": "2026-08-01",
    },
    "frameworks": [{"id": FRAMEWORK, "version": 1}],
    "scales": [{"id": SCALE, "version": 1}],
    "competencies": {
        "TEAM": {
            "estimate": {"method": "mean_recent", "n": 3},
            "gate": {
                "count": 3,
                "at_least": "3",
                "distinct": {"pathway": 3, "assessor": 3},
                "require": [{"pathway": "work_based", "count": 1}],
                "max_age": "P730D",
            },
        },
        "SAFE": {"estimate": {"method": "latest"}},
    },
    "requirements": {NODE: {"all_of": [{"leaf": "TEAM"}, {"leaf": "SAFE"}]}},
}

ACHIEVEMENT_DOCUMENT: dict[str, Any] = {
    "name": "Collaboration at work",
    "description": "Works with others at a proficient level in the classroom, online and at an employer.",
    "criteria": "Three proficient ratings from three pathways and three assessors, one of them at work.",
    "kind": "MicroCredential",
    "requirement": {"policy": POLICY, "node": NODE},
}

_SKILLS = {code: code for code in COMPETENCIES}

CLASSROOM_MAPPING: dict[str, Any] = {
    "name": "classroom-results",
    "version": 1,
    "format": "oneroster",
    "when": [
        {"test": {"equals": {"path": "doc.result.scoreStatus"}, "to": "fully graded"}, "otherwise": "not-fully-graded"}
    ],
    "record_key": {"path": "doc.objective.sourcedId"},
    "learner": {"scheme": "sourcedid", "value": {"path": "doc.result.studentSourcedId"}},
    "competency": {"path": "doc.objective.learningObjectiveId"},
    "rating": {"scale": {"const": SCALE}, "level": {"path": "doc.objective.score"}},
    "occurred_at": {"date": {"path": "doc.result.scoreDate"}, "formats": ["date"]},
    "assessor": {"id": {"const": "teacher-4"}, "role": {"const": "teacher"}},
    "activity": {"id": {"path": "doc.result.lineItemSourcedId"}},
}

VIRTUAL_MAPPING: dict[str, Any] = {
    "name": "virtual-projects",
    "version": 1,
    "format": "ndjson",
    "record_key": {"join": [{"path": "doc.project"}, {"path": "doc.student_number"}], "with": "#"},
    "learner": {"scheme": "student-number", "value": {"path": "doc.student_number"}},
    "competency": {"lookup": {"path": "doc.skill"}, "table": "skills"},
    "rating": {"scale": {"const": SCALE}, "level": {"path": "doc.level"}},
    "occurred_at": {"date": {"path": "doc.finished"}, "formats": ["rfc3339"]},
    "assessor": {"id": {"path": "doc.reviewer"}, "role": {"const": "instructor"}},
    "activity": {"id": {"path": "doc.project"}},
    "tables": {"skills": _SKILLS},
}

VIRTUAL_MAPPING_MENDED: dict[str, Any] = {
    **VIRTUAL_MAPPING,
    "version": 2,
    "tables": {"skills": {**_SKILLS, "collaboration": "TEAM"}},
}

CTE_MAPPING: dict[str, Any] = {
    "name": "cte-sign-offs",
    "version": 1,
    "format": "csv",
    "record_key": {"join": [{"column": "State student ID"}, {"column": "Competency"}, {"column": "Signed on"}]},
    "learner": {"scheme": "student-number", "value": {"column": "State student ID"}},
    "competency": {"lookup": {"column": "Competency"}, "table": "skills"},
    "rating": {
        "scale": {"const": SCALE},
        "level": {"lookup": {"column": "Level"}, "table": "levels"},
        "not_observed": {"equals": {"column": "Level"}, "to": "n/a"},
    },
    "occurred_at": {"date": {"column": "Signed on"}, "formats": ["date"]},
    "assessor": {"id": {"column": "Signed by"}, "role": {"const": "cte-teacher"}},
    "activity": {"id": {"column": "Competency"}},
    "tables": {"skills": {"Lab & shop safety": "SAFE"}, "levels": {name: code for code, name in LEVELS}},
}

EMPLOYER_MAPPING: dict[str, Any] = {
    "name": "internship-evaluation",
    "version": 1,
    "format": "json",
    "items": "doc.data.ratings",
    "record_key": {"join": [{"path": "doc.data.response_id"}, {"path": "item.skill"}], "with": "#"},
    "withdrawn": {"equals": {"path": "doc.type"}, "to": "evaluation.withdrawn"},
    "learner": {"scheme": "email", "value": {"path": "doc.data.intern_email"}},
    "competency": {"lookup": {"path": "item.skill"}, "table": "skills"},
    "rating": {
        "scale": {"const": SCALE},
        "level": {"path": "item.rating"},
        "not_observed": {"one_of": {"path": "item.rating"}, "values": ["N/A", "", None]},
    },
    "occurred_at": {"date": {"path": "doc.data.placement.ended"}, "formats": ["date"]},
    "kind": {"lookup": {"path": "doc.data.review"}, "table": "reviews"},
    "assessor": {"id": {"path": "doc.data.placement.mentor_id"}, "role": {"const": "mentor"}},
    "activity": {"id": {"path": "doc.data.placement.site"}},
    "tables": {"skills": _SKILLS, "reviews": {"first": "baseline", "final": "summative"}},
}
