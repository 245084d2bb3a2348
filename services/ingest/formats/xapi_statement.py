"""What is done with a statement besides checking it: its content, whom and what it is about, and what an LRS adds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from services.ingest.formats.xapi_rules import VOIDED
from services.runtime.clock import format_instant

ADDED: Final = ("id", "stored", "authority", "version")  # by whoever stores it, or a name rather than content
OURS: Final = frozenset({"stored", "authority"})  # a sender's are not believed
AUTHORITY_HOME: Final = "https://wayproof.org/sources"
RELATED: Final = ("parent", "grouping", "category", "other")

Statement = Mapping[str, Any]


def content_of(statement: Statement, *, timeless: bool = False) -> bytes:
    """What it says, in one form however it was written; `timeless` when the time may be what an LRS added."""
    left_out = (*ADDED, "timestamp") if timeless else ADDED
    said = {key: value for key, value in statement.items() if key not in left_out}
    return orjson.dumps(said, _plain, orjson.OPT_SORT_KEYS)


def _plain(value: object) -> object:
    """2, 2.0 and 2e0 are one number; the NUL keeps a number from being mistaken for text."""
    assert isinstance(value, Decimal), "JSON as read here holds nothing else that is not plain"
    return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else ["\0", str(value.normalize())]


def derived_id(source: str, content: bytes) -> UUID:
    """The id of a statement that came without one; `content` is the keyed digest of what it says."""
    return UUID(bytes=sha256(source.encode() + b"\0" + content).digest()[:16], version=5)


def voided_by(statement: Statement) -> UUID | None:
    """Which statement it takes back, if that is what it does."""
    return UUID(statement["object"]["id"]) if statement["verb"]["id"] == VOIDED else None


def identity_of(who: Any) -> tuple[str, str] | None:
    """How an agent or a group is identified: the scheme, and a value that no other identifier has."""
    for scheme in ("mbox", "mbox_sha1sum", "openid"):
        if scheme in who:
            return scheme, str(who[scheme])
    account = who.get("account")
    return ("account", f"{account['homePage']}|{account['name']}") if account else None


def agents_of(statement: Statement) -> Iterator[tuple[str, str]]:
    """Everybody the `agent` filter finds it by, besides an identified actor: the object, and members of groups."""
    about = statement["object"]
    people = [about] if about.get("objectType") in {"Agent", "Group"} else []
    for who in (statement["actor"], *people):
        if who is not statement["actor"] and (named := identity_of(who)):
            yield named
        for member in who.get("member", ()):
            if named := identity_of(member):
                yield named


def activity_of(statement: Statement) -> str | None:
    """The activity it is about."""
    about = statement["object"]
    return about.get("id") if about.get("objectType", "Activity") in {"Activity", "GroupActivity"} else None


@dataclass(frozen=True, slots=True)
class Additions:
    """What an LRS adds to what it was sent."""

    id: UUID
    stored: datetime
    source: str
    major: int

    def complete(self, statement: Statement) -> dict[str, Any]:
        """For a mapping to read: named and dated, also when the sender did neither."""
        if "id" in statement and "timestamp" in statement:
            return dict(statement)
        return {"id": str(self.id), "timestamp": format_instant(self.stored), **statement}

    def to(self, text: str) -> bytes:
        """The statement as it was sent, byte for byte, with what it lacks before its last brace."""
        spans = list(members_of(text))
        if any(key in OURS for key, _ in spans):
            kept = [span for key, span in spans if key not in OURS]
            text = "{" + ",".join(kept) + "}"
        present = {key for key, _ in spans} - OURS
        lacking = [member for key, member in self._members() if key not in present]
        return (text.rstrip()[:-1] + "," + ",".join(lacking) + "}").encode()

    def _members(self) -> Iterator[tuple[str, str]]:
        stored = format_instant(self.stored)
        account = {"homePage": AUTHORITY_HOME, "name": self.source}
        authority = {"objectType": "Agent", "account": account}
        version = "2.0.0" if self.major == 2 else "1.0.0"
        said = {"id": str(self.id), "timestamp": stored, "stored": stored, "version": version, "authority": authority}
        for key, value in said.items():
            yield key, f'"{key}":{json.dumps(value, separators=(",", ":"))}'


_SCAN: Final = json.JSONDecoder()


def members_of(text: str) -> Iterator[tuple[str, str]]:
    """Each member of an object that was read before: its name, and its text as sent."""
    at = _beyond(text, text.index("{") + 1)
    while text[at] != "}":
        key, end = _SCAN.raw_decode(text, at)
        _, end = _SCAN.raw_decode(text, _beyond(text, _beyond(text, end) + 1))
        yield key, text[at:end]
        at = _beyond(text, end)
        at = _beyond(text, at + 1) if text[at] == "," else at


def _beyond(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
