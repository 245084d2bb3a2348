"""A mapping that is not sound is refused, with a pointer to everything that is wrong in it."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.mappings.compiled import MappingRefused, compile_mapping
from services.ingest.mappings.documents import load

FIXTURES = sorted((Path(__file__).parents[1] / "support" / "mappings").glob("*.yaml"))
SOUND = {
    "name": "small",
    "version": 1,
    "format": "json",
    "record_key": {"path": "doc.id"},
    "learner": {"scheme": "student", "value": {"path": "doc.student"}},
    "competency": {"lookup": {"path": "doc.skill"}, "table": "skills"},
    "rating": {"scale": {"const": "levels"}, "level": {"path": "doc.rating"}},
    "occurred_at": {"date": {"path": "doc.at"}},
    "assessor": {"id": {"path": "doc.by"}, "role": {"const": "mentor"}},
    "tables": {"skills": {"a": "WBL.1"}},
}
MISSING = object()


def changed(pointer: str, value: object) -> dict[str, object]:
    """The sound mapping with one place changed."""
    document = copy.deepcopy(SOUND)
    *path, last = pointer.strip("/").split("/")
    place = document
    for step in path:
        place = place[step]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return document


def pointers(document: object) -> list[str]:
    with pytest.raises(MappingRefused) as refused:
        compile_mapping(document)
    assert refused.value.status == 400
    return [error["pointer"] for error in refused.value.extensions["errors"]]


@pytest.mark.parametrize("path", FIXTURES, ids=[path.stem for path in FIXTURES])
def test_every_fixture_compiles_under_its_own_name(path):
    assert compile_mapping(load(path.read_bytes())).label == f"{path.stem}@1"


@pytest.mark.parametrize(
    ("place", "value", "pointer"),
    [
        ("/name", "Small Mapping", "/name"),
        ("/version", "1", "/version"),
        ("/version", 0, "/version"),
        ("/version", True, "/version"),
        ("/format", "xml", "/format"),
        ("/learner", MISSING, "/learner"),
        ("/learner/value", {"pth": "doc.x"}, "/learner/value"),
        ("/learner/value", "doc.student", "/learner/value"),
        ("/learner/value", {"path": "doc.x", "const": "y"}, "/learner/value/const"),
        ("/learner/value/path", "student", "/learner/value/path"),
        ("/learner/value/path", "item.student", "/learner/value/path"),
        ("/learner/value/path", "doc.[", "/learner/value/path"),
        ("/learner/value/path", "doc.nope(", "/learner/value/path"),
        ("/learner/value/path", "doc." + "a" * 500, "/learner/value/path"),
        ("/competency/table", "others", "/competency/table"),
        ("/competency/missing", "ignore", "/competency/missing"),
        ("/competency/lookup", {"join": [{"path": "doc.a"}, {"path": 7}]}, "/competency/lookup/join/1/path"),
        ("/competency/lookup", {"first_of": []}, "/competency/lookup/first_of"),
        ("/rating/level", MISSING, "/rating"),
        ("/rating/score", {"path": "doc.score"}, "/rating"),
        ("/rating/level", {"rescale": {"path": "doc.x"}, "from": {"low": "x", "high": "1"}}, "/rating/level/from/low"),
        ("/occurred_at", {"path": "doc.at"}, "/occurred_at"),
        ("/occurred_at/formats", ["%Y"], "/occurred_at/formats/0"),
        ("/occurred_at/formats", ["rfc3339", "%Q-%m-%d-%Y"], "/occurred_at/formats/1"),
        ("/tables/skills", {"a": 1}, "/tables/skills/a"),
        ("/tables/skills", {1: "a"}, "/tables/skills/1"),
        ("/tables/level", {"path": {"x": 1}}, "/tables/level/path"),
        ("/withdrawn", {"equals": {"path": "doc.gone"}}, "/withdrawn/to"),
        ("/withdrawn", {"not": {"not": {"one_of": {"path": "doc.x"}, "values": []}}}, "/withdrawn/not/not/values"),
        ("/when_item", [{"test": {"equals": {"path": "doc.x"}, "to": "1"}, "otherwise": "x"}], "/when_item"),
        ("/items", "item.list", "/items"),
        ("/on_change", "replace", "/on_change"),
        ("/script", "import os", "/script"),
    ],
)
def test_what_is_wrong_is_pointed_at(place, value, pointer):
    assert pointer in pointers(changed(place, value))


@pytest.mark.parametrize("format_", ["csv", "oneroster"])
def test_a_mapping_of_file_rows_needs_a_record_key(format_):
    assert pointers(changed("/record_key", MISSING) | {"format": format_}) == ["/record_key"]
    assert compile_mapping(changed("/record_key", MISSING)).document.record_key is None


def test_a_withdrawal_needs_a_record_key_that_names_one_record():
    gone = {"withdrawn": {"equals": {"path": "doc.gone"}, "to": "true"}}
    assert pointers(changed("/record_key", MISSING) | gone) == ["/withdrawn"]
    assert pointers(SOUND | gone | {"on_change": "new"}) == ["/withdrawn"]
    assert compile_mapping(SOUND | gone).on_change == "revise"


def test_every_fault_is_named_at_once():
    document = changed("/learner/value/path", "x") | {"competency": {"lookup": {"path": "y"}, "table": "z"}}
    assert pointers(document) == ["/learner/value/path", "/competency/lookup/path", "/competency/table"]


@pytest.mark.parametrize("scalar", ["yes", "No", "on", "OFF", "y", "~", "010", "0o7", "0x1F", "1_000", "12:30:00"])
def test_a_scalar_that_readers_of_yaml_read_differently_is_refused(scalar):
    for text, pointer in (
        (f"a: {{b: {scalar}}}", "/a/b"),
        (f"a: {{{scalar}: b}}", "/a"),
        (f"a: [1, {scalar}]", "/a/1"),
    ):
        with pytest.raises(MappingRefused) as refused:
            load(text.encode())
        assert refused.value.pointer == pointer
    assert load(f"a: '{scalar}'".encode()) == {"a": scalar}


@pytest.mark.parametrize(
    "text",
    [
        "a: 2026-11-20",
        "a: 2026-11-20T10:00:00Z",
        "a: 1.5",
        "a: 1e3",
        "a: .inf",
        "a: True",
        "a: NULL",
        "1: a",
        "true: a",
    ],
)
def test_a_bare_date_or_fraction_or_a_key_that_is_no_text_is_refused(text):
    with pytest.raises(MappingRefused):
        load(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "<<: {a: 1}",
        "a: &x 1\nb: *x",
        "a: !!python/object/apply:os.system [ls]",
        "a: !!str 1",
        "a: [",
        "---\na: 1\n---\nb: 2",
        "[" * 40 + "]" * 40,
        "\x00",
        "{[a]: b}",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
    ],
)
def test_what_is_no_plain_document_is_refused(text):
    with pytest.raises(MappingRefused):
        load(text.encode())


def test_json_and_yaml_say_the_same():
    assert load(b'{"a": [1, true, null, "x"]}') == load(b"a: [1, true, null, x]") == {"a": [1, True, None, "x"]}


@given(st.binary(max_size=80) | st.text("{}[]:,-&*!|>'\"# \nab1~?%@`", max_size=40).map(str.encode))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    try:
        document = load(raw)
    except MappingRefused:
        return
    with pytest.raises(MappingRefused):
        compile_mapping(document)


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["doc.a", "item", "", "rfc3339", "skills"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "const", "lookup", "table", "join", "date", "not", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(SOUND)), SCRAPS)
def test_any_mapping_either_compiles_or_is_refused_with_pointers(field, scrap):
    try:
        found = ["/", compile_mapping(SOUND | {field: scrap}).label]
    except MappingRefused as refused:
        found = [error["pointer"] for error in refused.extensions["errors"]]
    assert found
    assert all(pointer == "" or pointer[0] == "/" or "@" in pointer for pointer in found)
