"""Strict JSON: whatever two readers could read differently is refused, with a pointer to it.

The C scanner does the reading; only what it found suspicious is read again, to say where.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Never

import orjson

from services.runtime.problems import Refusal, pointer_to

INTEGER_MAX = 2**53
INTEGER_CHARACTERS_MAX = len(str(-INTEGER_MAX))
NUMBER_CHARACTERS_MAX = 64
EXPONENT_MAX = 308  # beyond it a double is infinite or zero, and two readers would disagree
DEPTH_MAX = 32
KEYS_MAX = 100_000


class MalformedJson(Refusal):
    """The body is not JSON as this service reads it."""


class _SuspiciousError(ValueError):
    """The document breaks a rule of ours; where and which is found by reading it again."""


_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ODD_ESCAPE = re.compile(rb"\\(?:[bf]|u(?:00[01]|003[aA]|007[fF]|[dD][89a-fA-F]))")
_SPACE = re.compile(r"[ \t\n\r]*")
_ODD_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def parse_json(raw: bytes, *, depth_max: int = DEPTH_MAX, keys_max: int = KEYS_MAX) -> object:
    """Read one JSON document, refusing whatever two readers could read differently.

    UTF-8 without a byte order mark; no key twice; no NaN or Infinity; integers within 2^53; other numbers are
    exact decimals within a double's range; no lone surrogates and no control characters save tab and line ends.
    """
    text, odd = _bounded(raw, depth_max, keys_max)
    try:
        if odd:
            raise _SuspiciousError
        value = _PLAIN.decode(text)
        _check_unique(raw, value)
        return value
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, offset=error.pos) from None
    except _SuspiciousError:
        return _read_again(text)


def parse_json_elements(
    raw: bytes, *, depth_max: int = DEPTH_MAX, keys_max: int = KEYS_MAX
) -> list[tuple[str, object]]:
    """As `parse_json`: the elements of an array, or a single value, each with its text as it was sent."""
    text, odd = _bounded(raw, depth_max, keys_max)
    if odd:
        _read_again(text)
    try:
        elements = list(_elements(text))
        _check_unique(raw, [value for _, value in elements])
        return elements
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, offset=error.pos) from None
    except _SuspiciousError:
        _read_again(text)
        raise AssertionError("what is suspicious is found by reading it again") from None


def _bounded(raw: bytes, depth_max: int, keys_max: int) -> tuple[str, bool]:
    """The text, and whether it has an escape or character that must be looked at (an escaped colon is one)."""
    _check_depth(raw, depth_max)
    if raw.count(b":") > keys_max:
        _check_keys(raw, keys_max)
    text = _decode(raw)
    return text, bool(b"\\" in raw and _ODD_ESCAPE.search(raw)) or b"\x7f" in raw


def _elements(text: str) -> Iterator[tuple[str, object]]:
    at = _skip(text, 0)
    listed = text.startswith("[", at)
    if listed:
        at = _skip(text, at + 1)
    while not (listed and text.startswith("]", at)):
        value, end = _PLAIN.raw_decode(text, at)
        yield text[at:end], value
        at = _skip(text, end)
        if not listed:
            break
        if text.startswith(",", at):
            at = _skip(text, at + 1)
            if text.startswith("]", at):
                raise json.JSONDecodeError("Expecting value", text, at)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if (rest := _skip(text, at + listed)) != len(text):
        raise json.JSONDecodeError("Extra data", text, rest)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it matches nothing at all, too"
    return found.end()


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise MalformedJson("UTF-8 without a byte order mark is wanted", offset=0)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson("not UTF-8", offset=error.start) from None


def _check_depth(raw: bytes, depth_max: int) -> None:
    """Before the parser sees it, so that no nesting makes it recurse; most bodies have too few brackets to look.

    Pairs with nothing between them are taken away level by level; only what that does not use up is counted.
    """
    if raw.count(b"[") + raw.count(b"{") <= depth_max:
        return
    brackets = left = _outside_strings(raw).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(depth_max):
        left = left.replace(b"[]", b"")
        if not left:
            return
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[" else -1
        if depth > depth_max:
            raise MalformedJson(f"nested deeper than {depth_max}")


def _check_keys(raw: bytes, keys_max: int) -> None:
    if _outside_strings(raw).count(b":") > keys_max:
        raise MalformedJson(f"more than {keys_max} keys")


def _outside_strings(raw: bytes) -> bytes:
    """Exact as far as the text is JSON; at the first byte that is not, the parser stops anyway."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(raw.split(b'"')[::2])


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _SuspiciousError
    return found


def _integer(text: str) -> int:
    if len(text) > INTEGER_CHARACTERS_MAX or abs(number := int(text)) > INTEGER_MAX:
        raise _SuspiciousError
    return number


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise _SuspiciousError
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what even Decimal holds
        raise _SuspiciousError from None
    if not -EXPONENT_MAX <= number.adjusted() <= EXPONENT_MAX:
        raise _SuspiciousError
    return number or abs(number)  # minus zero is zero


def _constant(text: str) -> Never:
    raise _SuspiciousError


_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
_PLAIN = json.JSONDecoder(parse_int=_integer, parse_float=_decimal, parse_constant=_constant)


def _check_unique(raw: bytes, value: object) -> None:
    """A key that is there twice is dropped with its colon: what is left, written out, has fewer than were sent.

    Colons within text count on both sides, as none is escaped (`_ODD_ESCAPE`). To ask at every object costs more.
    """
    if orjson.dumps(value, _no_colon).count(b":") != raw.count(b":"):
        raise _SuspiciousError


def _no_colon(value: object) -> None:
    """A Decimal, which is written without a colon whatever it is."""
    assert isinstance(value, Decimal), "the scanner makes nothing else that is not plain"


class _Pairs(list[tuple[str, object]]):
    """An object as it was written, repeated keys and all."""


class _Fault(str):
    """Stands where a number was that breaks a rule, and says which."""

    __slots__ = ()


def _number_or_fault(text: str) -> object:
    try:
        return _decimal(text) if set(text) & set(".eE") else _integer(text)
    except _SuspiciousError:
        return _Fault("a number beyond what is read exactly")


_SLOW = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_int=_number_or_fault,
    parse_float=_number_or_fault,
    parse_constant=lambda text: _Fault("NaN and Infinity are not JSON"),
)


def _read_again(text: str) -> object:
    """Find the first fault and refuse with a pointer to it; or there was none, only an innocent escape."""
    try:
        for path, reason in _faults(_SLOW.decode(text), ()):
            raise MalformedJson(reason, pointer=pointer_to(path))
        return _STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, offset=error.pos) from None


_Path = tuple[object, ...]


def _faults(value: object, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Every fault, in the order of the text; recursion is bounded by the depth already checked."""
    if isinstance(value, _Fault):
        yield path, str(value)
    elif isinstance(value, str):
        if _ODD_CHARACTER.search(value):
            yield path, "a control character or lone surrogate"
    elif isinstance(value, _Pairs):
        yield from _faults_of_object(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, (*path, index))


def _faults_of_object(pairs: _Pairs, path: _Path) -> Iterator[tuple[_Path, str]]:
    seen: set[str] = set()
    for key, value in pairs:
        if _ODD_CHARACTER.search(key):
            yield path, "a key with a control character or lone surrogate"
        if key in seen:
            yield (*path, key), "a key that is there twice"
        seen.add(key)
        yield from _faults(value, (*path, key))
