"""The plain values of an xAPI statement, each a check that says what was wanted and never what was there."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson

from services.runtime.problems import Refusal, pointer_to

Check = Callable[[Any], None]

REMEMBERED_MAX: Final = 4_000
REMEMBERED_BYTES_MAX: Final = 1_000
IRIS_KEPT_MAX: Final = 20_000
LANGUAGES_KEPT_MAX: Final = 500
# A scheme with a hyphen (`course-v1:…`) is an IRI by its letters, and what is meant is a key of the sender's own:
# the validators in use refuse it, so strict does too, and lenient says so.
IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.]*:[^\s<>\"{}|\\^`\x00-\x20]+")
UUID_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MAILTO: Final = re.compile(r"mailto:[^@\s<>\"]{1,64}@[^@\s<>\"]{1,255}")
SHA1: Final = re.compile(r"[0-9a-fA-F]{40}")
SHA2: Final = re.compile(r"[0-9a-fA-F]{56,128}")
MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]{1,80}/[\w!#$&^.+-]{1,80}(?:\s*;\s*[^\s;=]+=[^;]+)*")
LANGUAGE: Final = re.compile(r"(?:[A-Za-z]{2,8}|[xiXI])(?:-[A-Za-z0-9]{1,8})*")
DURATION: Final = re.compile(
    r"P(?=\d|T\d)(?:\d+(?:\.\d+)?W|(?:\d+(?:\.\d+)?Y)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?D)?"
    r"(?:T(?=\d)(?:\d+(?:\.\d+)?H)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?S)?)?)"
)
OFFSET: Final = r"(?:[Zz]|\+[0-2]\d(?::?[0-5]\d)?|-(?!00(?::?00)?$)[0-2]\d(?::?[0-5]\d)?)"
TIME: Final = r"T(?:[01]\d|2[0-4])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:[.,]\d{1,12})?)?)?"
ISO_8601: Final = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}(?:{TIME}{OFFSET}?)?")
RFC_3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ][0-2]\d:[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,12})?(?:[Zz]|[+-][0-2]\d:[0-5]\d)(?<!-00:00)"
)
VERSION_1: Final = re.compile(r"1\.0(?:\.\d{1,3})?")
VERSION_2: Final = re.compile(r"(?:1\.0|2\.0)(?:\.\d{1,3})?")


class StatementRefused(Refusal):
    """A statement breaks a rule of xAPI; nothing of its batch was stored."""


class Broken(Exception):
    """A rule is broken; the path is gathered on the way out."""

    def __init__(self, detail: str, *path: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.path = list(path)

    def under(self, step: object) -> "Broken":
        """The same, seen from one level up."""
        self.path.insert(0, step)
        return self

    def refusal(self, *above: object) -> StatementRefused:
        """As the sender is told."""
        return StatementRefused(self.detail, pointer=pointer_to([*above, *self.path]))


def text(value: object) -> None:
    """Any text."""
    if type(value) is not str:
        raise Broken("text is wanted")


def truth(value: object) -> None:
    """true or false."""
    if type(value) is not bool:
        raise Broken("true or false is wanted")


def number(value: object) -> None:
    """A number."""
    if type(value) is not int and type(value) is not Decimal:
        raise Broken("a number is wanted")


def count(value: object) -> None:
    """A whole number, not negative."""
    if type(value) is not int or value < 0:
        raise Broken("a whole number is wanted")


def scaled(value: Any) -> None:
    """A number from -1 to 1."""
    number(value)
    if not -1 <= value <= 1:
        raise Broken("a number from -1 to 1 is wanted")


def shaped(pattern: re.Pattern[str], wanted: str) -> Check:
    """Text of this shape."""

    def check(value: object) -> None:
        if type(value) is not str or pattern.fullmatch(value) is None:
            raise Broken(f"{wanted} is wanted")

    return check


def dated(pattern: re.Pattern[str], wanted: str) -> Check:
    """An instant of this shape on a day there is."""

    def check(value: object) -> None:
        if type(value) is not str or pattern.fullmatch(value) is None:
            raise Broken(f"{wanted} is wanted")
        try:
            date.fromisoformat(value[:10])
        except ValueError:
            raise Broken(f"{wanted} is wanted") from None

    return check


_languages_seen: set[str] = set()
_iris_seen: set[str] = set()  # the same verbs, activities and extensions come again and again


def iri(value: object) -> None:
    """An IRI with a scheme."""
    if type(value) is str and value in _iris_seen:
        return
    if type(value) is not str or IRI.fullmatch(value) is None:
        raise Broken("an IRI is wanted")
    if len(_iris_seen) >= IRIS_KEPT_MAX:
        _iris_seen.clear()
    _iris_seen.add(value)


def one_of(*values: str) -> Check:
    """One of these words."""
    allowed = frozenset(values)

    def check(value: object) -> None:
        if type(value) is not str or value not in allowed:
            raise Broken(f"one of {', '.join(values)} is wanted")

    return check


uuid: Final = shaped(UUID_TEXT, "a UUID")
mailbox: Final = shaped(MAILTO, "mailto: and an address")
sha1: Final = shaped(SHA1, "40 hexadecimal digits")
sha2: Final = shaped(SHA2, "a SHA-2 in hexadecimal digits")
media_type: Final = shaped(MEDIA_TYPE, "an internet media type")
language: Final = shaped(LANGUAGE, "a language tag (RFC 5646)")
duration: Final = shaped(DURATION, "a duration (ISO 8601)")
instant_1: Final = dated(ISO_8601, "an instant (ISO 8601, no offset of -00:00)")
instant_2: Final = dated(RFC_3339, "an instant (RFC 3339)")
version_1: Final = shaped(VERSION_1, "1.0.x")
version_2: Final = shaped(VERSION_2, "2.0.x or 1.0.x")


def languages(value: object) -> None:
    """Text by language."""
    for key, said in members(value):
        if key in _languages_seen and type(said) is str:
            continue
        try:
            language(key)
            text(said)
        except Broken as broken:
            raise broken.under(key) from None
        if len(_languages_seen) < LANGUAGES_KEPT_MAX:
            _languages_seen.add(key)


def extensions(value: object) -> None:
    """Anything, by IRI."""
    for key, _ in members(value):
        try:
            iri(key)
        except Broken as broken:
            raise broken.under(key) from None


def members(value: object) -> Iterable[tuple[str, object]]:
    """Of an object."""
    if type(value) is not dict:
        raise Broken("an object is wanted")
    return value.items()


def remembered(check: Check) -> Check:
    """The same check; what passed is known again by its content: one course, verb or quiz comes thousands of times."""
    passed: set[bytes] = set()

    def each(value: object) -> None:
        content = orjson.dumps(value, _number_apart)
        if content in passed:
            return
        check(value)
        if len(content) <= REMEMBERED_BYTES_MAX:
            if len(passed) >= REMEMBERED_MAX:
                passed.clear()
            passed.add(content)

    return each


def _number_apart(value: object) -> list[str]:
    """No text reads like it: JSON as read here holds no NUL."""
    return ["\0", str(value)]


def all_of(check: Check, *, least: int = 0) -> Check:
    """A list of these."""

    def each(value: object) -> None:
        if type(value) is not list:
            raise Broken("a list is wanted")
        if len(value) < least:
            raise Broken(f"at least {least} is wanted")
        for place, item in enumerate(value):
            try:
                check(item)
            except Broken as broken:
                raise broken.under(place) from None

    return each


def shape(checks: Mapping[str, Check], *required: str) -> Check:
    """An object with these properties and no others."""

    def check(value: object) -> None:
        if type(value) is not dict:
            raise Broken("an object is wanted")
        for key, inner in value.items():
            rule = checks.get(key)
            if rule is None:
                raise Broken("no property of this name belongs here", key)
            try:
                rule(inner)
            except Broken as broken:
                raise broken.under(key) from None
        for key in required:
            if key not in value:
                raise Broken("is missing", key)

    return check
