"""The parameters of GET /xapi/statements, read strictly: one that is not known or not kept is refused, not ignored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.formats import xapi_values as values
from services.ingest.formats.xapi_rules import actor
from services.ingest.formats.xapi_statement import identity_of
from services.ingest.formats.xapi_values import Broken
from services.runtime.problems import Refusal
from services.runtime.strict_json import parse_json

SEQ_MAX: Final = 2**63 - 1


class QueryRefused(Refusal):
    """A parameter is not one of this resource, or not of the form it has."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; a statement by id, or those that match."""

    statement: UUID | None = None
    voided: bool = False
    agent: tuple[str, str] | None = None
    verb: str | None = None
    activity: str | None = None
    registration: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 0
    ascending: bool = False
    cursor: int | None = None


def read_query(said: Mapping[str, str]) -> Query:
    """Refuses what it does not know."""
    found: dict[str, Any] = {}
    for name, text in said.items():
        reader = READERS.get(name)
        if reader is None:
            raise QueryRefused("no parameter of this name", parameter=name[:40])
        try:
            read = reader(text)
        except (Broken, Refusal, ValueError, OverflowError) as wrong:  # the last: an end of the calendar in its zone
            detail = getattr(wrong, "detail", "") or "not a value of this parameter"
            raise QueryRefused(detail, parameter=name) from None
        if found.keys() & read.keys():
            raise QueryRefused("one statement at a time", parameter=name)
        found |= read
    if "statement" in found and found.keys() - {"statement", "voided"}:
        raise QueryRefused("a statement by its id, or a filter: one of the two")
    return Query(**found)


def statement_id(said: Mapping[str, str]) -> UUID:
    """Of a PUT, which has this parameter and no other."""
    if set(said) != {"statementId"}:
        raise QueryRefused("statementId is wanted, and nothing else", parameter="statementId")
    return _statement(said["statementId"])["statement"]  # type: ignore[no-any-return]


def _statement(text: str) -> dict[str, Any]:
    try:
        values.uuid(text)
    except Broken as broken:
        raise QueryRefused(broken.detail, parameter="statementId") from None
    return {"statement": UUID(text)}


def _agent(text: str) -> dict[str, Any]:
    who = parse_json(text.encode())
    actor(who)
    named = identity_of(who)
    if named is None:
        raise Broken("an identifier is wanted")
    return {"agent": named}


def _checked(name: str, check: values.Check) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        check(text)
        return {name: text}

    return read


def _instant(name: str) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        values.instant_1(text)
        at = datetime.fromisoformat(text.upper())
        return {name: (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)}

    return read


def _limit(text: str) -> dict[str, Any]:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Broken("a whole number is wanted")
    return {"limit": int(text)}


def _cursor(text: str) -> dict[str, Any]:
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= SEQ_MAX):
        raise Broken("what `more` said is wanted")
    return {"cursor": int(text)}


def _truth(name: str) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        said = text.lower()  # PyPI's tincan sends `True`
        if said not in {"true", "false"}:
            raise Broken("true or false is wanted")
        return {name: said == "true"}

    return read


def _only(allowed: str, instead: str) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        if text != allowed:
            raise Broken(instead)
        return {}

    return read


READERS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "statementId": _statement,
    "voidedStatementId": lambda text: {**_statement(text), "voided": True},
    "agent": _agent,
    "verb": _checked("verb", values.iri),
    "activity": _checked("activity", values.text),  # those of a lenient source may be no IRIs
    "registration": _checked("registration", values.uuid),
    "since": _instant("since"),
    "until": _instant("until"),
    "limit": _limit,
    "ascending": _truth("ascending"),
    "cursor": _cursor,
    "format": _only("exact", "statements are answered as they were sent: exact is wanted"),
    "attachments": _only("false", "attachments are not kept here: false is wanted"),
    "related_agents": _only("false", "found by actor, object and members only: false is wanted"),
    "related_activities": _only("false", "found by object only: false is wanted"),
}
