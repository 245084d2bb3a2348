"""OneRoster 1.2 CSV: the columns of each file we read, in their fixed order, and what a cell may hold."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final

Check = Callable[[str], str | None]

BASE = ("sourcedId", "status", "dateLastModified")
HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "manifest": ("propertyName", "value"),
    "classes": (
        *BASE,
        *("title", "grades", "courseSourcedId", "classCode", "classType", "location", "schoolSourcedId"),
        *("termSourcedIds", "subjects", "subjectCodes", "periods"),
    ),
    "enrollments": (
        *BASE,
        *("classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate"),
    ),
    "lineItemLearningObjectiveIds": (*BASE, "lineItemSourcedId", "source", "learningObjectiveId"),
    "lineItems": (
        *BASE,
        *("title", "description", "assignDate", "dueDate", "classSourcedId", "categorySourcedId"),
        *("academicSessionSourcedId", "resultValueMin", "resultValueMax", "schoolSourcedId"),
    ),
    "orgs": (*BASE, "name", "type", "identifier", "parentSourcedId"),
    "resultLearningObjectiveIds": (
        *BASE,
        *("resultSourcedId", "source", "learningObjectiveId", "score", "textScore"),
    ),
    "results": (
        *BASE,
        *("lineItemSourcedId", "studentSourcedId", "scoreStatus", "score", "scoreDate", "comment", "textScore"),
        *("classSourcedId", "inProgress", "incomplete", "late", "missing"),
    ),
    "users": (
        *BASE,
        *("enabledUser", "username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms"),
        *("phone", "agentSourcedIds", "grades", "password", "userMasterIdentifier", "preferredGivenName"),
        *("preferredMiddleName", "preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
    ),
}
FILES: Final = frozenset(HEADERS) | {
    *("academicSessions", "categories", "classResources", "courses", "courseResources", "demographics"),
    *("lineItemScoreScales", "resources", "resultScoreScales", "roles", "scoreScales", "userProfiles"),
    "userResources",
}
SCORE_STATUS = ("exempt", "fully graded", "not submitted", "partially graded", "submitted")
NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
CASE_URN: Final = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def required(cell: str) -> str | None:
    """Not blank."""
    return None if cell.strip() else "missing"


def number(cell: str) -> str | None:
    """A decimal number."""
    return None if NUMBER.fullmatch(cell) else "not-a-number"


def day(cell: str) -> str | None:
    """A day as in 2026-09-10."""
    try:
        return None if DAY.fullmatch(cell) and date.fromisoformat(cell) else "not-a-date"
    except ValueError:
        return "not-a-date"


def moment(cell: str) -> str | None:
    """An instant with its zone."""
    try:
        return None if datetime.fromisoformat(cell).tzinfo else "not-an-instant"
    except ValueError:
        return "not-an-instant"


def one_of(*words: str) -> Check:
    """A word of the vocabulary."""
    return lambda cell: None if cell in words else "not-in-vocabulary"


def maybe(check: Check) -> Check:
    """Blank, or what the check says."""
    return lambda cell: None if not cell else check(cell)


def needed(check: Check) -> Check:
    """Not blank, and what the check says."""
    return lambda cell: required(cell) or check(cell)


_BASE: Final[Mapping[str, Check]] = {
    "sourcedId": required,
    "status": maybe(one_of("active", "tobedeleted", "inactive")),
    "dateLastModified": maybe(moment),
}
_TRUTH: Final = maybe(one_of("true", "false"))
CHECKS: Final[Mapping[str, Mapping[str, Check]]] = {
    "results": {
        **_BASE,
        "lineItemSourcedId": required,
        "studentSourcedId": required,
        "scoreStatus": needed(one_of(*SCORE_STATUS)),
        "score": maybe(number),
        "scoreDate": needed(day),
        **dict.fromkeys(("inProgress", "incomplete", "late", "missing"), _TRUTH),
    },
    "resultLearningObjectiveIds": {
        **_BASE,
        "resultSourcedId": required,
        "source": needed(one_of("case", "unknown")),
        "learningObjectiveId": required,
        "score": maybe(number),
    },
    "users": {**_BASE, "enabledUser": needed(one_of("true", "false")), "username": required},
    "enrollments": {
        **_BASE,
        "classSourcedId": required,
        "schoolSourcedId": required,
        "userSourcedId": required,
        "role": needed(one_of("administrator", "proctor", "student", "teacher")),
        "primary": _TRUTH,
        "beginDate": maybe(day),
        "endDate": maybe(day),
    },
}
