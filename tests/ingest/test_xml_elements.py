"""XML as strangers send it: bombs, tricks and damage are refused, cheaply; what is read is what is there."""

import gzip
import io
import random
import re
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import suppress
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.formats.edfi import read_assessments
from services.ingest.formats.gzip_chunks import CHUNK_BYTES, GzipRefused, chunks
from services.ingest.formats.rows import Sent, StreamedRows, TooManyRows
from services.ingest.formats.xml_elements import Element, XmlReader, XmlRefused
from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge
from tests.support.paths import SHARED_DATA

SAMPLE = (SHARED_DATA / "edfi" / "StudentAssessment-LearningStandardsMastery.xml.gz").read_bytes()
HEAD = b'<InterchangeStudentAssessment xmlns="http://ed-fi.org/5.2.0">'
TAIL = b"</InterchangeStudentAssessment>"
XML = b'<?xml version="1.0" encoding="UTF-8"?>'
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
MEMORY_MAX = 4 * 1024 * 1024


def inside(content: bytes) -> bytes:
    return XML + HEAD + b"<StudentAssessment>" + content + b"</StudentAssessment>" + TAIL


BOMBS: dict[str, Callable[[], bytes]] = {
    "a billion laughs": lambda: XML + b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS + b"]>" + HEAD + b"&l9;" + TAIL,
    "quadratic blow-up": lambda: XML + b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 50_000 + b'">]>' + HEAD + b"&a;" * 50_000,
    "an external entity": lambda: (
        XML + b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + HEAD + b"&e;" + TAIL
    ),
    "an external parameter entity": lambda: (
        XML + b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p">%p;]>' + HEAD + TAIL
    ),
    "an external document type": lambda: XML + b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + HEAD + TAIL,
    "an entity nobody declared": lambda: inside(b"&unknown;"),
    "a million elements deep": lambda: HEAD + b"<a>" * 1_000_000,
    "deep in another namespace": lambda: HEAD + b'<a xmlns="urn:x">' * 200_000,
    "a million attributes": lambda: inside(b"<a " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/>"),
    "a hundred attributes": lambda: inside(b"<a " + b" ".join(b'a%d=""' % n for n in range(100)) + b"/>"),
    "a million namespaces": lambda: inside(b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(1_000_000)) + b"/>"),
    "a name of ten megabytes": lambda: inside(b"<" + b"a" * 10_000_000 + b"/>"),
    "a comment of ten megabytes": lambda: inside(b"<!--" + b"x" * 10_000_000 + b"-->"),
    "an instruction of ten megabytes": lambda: inside(b"<?x " + b"x" * 10_000_000 + b"?>"),
    "a text of ten megabytes": lambda: inside(b"x" * 10_000_000),
    "a text of ten megabytes, quoted": lambda: inside(b"<![CDATA[" + b"x" * 10_000_000 + b"]]>"),
    "a text in a million pieces": lambda: inside(b"x&lt;" * 1_000_000),
    "an assessment of a million elements": lambda: inside(b"<a/>" * 1_000_000),
    "Latin-1, and says so": lambda: XML.replace(b"UTF-8", b"ISO-8859-1") + HEAD + TAIL,
    "Latin-1, and says UTF-8": lambda: inside("é".encode("latin-1")),
    "UTF-16": lambda: (XML.replace(b"UTF-8", b"UTF-16") + HEAD + TAIL).decode().encode("utf-16"),
    "UTF-16, and says UTF-8": lambda: (XML + HEAD + TAIL).decode().encode("utf-16"),
    "an encoding that runs code elsewhere": lambda: XML.replace(b"UTF-8", b"rot13") + HEAD + TAIL,
    "UTF-7": lambda: XML.replace(b"UTF-8", b"UTF-7") + HEAD + b"+ADw-a+AD4-" + TAIL,
    "a control character": lambda: inside(b"<a>\x01</a>"),
    "the number of a control character": lambda: inside(b"<a>&#1;</a>"),
    "half a surrogate": lambda: inside(b"<a>&#xD800;</a>"),
    "two roots": lambda: HEAD + TAIL + HEAD + TAIL,
    "no root": lambda: XML,
    "nothing": lambda: b"",
    "another root": lambda: b"<html/>",
    "no namespace": lambda: b"<InterchangeStudentAssessment/>",
    "crossed tags": lambda: inside(b"<a><b></a></b>"),
    "JSON": lambda: b'{"a": 1}',
    "a CSV": lambda: b"a,b\n1,2\n",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_bombs_tricks_and_damage_are_refused_in_little_memory(name: str, packed: bool) -> None:
    raw = gzip.compress(BOMBS[name](), 1) if packed else BOMBS[name]()
    sent = Sent.of(raw)
    tracemalloc.start()
    try:
        with pytest.raises(PackageRefused) as refused:
            StreamedRows.of(lambda: read_assessments(sent))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.status in {400, 413}
    assert peak < MEMORY_MAX, peak


def test_a_million_spaces_and_a_mark_at_the_beginning_are_only_that() -> None:
    said = b"\xef\xbb\xbf" + XML + HEAD + b" " * 1_000_000 + TAIL + b"\n"
    assert list(read_assessments(Sent.of(said))) == []


def test_a_gzip_bomb_costs_no_more_than_its_limit_and_a_piece_of_memory() -> None:
    bomb = io.BytesIO(gzip.compress(bytes(300 * 1024 * 1024), 9))
    tracemalloc.start()
    try:
        with pytest.raises(PackageTooLarge):
            sum(map(len, chunks(bomb)))
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("cut", [1, 3, 10, 18, 100, 10_000, len(SAMPLE) - 8, len(SAMPLE) - 1])
def test_a_gzip_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(PackageRefused):
        list(read_assessments(Sent.of(SAMPLE[:cut])))


def test_what_stands_behind_a_gzip_file_refuses_it() -> None:
    for rest in (b"x", bytes(100_000), SAMPLE):
        with pytest.raises(GzipRefused):
            list(chunks(io.BytesIO(SAMPLE + rest)))


def test_a_changed_byte_never_reads_as_other_rows() -> None:
    """Gzip's checksum is looked at before the file is taken."""
    whole, chance = [row.document for row in read_assessments(Sent.of(SAMPLE))], random.Random(1)
    for _ in range(12):
        changed, at = bytearray(SAMPLE), chance.randrange(10, len(SAMPLE))
        changed[at] ^= 1 << chance.randrange(8)
        try:
            assert [row.document for row in read_assessments(Sent.of(bytes(changed)))] == whole
        except PackageRefused:
            continue


def test_a_file_has_a_limit_of_rows() -> None:
    sent = Sent.of(HEAD + b"<StudentReference/>" * 101 + TAIL)
    assert StreamedRows.of(lambda: read_assessments(sent), 101).total == 101
    with pytest.raises(TooManyRows):
        StreamedRows.of(lambda: read_assessments(sent), 100)


NAMES = st.sampled_from(["a", "b", "Result", "PerformanceLevel"])
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30)
TREES = st.recursive(
    st.tuples(NAMES, TEXTS), lambda inner: st.tuples(NAMES, st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


def written(tree: tuple[str, object], depth: int = 0) -> str:
    name, said = tree
    if isinstance(said, str):
        return f"<{name}>{escape(said)}</{name}>"
    gap = "\n" + " " * depth
    inner = gap.join(written(child, depth + 1) for child in said)  # type: ignore[attr-defined]
    return f"<{name}>{gap}{inner}{gap}</{name}>"


def read(element: Element) -> tuple[str, object]:
    return element.name, [read(child) for child in element.children] if element.children else element.text


def by_the_library(element: ET.Element) -> tuple[str, object]:
    name = element.tag.rpartition("}")[2]
    return name, [by_the_library(child) for child in element] if len(element) else (element.text or "").strip()


@given(st.lists(TREES, max_size=5), st.integers(1, 40))
def test_elements_are_those_the_library_s_tree_has_wherever_the_pieces_are_cut(trees: list, size: int) -> None:
    raw = (HEAD.decode() + "\n".join(map(written, trees)) + TAIL.decode()).encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    found = list(XmlReader(re.compile(".*")).read(pieces))
    assert [read(element) for element in found] == [by_the_library(child) for child in ET.fromstring(raw)]
    lines = raw.split(b"\n")
    assert all(f"<{each.name}>".encode() in lines[each.line - 1] for each in found)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_whatever_stands_in_a_file_it_is_read_or_refused(noise: bytes, at: int) -> None:
    sound = XML + HEAD + b"<StudentAssessment><a>1</a></StudentAssessment>" + TAIL
    for raw in (noise, sound[:at] + noise + sound[at:], gzip.compress(noise), b"\x1f\x8b" + noise):
        with suppress(PackageRefused):
            StreamedRows.of(lambda raw=raw: read_assessments(Sent.of(raw)))


def test_pieces_are_no_larger_than_a_piece() -> None:
    packed = gzip.compress(bytes(10 * CHUNK_BYTES))
    assert max(map(len, chunks(io.BytesIO(packed)))) <= CHUNK_BYTES


def test_a_refusal_names_the_place_and_no_value() -> None:
    with pytest.raises(XmlRefused) as refused:
        list(read_assessments(Sent.of(inside(b"\n<a>secret</b>"))))
    assert "line 2" in refused.value.detail
    assert "secret" not in refused.value.detail
