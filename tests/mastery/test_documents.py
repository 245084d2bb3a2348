"""Documents as people write them: strict where two readers would differ, lenient where exports in use are."""

import csv
import json
from typing import Any

import pytest

from services.mastery.documents.canonical import canonical, digest_of, parse
from services.mastery.documents.framework import FrameworkDocument, from_case, to_case
from services.mastery.documents.library import read_policy, read_scale
from services.mastery.documents.policy import PolicyDocument
from services.mastery.documents.reading import (
    DocumentRefused,
    DocumentTooLarge,
    MalformedYaml,
    read_document,
    read_yaml,
)
from services.mastery.documents.scale import ScaleDocument, points_of
from services.runtime.strict_json import MalformedJson
from tests.mastery.sample import FOUR
from tests.support.paths import SHARED_DATA


@pytest.mark.parametrize("text", ["NO", "on", "yes", "true", "Off", "n: y\nb: no"])
def test_what_yaml_takes_for_a_truth_value_has_to_be_quoted(text: str) -> None:
    with pytest.raises(MalformedYaml) as refused:
        read_yaml(f"pathways: [{text}]".encode() if ":" not in text else text.encode())
    assert refused.value.pointer in {"/pathways/0", "/b"}


def test_a_key_that_yaml_takes_for_a_truth_value_has_to_be_quoted() -> None:
    with pytest.raises(MalformedYaml):
        read_yaml(b"on: 1")
    assert read_yaml(b'"on": 1') == {"on": "1"}


def test_scalars_stay_what_was_written() -> None:
    text = b"{a: 1.10, b: 2026-07-01, c: 'NO', d: 010, e: 1_000, f: 12:30, g: ~, h: .inf}".replace(b"{", b"x: {", 1)
    assert read_yaml(text) == {
        "x": {"a": "1.10", "b": "2026-07-01", "c": "NO", "d": "010", "e": "1_000", "f": "12:30", "g": None, "h": ".inf"}
    }


ALIAS_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1\na: 2",
        "a: &a [*a]",
        "<<: {a: 1}",
        "? [a]\n: 1",
        "a: !!python/object:os.system x",
        "a: !mine x",
        "a: !mine {b: c}",
        "a: !!set {b}",
        "a: [",
        "a: 1\n--- \nb: 2",
        "[" * 5000,
        "- " * 200 + "x",
        ALIAS_BOMB,
        "\x00",
    ],
)
def test_yaml_that_tricks_or_breaks_is_refused(text: str) -> None:
    with pytest.raises(MalformedYaml):
        read_yaml(text.encode())


def test_yaml_that_is_not_text_or_too_long_is_refused() -> None:
    with pytest.raises(MalformedYaml):
        read_yaml(b"a: \xff")
    with pytest.raises(DocumentTooLarge):
        read_yaml(b"a: " + b"x" * 300_000)


def test_a_document_that_begins_with_a_brace_is_json() -> None:
    assert read_document(b' {"a": [1, "NO"]}') == {"a": [1, "NO"]}
    with pytest.raises(MalformedJson):
        read_document(b'{"a": 1, "a": 2}')


YAML_SCALE = b"""
id: s
version: 1
title: S
levels: [{code: low, name: Low, points: 1.50}, {code: high, name: High, points: 2}]
proficient: high
"""
JSON_SCALE = b"""{"proficient":"high","id":"s","version":1,"title":"S",
"levels":[{"name":"Low","code":"low","points":1.5},
{"code":"high","name":"High","points":"2.0"}]}"""


def test_the_same_document_in_yaml_and_json_has_the_same_name() -> None:
    assert read_scale(YAML_SCALE).digest == read_scale(JSON_SCALE).digest
    assert read_scale(YAML_SCALE.replace(b"1.50", b"1.51")).digest != read_scale(YAML_SCALE).digest


def test_a_canonical_document_reads_back_as_itself() -> None:
    assert parse(ScaleDocument, read_document(FOUR.body)) == FOUR.content
    assert canonical(parse(ScaleDocument, read_document(FOUR.body))) == FOUR.body
    assert digest_of(FOUR.body) == FOUR.digest


def test_points_of_levels_are_exact() -> None:
    points = points_of(read_scale(YAML_SCALE).content)
    assert points.levels == {"low": 1_500_000_000, "high": 2_000_000_000}
    assert (points.minimum, points.maximum) == (1_500_000_000, 2_000_000_000)


DOCUMENT = {"identifier": "d", "title": "t"}
SCALE: dict[str, Any] = json.loads(FOUR.body)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "No spaces"}, "/id"),
        ({"version": 0}, "/version"),
        ({"version": "1.0"}, "/version"),
        ({"version": True}, "/version"),
        ({"levels": []}, ""),
        ({"levels": SCALE["levels"][::-1]}, ""),
        ({"levels": [*SCALE["levels"], SCALE["levels"][0]]}, ""),
        ({"levels": [{"code": "1", "name": "One", "points": "2"}]}, ""),
        ({"levels": [{"code": "a", "name": "A", "points": "1e3"}]}, "/levels/0/points"),
        ({"levels": [{"code": "a", "name": "A", "points": "1.0000000001"}]}, "/levels/0/points"),
        ({"proficient": "5"}, ""),
        ({"proficient": "nobody"}, ""),
        ({"not_values": ["1"]}, ""),
        ({"range": {"minimum": "0", "maximum": "5"}}, ""),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_a_scale_that_does_not_hold_together_is_refused_with_a_pointer(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_scale(json.dumps(SCALE | change).encode())
    assert [fault["pointer"] for fault in refused.value.extensions["errors"]] == [pointer]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("file", "items", "coded"),
    [("opensalt-sample-framework", 16, 16), ("opensalt-ordering", 28, 28), ("opensalt-smartlevel", 14, 0)],
)
def test_case_packages_in_use_are_read(file: str, items: int, coded: int) -> None:
    package = json.loads((SHARED_DATA / "case" / f"{file}.json").read_bytes())
    framework = from_case(package, framework="sample", version=1)
    assert len(framework.items) == items
    assert sum(item.code != item.identifier for item in framework.items) == coded
    assert all(item.statement for item in framework.items)
    assert from_case(to_case(framework), framework="sample", version=1) == framework


def test_the_common_core_items_make_a_framework() -> None:
    with (SHARED_DATA / "case" / "ccss-ela-items.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    package = {"CFDocument": {"identifier": "ela", "title": "ELA"}, "CFItems": rows}
    framework = from_case(package, framework="ccss-ela", version=1)
    assert len(framework.items) == len(rows) > 700
    assert parse(FrameworkDocument, read_document(canonical(framework))) == framework


@pytest.mark.parametrize(
    ("package", "pointer"),
    [
        ({}, "/CFDocument"),
        ({"CFDocument": {"identifier": "d", "title": "t"}, "CFItems": []}, "/CFItems"),
        (
            {"CFDocument": {"identifier": "d", "title": "t"}, "CFItems": [{"fullStatement": "x"}]},
            "/CFItems/0/identifier",
        ),
        (
            {"CFDocument": {"identifier": "d", "title": "t"}, "CFItems": [{"identifier": "i"}] * 2},
            "/CFItems/1/identifier",
        ),
        ([], ""),
    ],
)
def test_a_package_that_is_not_case_is_refused_with_a_pointer(package: object, pointer: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        from_case(package, framework="f", version=1)
    assert pointer in [fault["pointer"] for fault in refused.value.extensions["errors"]]  # type: ignore[attr-defined]


def test_a_policy_reads_back_from_what_is_stored() -> None:
    from tests.mastery.packs import POLICIES, pack_names

    for name in pack_names():
        kept = read_policy((POLICIES / name / "policy.yaml").read_bytes())
        again = parse(PolicyDocument, read_document(kept.body))
        assert again == kept.content
        assert canonical(again) == kept.body
