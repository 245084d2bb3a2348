"""The rules of a statement: each broken alone is refused with a pointer to it; a statement with everything is taken."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.formats.xapi_rules import rules
from services.ingest.formats.xapi_values import REMEMBERED_BYTES_MAX, REMEMBERED_MAX, Broken, iri, remembered
from tests.ingest.xapi_world import HOME, VOIDED

ID = "6f1c0a5e-0d0f-4a7e-9b0e-000000000001"
AGENT = {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@lms.example"}
GROUP = {"objectType": "Group", "member": [{"mbox_sha1sum": "ab" * 20}, {"openid": "http://ada.example/"}]}
INTERACTION = {
    "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
    "interactionType": "choice",
    "correctResponsesPattern": ["a"],
    "choices": [{"id": "a", "description": {"en-GB": "A"}}, {"id": "b"}],
    "name": {"en": "Q"},
    "description": {"de-CH-1996": "F"},
    "moreInfo": "https://lms.example/q",
    "extensions": {"http://x.example/e": None},
}
ATTACHMENT = {
    "usageType": "http://x.example/u",
    "display": {"en": "d"},
    "contentType": "application/pdf",
    "length": 3,
    "sha2": "ab" * 32,
    "fileUrl": "https://x.example/f",
}
FULL: dict[str, Any] = {
    "id": ID,
    "actor": AGENT,
    "verb": {"id": "http://x.example/did", "display": {"en-US": "did"}},
    "object": {"objectType": "Activity", "id": "https://x.example/a", "definition": INTERACTION},
    "result": {
        "score": {"scaled": Decimal("-0.5"), "raw": 1, "min": 0, "max": 2},
        "success": True,
        "completion": False,
        "response": "a",
        "duration": "PT1H0.5S",
        "extensions": {"http://x.example/e": [1]},
    },
    "context": {
        "registration": ID,
        "instructor": GROUP,
        "team": {"objectType": "Group", "account": {"homePage": HOME, "name": "team"}},
        "contextActivities": {"parent": {"id": "https://x.example/p"}, "grouping": [{"id": "https://x.example/g"}]},
        "revision": "1",
        "platform": "p",
        "language": "en-GB",
        "statement": {"objectType": "StatementRef", "id": ID},
        "extensions": {},
    },
    "timestamp": "2026-11-19T10:00:00.123+01:00",
    "stored": "2026-11-19T10:00:00Z",
    "authority": AGENT,
    "version": "1.0.3",
    "attachments": [ATTACHMENT],
}
SUB = {"objectType": "SubStatement", **{key: FULL[key] for key in ("actor", "verb", "object")}}
DROP = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """FULL with one thing other."""
    said = copy.deepcopy(FULL)
    *above, last = path.split("/")
    at: Any = said
    for step in above:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if value is DROP:
        del at[last]
    else:
        at[last] = value
    return said


@pytest.mark.parametrize("major", [1, 2])
def test_a_statement_with_everything_is_taken(major: int) -> None:
    rules(major, lenient=False)(FULL)
    rules(major, lenient=False)({**FULL, "context": {}, "object": SUB})


BROKEN: list[tuple[str, Any, str | None]] = [
    ("actor", DROP, "actor"),
    ("verb", DROP, "verb"),
    ("object", DROP, "object"),
    ("verb/id", DROP, "verb/id"),
    ("id", "x", "id"),
    ("id", None, "id"),
    ("extra", 1, "extra"),
    ("actor", [], "actor"),
    ("actor", {"objectType": "Agent", "name": "Ada"}, "actor"),
    ("actor/openid", "http://ada.example/", "actor"),
    ("actor/mbox", "ada@lms.example", "actor/mbox"),
    ("actor/objectType", "Person", "actor/objectType"),
    ("actor", {"account": {"name": "1"}}, "actor/account/homePage"),
    ("actor", {"account": {"homePage": "x", "name": "1"}}, "actor/account/homePage"),
    ("actor", {"objectType": "Group"}, "actor/member"),
    (
        "actor",
        {"objectType": "Group", "member": [{"objectType": "Group", "member": [AGENT]}]},
        "actor/member/0/objectType",
    ),
    ("verb/id", "did", "verb/id"),
    ("verb/display", {"english!": "x"}, "verb/display/english!"),
    ("verb/display", {"en": 1}, "verb/display/en"),
    ("object/id", DROP, "object/id"),
    ("object/id", "course-v1:X+1", "object/id"),
    ("object/objectType", "GroupActivity", "object/objectType"),
    ("object/objectType", 7, "object/objectType"),
    ("object/definition/interactionType", "essay", "object/definition/interactionType"),
    ("object/definition/choices", [{"id": "a"}, {"id": "a"}], "object/definition/choices"),
    ("object/definition/extensions", {"e": 1}, "object/definition/extensions/e"),
    ("object", {"objectType": "StatementRef", "id": "x"}, "object/id"),
    ("object", {**SUB, "id": ID}, "object/id"),
    ("object", {**SUB, "object": SUB}, "object/object/objectType"),
    ("result/score/scaled", Decimal("1.01"), "result/score/scaled"),
    ("result/score/scaled", "1", "result/score/scaled"),
    ("result/score/raw", 3, "result/score/raw"),
    ("result/score/min", 3, "result/score/min"),
    ("result/score/raw", True, "result/score/raw"),
    ("result/success", "true", "result/success"),
    ("result/duration", "1h", "result/duration"),
    ("result/duration", "PT", "result/duration"),
    ("context/registration", "x", "context/registration"),
    ("context/team", AGENT, "context/team/objectType"),
    ("context/contextActivities/parent", "x", "context/contextActivities/parent"),
    ("context/contextActivities/child", [], "context/contextActivities/child"),
    ("context/language", "english", None),  # eight letters are a language tag
    ("context/language", "not a language", "context/language"),
    ("timestamp", "2026-11-19T10:00:00-00:00", "timestamp"),
    ("timestamp", "2026-02-30T10:00:00Z", "timestamp"),
    ("timestamp", 5, "timestamp"),
    ("version", "0.9", "version"),
    ("version", "2.0.0", "version"),
    ("authority", GROUP | {"member": [AGENT]}, "authority"),
    ("attachments/0/fileUrl", DROP, "attachments/0/fileUrl"),
    ("attachments/0/length", -1, "attachments/0/length"),
    ("attachments/0/sha2", "x", "attachments/0/sha2"),
]


@pytest.mark.parametrize("value", [{}, [], ["http://adlnet.gov/expapi/verbs/scored"], None, 7])
def test_what_is_no_text_is_no_iri(value: object) -> None:
    with pytest.raises(Broken):
        iri(value)


@pytest.mark.parametrize(("path", "value", "where"), BROKEN)
def test_a_broken_rule_is_refused_where_it_is_broken(path: str, value: Any, where: str | None) -> None:
    check = rules(1, lenient=False)
    if where is None:
        check(changed(path, value))
        return
    with pytest.raises(Broken) as broken:
        check(changed(path, value))
    assert "/".join(map(str, broken.value.path)) == where


def test_to_void_is_to_name_a_statement_and_such_a_context_has_no_platform() -> None:
    check = rules(1, lenient=False)
    for said in ({**FULL, "verb": {"id": VOIDED}}, {**FULL, "object": {"objectType": "StatementRef", "id": ID}}):
        with pytest.raises(Broken):
            check(said)
    check({**FULL, "context": {}, "verb": {"id": VOIDED}, "object": {"objectType": "StatementRef", "id": ID}})


LENIENT = [
    ("object/id", "course-v1:X+1"),
    ("object/id", "438AD672-DE2C-4F0B-8876-35444E7DD746"),
    ("object/id", DROP),
    ("object/objectType", "GroupActivity"),
    ("context/contextActivities/parent", [{"id": "course-v1:X+1", "objectType": "GroupActivity"}]),
]


@pytest.mark.parametrize(("path", "value"), LENIENT)
def test_lenient_tolerates_what_real_senders_get_wrong_about_activities(path: str, value: Any) -> None:
    rules(1, lenient=True)(changed(path, value))
    with pytest.raises(Broken):
        rules(1, lenient=False)(changed(path, value))


STILL = [(path, value, where) for path, value, where in BROKEN if where and (path, value) not in LENIENT]


@pytest.mark.parametrize(("path", "value", "where"), STILL)
def test_lenient_tolerates_nothing_else(path: str, value: Any, where: str) -> None:
    with pytest.raises(Broken):
        rules(1, lenient=True)(changed(path, value))


def test_what_is_remembered_is_not_taken_for_anything_else() -> None:
    activity = {"id": "https://x.example/remembered", "definition": {"name": {"en": "1.5"}}}
    for _ in range(2):  # the second time it is known
        rules(1, lenient=False)({**FULL, "object": activity})
    for name in (Decimal("1.5"), 1, None, ["1.5"]):
        for _ in range(2):  # what was refused is never known
            with pytest.raises(Broken) as broken:
                rules(1, lenient=False)({**FULL, "object": {**activity, "definition": {"name": {"en": name}}}})
            assert broken.value.path == ["object", "definition", "name", "en"]


def test_what_one_check_remembers_another_has_not_seen() -> None:
    loose = {"objectType": "GroupActivity", "id": "no IRI, remembered"}
    rules(1, lenient=True)({**FULL, "object": loose, "context": {}})
    with pytest.raises(Broken):
        rules(1, lenient=False)({**FULL, "object": loose, "context": {}})


def test_what_is_remembered_is_bounded() -> None:
    seen: list[object] = []
    check = remembered(seen.append)
    for number in range(REMEMBERED_MAX):
        check({"n": number})
    check({"n": 0})
    assert len(seen) == REMEMBERED_MAX
    check({"n": "new"})
    check({"n": 0})
    assert len(seen) == REMEMBERED_MAX + 2
    long = {"n": "x" * REMEMBERED_BYTES_MAX}
    check(long)
    check(long)
    assert len(seen) == REMEMBERED_MAX + 4
