"""Strict JSON and bounded bodies: whatever two readers could read differently, or never finish, is refused."""

import asyncio
import gzip
import json
import resource
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from services.runtime.limits import (
    BodyIncomplete,
    BodyNotDecompressible,
    BodyTooLarge,
    BodyTooSlow,
    EncodingNotSupported,
    read_body,
)
from services.runtime.strict_json import MalformedJson, parse_json

REFUSED = {
    "an empty body": b"",
    "white space": b"   ",
    "a truncated document": b'{"a": [1, 2',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "an overlong encoding": b'"\xc0\xaf"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a lone high surrogate": rb'"\ud800"',
    "a lone low surrogate": rb'"\udc00"',
    "two high surrogates": rb'"\ud83d\ud83d"',
    "a NUL": b'"\x00"',
    "an escaped NUL": rb'"\u0000"',
    "a raw line end in a string": b'"a\nb"',
    "an escaped control character": rb'"\u001b[31m"',
    "a backspace": rb'"\b"',
    "a DEL": b'"\x7f"',
    "an escaped DEL": rb'"\u007F"',
    "a key with a NUL": rb'{"\u0000": 1}',
    "a key twice": b'{"a": 1, "a": 1}',
    "a key twice, once escaped": rb'{"a": 1, "\u0061": 2}',
    "a key twice, deep inside": b'{"x": [{"a": 1, "b": 2, "a": 3}]}',
    "a key twice, beside text with a colon": b'{"a:": 1, "b": ":", "a:": ":"}',
    "a key twice, beside an escaped colon": rb'{"a": 1, "b": "\u003a", "a": "\u003A"}',
    "a key twice, whose second value has what was lost": rb'{"a": {"b": 1}, "a": {"b": "\u003a:", "c": 1}}',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "beyond a double": b"[1e400]",
    "below a double": b"[1e-400]",
    "a huge exponent": b"[1e999999999999999999999]",
    "a zero with a huge exponent": b"[0e999999999]",
    "an integer beyond 2^53": b"[9007199254740993]",
    "a negative one": b"[-9007199254740993]",
    "an endless integer": b"9" * 100_000,
    "an endless fraction": b"0." + b"1" * 100_000,
    "a leading zero": b"[01]",
    "a bare point": b"[.5]",
    "a plus sign": b"[+1]",
    "a hexadecimal": b"[0x10]",
    "a comment": b"[1 /* one */]",
    "a trailing comma": b"[1,]",
    "two documents": b"{} {}",
    "single quotes": b"{'a': 1}",
    "depth 33 of arrays": b"[" * 33 + b"]" * 33,
    "depth 100,000 of arrays": b"[" * 100_000 + b"]" * 100_000,
    "depth 100,000 of objects": b'{"a":' * 100_000,
    "depth behind a string of brackets": b'["]]]]",' + b"[" * 40,
    "depth behind an escaped quote": rb'["\"]]]",' + b"[" * 40,
}

ABC_GZIP = gzip.compress(b"abc", mtime=0)


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_readers_could_read_differently_is_refused(raw):
    with pytest.raises(MalformedJson):
        parse_json(raw)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a": [0, {"b": NaN}]}', "/a/1/b"),
        (b'{"a": {"b": 1, "b": 2}}', "/a/b"),
        (rb'{"a": ["fine", "\u0007"]}', "/a/1"),
        (b'{"a": {"n": 1e400}}', "/a/n"),
        (rb'{"a": {"\u0000": 1}}', "/a"),
    ],
)
def test_a_refusal_points_to_the_place(raw, pointer):
    with pytest.raises(MalformedJson) as refused:
        parse_json(raw)
    assert refused.value.pointer == pointer


def test_a_refusal_of_what_is_not_json_gives_the_offset():
    with pytest.raises(MalformedJson) as refused:
        parse_json(b'{"a": tru}')
    assert refused.value.extensions == {"offset": 6}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" {} ", {}),
        (b"[9007199254740992, -9007199254740992]", [2**53, -(2**53)]),
        (b"[0.10, 1E2, -0.0, 5e-300]", [Decimal("0.10"), Decimal("1E2"), Decimal("0.0"), Decimal("5e-300")]),
        (rb'"\ud83d\ude00 \u00e9 \\u0000 \t\r\n\/"', "😀 é \\u0000 \t\r\n/"),
        (b"[" * 32 + b"]" * 32, None),
        (b'["' + b"[" * 1000 + b'"]', ["[" * 1000]),
        (rb'["\\", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]', ["\\", "[" * 39]),
        (b'{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
        (
            rb'{"\u003a": "\u003A:", "b": ":", "c": 1.5, "::": ["\\u003a", -0.0]}',
            {":": "::", "b": ":", "c": Decimal("1.5"), "::": ["\\u003a", Decimal(0)]},
        ),
    ],
)
def test_what_is_well_formed_is_read_exactly(raw, value):
    assert value is None or parse_json(raw) == value
    parse_json(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcdefgh", min_size=1), inner),
)


@given(JSON, st.booleans())
def test_it_agrees_with_the_standard_reader_on_what_both_take(value, escaped):
    assert parse_json(json.dumps(value, ensure_ascii=escaped).encode(), depth_max=64) == value


PIECES = st.lists(
    st.sampled_from(["{", "}", '"a":', '"b":', '":":', '"\\u003a":', "1", '":"', '"\\u003A"', ",", "1.5"])
)


@given(PIECES)
def test_a_key_twice_is_never_read(pieces):
    raw = "".join(pieces)
    try:
        value = parse_json(raw.encode())
    except MalformedJson:
        return
    pairs = json.loads(raw, object_pairs_hook=_refuse_twice, parse_float=Decimal)
    assert value == pairs


def _refuse_twice(pairs):
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0123d8-.eEtruefalsnN \n').map(str.encode))
def test_no_bytes_make_it_fail_in_any_other_way(raw):
    try:
        parse_json(raw)
    except MalformedJson:
        return
    assert raw.decode()


def test_an_escaped_quote_cannot_make_the_depth_check_crawl():
    unclosed = b"[" * 40 + b'"' + rb"\"" * 2_000_000
    began = time.perf_counter()
    with pytest.raises(MalformedJson):
        parse_json(unclosed)
    assert time.perf_counter() - began < 2


def test_more_keys_than_the_limit_are_refused_and_colons_in_strings_are_not_keys():
    assert parse_json(b'{"a": "::::", "b": 1}', keys_max=2) == {"a": "::::", "b": 1}
    with pytest.raises(MalformedJson):
        parse_json(b'{"a": 1, "b": {"c": 2}}', keys_max=2)


# ---- bodies


def request(*chunks: bytes, delay_s: float = 0.0, hang_up: bool = False, **headers: str) -> Request:
    waiting = list(chunks)

    async def receive():
        await asyncio.sleep(delay_s)
        if not waiting and hang_up:
            return {"type": "http.disconnect"}
        chunk = waiting.pop(0) if waiting else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting) or hang_up}

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": named}, receive)


def body_of(request: Request, bytes_max: int = 1000, timeout_s: float = 5.0) -> bytes:
    return asyncio.run(read_body(request, bytes_max, timeout_s=timeout_s))


def test_a_body_comes_whole_up_to_the_limit():
    assert body_of(request(b"a" * 600, b"b" * 400)) == b"a" * 600 + b"b" * 400
    with pytest.raises(BodyTooLarge):
        body_of(request(b"a" * 600, b"b" * 401))


def test_a_body_that_says_it_is_too_large_is_refused_unread():
    never_read = request(delay_s=3600, content_length="1001")
    with pytest.raises(BodyTooLarge):
        body_of(never_read)


@pytest.mark.parametrize("declared", ["999", "1", "", "-1", "+3", "３", "1e3", "9" * 40])
def test_a_length_that_lies_is_refused(declared):
    with pytest.raises((BodyIncomplete, BodyTooLarge)):
        body_of(request(b"abc", content_length=declared))


def test_a_sender_that_hangs_up_gets_nothing_counted():
    with pytest.raises(BodyIncomplete):
        body_of(request(b"abc", hang_up=True))


def test_a_slow_body_is_given_up_as_a_whole_however_steadily_it_drips():
    drip = request(*[b"."] * 500, delay_s=0.02)
    began = time.perf_counter()
    with pytest.raises(BodyTooSlow):
        body_of(drip, timeout_s=0.2)
    assert time.perf_counter() - began < 2


def test_a_gzip_body_is_opened():
    assert body_of(request(gzip.compress(b"abc" * 300), content_encoding="gzip")) == b"abc" * 300


def test_a_gzip_bomb_is_refused_without_being_unpacked():
    bomb = gzip.compress(b"\0" * 256 * 1024 * 1024, 9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BodyTooLarge):
        body_of(request(bomb, content_encoding="gzip"), bytes_max=1024 * 1024)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("raw", [b"", b"plain", ABC_GZIP[:-5], ABC_GZIP + b"more", ABC_GZIP * 2])
def test_a_body_that_is_not_the_one_gzip_it_says_is_refused(raw):
    with pytest.raises(BodyNotDecompressible):
        body_of(request(raw, content_encoding="gzip"))


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "base64"])
def test_an_encoding_nobody_agreed_on_is_refused(encoding):
    with pytest.raises(EncodingNotSupported):
        body_of(request(b"abc", content_encoding=encoding))
