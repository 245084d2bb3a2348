"""How Caliper events, CloudEvents and Ed-Fi assessments are read where bad ones are sent, field for field."""

from typing import Any

_SAID = "doc.extensions"
EVENTS: dict[str, Any] = {
    "name": "events",
    "version": 1,
    "format": "caliper",
    "record_key": {"path": f"{_SAID}.id"},
    "learner": {"scheme": "student", "value": {"path": f"{_SAID}.student"}},
    "competency": {"path": f"{_SAID}.skill"},
    "rating": {"scale": {"path": f"{_SAID}.scale"}, "score": {"path": f"{_SAID}.score"}},
    "occurred_at": {"date": {"path": f"{_SAID}.day"}, "formats": ["date"]},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "mentor"}},
    "comment": {"path": f"{_SAID}.note"},
}
CLOUD: dict[str, Any] = {
    **EVENTS,
    "name": "cloud",
    "format": "json",
    "record_key": {"path": "doc.data.id"},
    "learner": {"scheme": "student", "value": {"path": "doc.data.student"}},
    "competency": {"path": "doc.data.skill"},
    "rating": {"scale": {"path": "doc.data.scale"}, "score": {"path": "doc.data.score"}},
    "occurred_at": {"date": {"path": "doc.data.day"}, "formats": ["date"]},
    "comment": {"path": "doc.data.note"},
}
_OBJECTIVE = "doc.objective.ObjectiveAssessmentReference.ObjectiveAssessmentIdentity.IdentificationCode"
ASSESSMENTS: dict[str, Any] = {
    "name": "assessments",
    "version": 1,
    "format": "edfi",
    "record_key": {"path": "doc.studentAssessment.StudentAssessmentIdentifier"},
    "learner": {
        "scheme": "student",
        "value": {"path": "doc.studentAssessment.StudentReference.StudentIdentity.StudentUniqueId"},
    },
    "competency": {"path": _OBJECTIVE},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.objective.ScoreResult[0].Result"}},
    "occurred_at": {"date": {"path": "doc.studentAssessment.AdministrationDate"}, "formats": ["date"]},
    "assessor": {"id": {"const": "office-1"}, "role": {"const": "instructor"}},
}
