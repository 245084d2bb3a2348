"""The table of bad inputs: what each spoils of a request that would be taken as it is, and at which doors it can."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from tests.system.bad_doors import DAY, MARK, SCALE, SCORE, SKILL, STUDENT, Call, Door, Premises
from tests.system.bad_doors_more import ALL_DOORS

BOMB_BYTES = 60_000_000
HUGE = 10**18


@dataclass(frozen=True)
class Bad:
    """One input: `spoil` comes before the sender signs or zips, `tamper` after; `at_field`: a pointer says where."""

    name: str
    where: frozenset[str]
    spoil: Callable[[Call, Door], Call] = lambda call, door: call
    tamper: Callable[[Call, Premises, Door], Call] = lambda call, premises, door: call
    at_field: bool = False
    but: frozenset[str] = frozenset()  # doors at which it is no bad input

    def fits(self, door: Door) -> bool:
        """Whether it can be tried at this door."""
        return bool(self.where & (door.tags | {door.name})) and door.name not in self.but


def make(premises: Premises, door: Door, bad: Bad, serial: str) -> Call:
    """The request, with ids of its own, spoilt."""
    call = bad.spoil(door.good(premises, serial), door)
    return bad.tamper(door.finish(premises, call, serial), premises, door)


def attempts() -> list[tuple[Door, Bad]]:
    """Every input at every door at which it can be tried."""
    return [(door, bad) for door in ALL_DOORS for bad in TABLE if bad.fits(door)]


# ---- bodies


def _slot(name: str, text: bytes, at_field: bool = True) -> Bad:
    """In the place of the free text that every JSON door has."""
    planted = json.dumps(MARK).encode()
    return Bad(name, frozenset({"json"}), lambda c, d: c.with_text(planted, text), at_field=at_field)


def _body(name: str, change: Callable[[bytes], bytes], *but: str) -> Bad:
    def spoil(call: Call, door: Door) -> Call:
        return replace(call, content=change(call.content))

    return Bad(name, frozenset({"json"}), spoil, but=frozenset(but))


def _said(name: str, old: str, new: str, *where: str, quoted: bool = True) -> Bad:
    """Another value in the place of one of a piece of evidence; quoted: as a whole JSON string, to be any JSON."""
    mark = json.dumps(old) if quoted else old
    return Bad(
        name, frozenset(where or ("message",)), lambda c, d: c.with_text(mark.encode(), new.encode()), at_field=True
    )


def _twice(body: bytes) -> bytes:
    start = body.index(b"{")
    key = body[start + 1 : body.index(b":", start)]
    return body[: start + 1] + key + b': "' + MARK.encode() + b'", ' + body[start + 1 :]


BODIES = [
    _body("empty", lambda body: b"", "stream"),  # a stream request without lines is no lines
    _body("cut-off", lambda body: body.rstrip()[:-5]),
    _body("not-utf-8", lambda body: body.replace(MARK.encode(), MARK.encode() + b"\xff\xc0")),
    _body("overlong-utf-8", lambda body: body.replace(MARK.encode(), MARK.encode() + b"\xc0\xaf")),
    _body("utf-16", lambda body: body.decode().encode("utf-16")),
    _body("byte-order-mark", lambda body: b"\xef\xbb\xbf" + body),
    _body("100,000-deep", lambda body: b"[" * 100_000),
    _body("30,000-deep", lambda body: b'{"a":' * 10_000 + b"[" * 20_000),
    _body("key-twice", _twice),
    _body("only-text", lambda body: json.dumps(MARK).encode()),
    _body("only-null", lambda body: b"null"),
    _body("two-documents", lambda body: body.rstrip() + b" " + body),
    _slot("nan", b"NaN"),
    _slot("infinity", b"-Infinity"),
    _slot("1e400", b"1e400"),
    _slot("2^53+1", str(2**53 + 1).encode()),
    _slot("10,000-digits", b"9" * 10_000),
    _slot("lone-surrogate", f'"{MARK}\\ud800"'.encode()),
    _slot("nul-escaped", f'"{MARK}\\u0000"'.encode()),
    _slot("nul-raw", f'"{MARK}\0"'.encode(), at_field=False),
    _slot("nested-in-text", b'{"a": ' * 40 + b"0" + b"}" * 40, at_field=False),
]

EVIDENCE = [
    _said("unknown-scale", SCALE, json.dumps(f"{MARK}-scale")),
    _said("scale-not-text", SCALE, '["percent"]'),
    _said("unknown-competency", SKILL, json.dumps(MARK)),
    _said("competency-missing", SKILL, "null"),
    _said("score-out-of-range", SCORE, '"101"'),
    _said("score-negative", SCORE, '"-0.5"'),
    _said("score-nan", SCORE, '"NaN"'),
    _said("score-1e400", SCORE, '"1e400"'),
    _said("score-1e3", SCORE, '"1e3"'),
    _said("score-of-1,000-digits", SCORE, json.dumps("1" * 1_000)),
    _said("score-is-text", SCORE, json.dumps(MARK)),
    _said("score-is-true", SCORE, "true"),
    _said("learner-empty", STUDENT, '""'),
    _said("learner-an-object", STUDENT, '{"$ne": 1}'),
    _said("learner-too-long", STUDENT, json.dumps(MARK * 100)),
    _said("year-0", DAY, "0000-01-01", "message", "file", quoted=False),
    _said("year-1", DAY, "0001-01-01", "message", "file", quoted=False),
    _said("year-9999", DAY, "9999-12-31", "message", "file", quoted=False),
    _said("year-10000", DAY, "10000-01-01", "message", "file", quoted=False),
    _said("30-february", DAY, "2026-02-30", "message", "file", quoted=False),
    _said("day-is-text", DAY, MARK, "message", "file", quoted=False),
    _said("score-nan-in-a-cell", f",{SCORE},", ",NaN,", "file", quoted=False),
    _said("score-1e400-in-a-cell", f",{SCORE},", ",1e400,", "file", quoted=False),
    _said("score-out-of-range-in-a-cell", f",{SCORE},", ",101,", "file", quoted=False),
    _said("unknown-competency-in-a-cell", "urn:uuid:", "urn:uuid:00000000-0000-4000-8000-00000000000", "file",
          quoted=False),
    _said("nul-in-a-cell", MARK, MARK + "\0", "file", quoted=False),
    _said("a-cell-too-many", f",{DAY},", f",{DAY},{MARK},", "file", quoted=False),
]  # fmt: skip


def _assigned(call: Call, door: Door) -> Call:
    extra = b'"tenant": "oak", "role": "operator", "version": 7, "is_admin": "' + MARK.encode() + b'", '
    at = call.content.index(b"{") + 1
    return replace(call, content=call.content[:at] + extra + call.content[at:])


ASSIGNED = [Bad("members-assigned-by-the-mass", frozenset({"strict"}), _assigned, at_field=True)]


# ---- how it travels


def _length(call: Call, door: Door) -> Call:
    return replace(call, content=b"", declared=door.bytes_max + 1)


@cache
def _blank(size: int) -> bytes:
    return b" " * size


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(BOMB_BYTES), 9)


def _travel(name: str, change: Callable[[Call, Door], Call], *where: str) -> Bad:
    return Bad(name, frozenset(where or ("body",)), tamper=lambda c, p, d: change(c, d))


def _encoded(how: str, change: Callable[[bytes], bytes]) -> Callable[[Call, Door], Call]:
    return lambda call, door: replace(call, content=change(call.content)).having("content-encoding", how)


def _typed(media_type: str) -> Callable[[Call, Door], Call]:
    return lambda call, door: call.without("content-type").having("content-type", media_type)


TRAVEL = [
    _travel("declared-too-long", _length),
    _travel("chunked-too-long", lambda c, d: replace(c, content=_blank(d.bytes_max + 1), chunked=True), "sized"),
    _travel("length-says-more", lambda c, d: replace(c, declared=len(c.content) + 10)),
    _travel("length-is-no-number", lambda c, d: replace(c, declared="9" * 30)),
    _travel("length-is-text", lambda c, d: replace(c, declared=MARK)),
    _travel("gzip-bomb", _encoded("gzip", lambda _: _bomb())),
    _travel("gzip-of-something-else", _encoded("gzip", lambda _: b"zq7" * 9)),
    _travel("gzip-cut-off", _encoded("gzip", lambda body: gzip.compress(body)[:-6])),
    _travel("gzip-twice", _encoded("gzip", lambda body: gzip.compress(body) * 2)),
    _travel("deflate", _encoded("deflate", zlib.compress)),
    _travel("brotli", _encoded("br", lambda body: body)),
    _travel("two-encodings", _encoded("gzip, gzip", lambda body: gzip.compress(gzip.compress(body)))),
    _travel("typed-as-text", _typed("text/plain"), "strict"),
    _travel("typed-as-a-form", _typed("application/x-www-form-urlencoded"), "strict"),
    _travel("typed-as-multipart", _typed(f"multipart/form-data; boundary={MARK}"), "strict"),
    _travel("typed-as-xml", _typed("application/xml"), "strict"),
    _travel("headers-of-40-kb", lambda c, d: c.having("x-filler", MARK * 4000)),
    _travel("another-method", lambda c, d: replace(c, method="TRACE")),
]


# ---- who sends it


def _key(name: str, token: Callable[[Premises], str | None]) -> Bad:
    def tamper(call: Call, premises: Premises, door: Door) -> Call:
        said, bare = token(premises), call.without("authorization")
        return bare if said is None else bare.having("authorization", said)

    return Bad(name, frozenset({"bearer"}), tamper=tamper)


KEYS = [
    _key("no-key", lambda p: None),
    _key("key-empty", lambda p: "Bearer"),
    _key("key-unknown", lambda p: f"Bearer wp_0123456789abcdef.{MARK}"),
    _key("key-garbled", lambda p: f"Bearer {MARK}\xff"),
    _key("key-of-another-secret", lambda p: f"Bearer {p.expired.partition('.')[0]}.{MARK}"),
    _key("key-expired", lambda p: f"Bearer {p.expired}"),
    _key("key-revoked", lambda p: f"Bearer {p.revoked}"),
    _key("key-of-a-role-that-may-not", lambda p: f"Bearer {p.guardian}"),
    _key("basic-garbled", lambda p: f"Basic {MARK}"),
    _key("basic-wrong", lambda p: "Basic " + base64.b64encode(f"x:{MARK}".encode()).decode()),
    _key("digest", lambda p: f'Digest username="{MARK}"'),
]


def pieces(content: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    """A body in chunks, its length not declared."""
    return (content[at : at + size] for at in range(0, len(content), size))


TABLE = BODIES + EVIDENCE + ASSIGNED + TRAVEL + KEYS
