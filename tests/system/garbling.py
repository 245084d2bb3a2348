"""A grammar of what is wrong: seeded changes to a good JSON message after which no careful reader can take it.

Each is bad whatever its chance: text that is no JSON as read here, or a member that is needed and cannot be read.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.system.bad_doors import MARK

Json = Any
Place = tuple[str | int, ...]


def garbled(good: bytes, needed: Sequence[Place], strict: bool, chance: random.Random) -> bytes:
    """The message with one to three things wrong with it; `strict`: what is not known is refused, too."""
    document = json.loads(good)
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 3)):
            _spoil(document, chance.choice(needed), chance)
        if strict and chance.random() < 0.3:
            _under(document, needed[0][:-1])[f"{MARK}-{chance.randrange(10**6)}"] = _any(chance)
        return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return chance.choice(TEXTS)(json.dumps(document), chance)


# ---- a member that is needed


def _spoil(document: Json, place: Place, chance: random.Random) -> None:
    try:
        above = _under(document, place[:-1])
        if chance.random() < 0.25 and isinstance(above, dict):
            above.pop(place[-1], None)
        else:
            above[place[-1]] = chance.choice(WRONG)(chance)
    except (KeyError, TypeError, IndexError):
        return  # what is above it is wrong already


def _under(document: Json, place: Place) -> Json:
    for step in place:
        document = document[step]
    return document


def _any(chance: random.Random) -> Json:
    return chance.choice((None, True, 7, "text", [], {}))


def _nested(chance: random.Random) -> Json:
    found: Json = MARK
    for _ in range(chance.randint(1, 20)):
        found = [found] if chance.random() < 0.5 else {"x": found}
    return found


WRONG: list[Callable[[random.Random], Json]] = [
    lambda chance: None,
    lambda chance: [],
    lambda chance: {},
    lambda chance: "",
    lambda chance: " " * chance.randint(1, 9),
    lambda chance: MARK * chance.randint(400, 900),
    lambda chance: f"{MARK}\x00{chance.randrange(99)}",
    lambda chance: f"{MARK}\ud800",
    lambda chance: [MARK] * chance.randint(1, 9),
    lambda chance: {"$ne": chance.randrange(9)},
    _nested,
]


# ---- text that is no JSON


def _inserted(*what: str) -> Callable[[str, random.Random], bytes]:
    """Something where a value begins or ends, outside of every string."""

    def change(text: str, chance: random.Random) -> bytes:
        at = chance.choice(_outside(text, ",:{}[]"))
        return (text[: at + 1] + chance.choice(what) + text[at + 1 :]).encode("utf-8", "surrogatepass")

    return change


def _in_string(*what: bytes) -> Callable[[str, random.Random], bytes]:
    def change(text: str, chance: random.Random) -> bytes:
        at = text.index(MARK) + chance.randrange(len(MARK))
        return text[:at].encode() + chance.choice(what) + text[at:].encode()

    return change


def _outside(text: str, wanted: str) -> list[int]:
    inside, found = False, []
    for at, character in enumerate(text):
        inside ^= character == '"'  # the good messages escape nothing
        if not inside and character in wanted:
            found.append(at)
    return found


def _cut(text: str, chance: random.Random) -> bytes:
    return text[: chance.randrange(1, len(text) - 1)].encode()


def _without_one(text: str, chance: random.Random) -> bytes:
    at = chance.choice(_outside(text, ":{}[]"))
    return (text[:at] + text[at + 1 :]).encode()


def _key_twice(text: str, chance: random.Random) -> bytes:
    start = chance.choice(_outside(text, "{"))
    key = text[start + 1 :].split(":", 1)[0]
    if not key.strip().startswith('"'):
        return _cut(text, chance)
    return f"{text[: start + 1]}{key}: {json.dumps(_any(chance))}, {text[start + 1 :]}".encode()


def _number(text: str, chance: random.Random) -> bytes:
    return text.replace(json.dumps(MARK), chance.choice(NUMBERS)(chance), 1).encode()


def _deep(text: str, chance: random.Random) -> bytes:
    levels = chance.randint(40, 5000)
    opening = "".join(chance.choice(('{"x":', "[")) for _ in range(levels))
    closing = "".join("}" if part == ":" else "]" for part in reversed([part[-1] for part in opening.split(",")]))
    return text.replace(json.dumps(MARK), opening + "0" + closing * chance.randint(0, 1), 1).encode()


NUMBERS: list[Callable[[random.Random], str]] = [
    lambda chance: chance.choice(("NaN", "Infinity", "-Infinity", "1e400", "-1e999", "1e-400")),
    lambda chance: "9" * chance.randint(17, 3000),
    lambda chance: chance.choice(("01", "+1", ".5", "1.", "0x10", "1_000", "1e", "--1", "True", "undefined", "'x'")),
    lambda chance: "0." + "1" * chance.randint(70, 2000),
]
TEXTS: list[Callable[[str, random.Random], bytes]] = [
    _cut,
    _without_one,
    _key_twice,
    _number,
    _deep,
    _inserted(",,", "//x\n", "/**/", "}", "]", "\x00", ";", "\u200b", "\ufeff", "\x1f", "`"),
    _in_string(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\n", b"\0", b"\x1f", b"\\x41", b"\\q"),
    _in_string(b"\\ud800", b"\\u0000", b"\\udfff", b"\\u0g", b"\\u001f", b'"'),
    lambda text, chance: text.encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "cp037", "utf-8-sig"))),
    lambda text, chance: text.encode() + chance.choice((b"x", b"{}", b"\0", b"]", b"\xff", text.encode())),
    lambda text, chance: bytes(chance.randrange(256) for _ in range(chance.randint(1, 200))) + b"{",
]
