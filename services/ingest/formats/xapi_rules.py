"""The rules of an xAPI statement (1.0.3 and 2.0), strict as the specification, or lenient where named.

Lenient tolerates what real senders (Open edX, FUN-MOOC) get wrong about activities and nothing else: an id that is no
IRI or is missing, and the object type `GroupActivity`.
"""

from functools import cache
from typing import Any, Final

from services.ingest.formats.xapi_values import (
    Broken,
    Check,
    all_of,
    count,
    duration,
    extensions,
    instant_1,
    instant_2,
    iri,
    language,
    languages,
    mailbox,
    media_type,
    number,
    one_of,
    remembered,
    scaled,
    sha1,
    sha2,
    shape,
    text,
    truth,
    uuid,
    version_1,
    version_2,
)

VOIDED: Final = "http://adlnet.gov/expapi/verbs/voided"
IDENTIFIERS: Final = frozenset({"mbox", "mbox_sha1sum", "openid", "account"})
INTERACTIONS: Final = (
    "true-false", "choice", "fill-in", "long-fill-in", "matching", "performance", "sequencing", "likert", "numeric",
    "other",
)  # fmt: skip
COMPONENTS: Final = ("choices", "scale", "source", "target", "steps")


@cache
def rules(major: int, *, lenient: bool) -> Check:
    """The check of a whole statement."""
    instant = instant_2 if major == 2 else instant_1
    activity = _activity(lenient=lenient)
    context = shape(_context(activity, major))
    inner = {
        "actor": actor,
        "verb": _VERB,
        "result": _RESULT,
        "context": context,
        "timestamp": instant,
        "attachments": all_of(_attachment),
    }
    sub = shape({**inner, "objectType": text, "object": _object(activity, None)}, "actor", "verb", "object")
    whole = {"id": uuid, "stored": instant, "authority": authority, "version": version_2 if major == 2 else version_1}
    statement = shape(
        {**whole, **inner, "object": _object(activity, lambda value: _whole(sub, value))}, "actor", "verb", "object"
    )
    return lambda value: _whole(statement, value)


def _whole(check: Check, value: Any) -> None:
    """The properties, and what they say of each other."""
    check(value)
    about, context = value["object"].get("objectType", "Activity"), value.get("context", {})
    if about not in {"Activity", "GroupActivity"}:
        for name in ("revision", "platform"):
            if name in context:
                raise Broken("only where the object is an activity", "context", name)
    if value["verb"]["id"] == VOIDED and about != "StatementRef":
        raise Broken("to void is to name a statement: a StatementRef is wanted", "object", "objectType")


def _identified(value: dict[str, Any], least: int) -> int:
    named = [key for key in IDENTIFIERS if key in value]
    if not least <= len(named) <= 1:
        raise Broken("exactly one of mbox, mbox_sha1sum, openid and account is wanted")
    return len(named)


_ACCOUNT: Final = shape({"homePage": iri, "name": text}, "homePage", "name")
_IDENTITY: Final = {"name": text, "mbox": mailbox, "mbox_sha1sum": sha1, "openid": iri, "account": _ACCOUNT}
_AGENT: Final = shape({"objectType": one_of("Agent"), **_IDENTITY})


def agent(value: Any) -> None:
    """One person or system, identified in one way."""
    _AGENT(value)
    _identified(value, 1)


_GROUP: Final = shape({"objectType": one_of("Group"), "member": all_of(agent), **_IDENTITY}, "objectType")


def group(value: Any) -> None:
    """Identified in one way, or by its members."""
    _GROUP(value)
    if not _identified(value, 0) and not value.get("member"):
        raise Broken("a group without an identifier has members", "member")


def actor(value: Any) -> None:
    """An agent or a group."""
    is_group = type(value) is dict and value.get("objectType") == "Group"
    (group if is_group else agent)(value)


def authority(value: Any) -> None:
    """An agent, or the two agents of a three-legged authorisation."""
    actor(value)
    if value.get("objectType") == "Group" and (len(value.get("member", ())) != 2 or _identified(value, 0)):
        raise Broken("an agent, or a group of two members, is wanted")


def _components(value: Any) -> None:
    _COMPONENTS(value)
    if len({each["id"] for each in value}) != len(value):
        raise Broken("each id is there once")


_COMPONENTS: Final = all_of(shape({"id": text, "description": languages}, "id"))
_DEFINITION: Final = shape(
    {
        "name": languages,
        "description": languages,
        "type": iri,
        "moreInfo": iri,
        "extensions": extensions,
        "interactionType": one_of(*INTERACTIONS),
        "correctResponsesPattern": all_of(text),
        **dict.fromkeys(COMPONENTS, _components),
    }
)


def _activity(*, lenient: bool) -> Check:
    if lenient:
        types = one_of("Activity", "GroupActivity")
        return remembered(shape({"objectType": types, "id": text, "definition": _DEFINITION}))
    return remembered(shape({"objectType": one_of("Activity"), "id": iri, "definition": _DEFINITION}, "id"))


_VERB: Final = remembered(shape({"id": iri, "display": languages}, "id"))


_REFERENCE: Final = shape({"objectType": one_of("StatementRef"), "id": uuid}, "objectType", "id")


def _object(activity: Check, sub_statement: Check | None) -> Check:
    by_type = {"Agent": agent, "Group": group, "StatementRef": _REFERENCE, "Activity": activity}
    if sub_statement is not None:
        by_type["SubStatement"] = sub_statement

    def check(value: Any) -> None:
        kind = value.get("objectType", "Activity") if type(value) is dict else "Activity"
        rule = by_type.get(kind) if type(kind) is str else None
        if rule is None and kind != "GroupActivity":
            raise Broken("no object is of this type", "objectType")
        (rule or activity)(value)

    return check


def _score(value: Any) -> None:
    _SCORE(value)
    low, high, raw = value.get("min"), value.get("max"), value.get("raw")
    if low is not None and high is not None and low > high:  # equal is what a problem worth nothing has
        raise Broken("at most max is wanted", "min")
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        raise Broken("from min to max is wanted", "raw")


_SCORE: Final = shape({"scaled": scaled, "raw": number, "min": number, "max": number})
_RESULT: Final = shape(
    {
        "score": _score,
        "success": truth,
        "completion": truth,
        "response": text,
        "duration": duration,
        "extensions": extensions,
    }
)


def _attachment(value: Any) -> None:
    _ATTACHMENT(value)
    if "fileUrl" not in value:
        raise Broken("the attachment's own bytes are not taken here: a fileUrl is wanted", "fileUrl")


_ATTACHMENT: Final = shape(
    {
        "usageType": iri,
        "display": languages,
        "description": languages,
        "contentType": media_type,
        "length": count,
        "sha2": sha2,
        "fileUrl": iri,
    },
    "usageType", "display", "contentType", "length", "sha2",
)  # fmt: skip


def _context(activity: Check, major: int) -> dict[str, Check]:
    several = all_of(activity)

    def activities(value: object) -> None:
        (several if type(value) is list else activity)(value)

    checks: dict[str, Check] = {
        "registration": uuid,
        "instructor": actor,
        "team": group,
        "contextActivities": shape(dict.fromkeys(("parent", "grouping", "category", "other"), activities)),
        "revision": text,
        "platform": text,
        "language": language,
        "statement": _REFERENCE,
        "extensions": extensions,
    }
    if major == 2:
        types = {"relevantTypes": all_of(iri, least=1)}
        agents = shape({"objectType": one_of("contextAgent"), "agent": agent, **types}, "objectType", "agent")
        groups = shape({"objectType": one_of("contextGroup"), "group": group, **types}, "objectType", "group")
        checks |= {"contextAgents": all_of(agents), "contextGroups": all_of(groups)}
    return checks
