"""Nothing unfinished, nothing of a machine, nothing that only looks locked."""

import ast
import re

import pytest

from tests.support.paths import ROOT
from tests.tidy.tree import LOCKS, modules, name_of, parsed, tracked

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(
    r"(?<![\w.])/(?:wo"
    r"rk|ro"
    r"ot|ho"
    r"me|Us"
    r"ers)/[\w.-]+|artifac"
    r"tory|jfr"
    r"og|ne"
    r"xus\.|\bpy"
    r"pi\.(?!org)"
)
ADDRESS = re.compile(r"https?://|--index-url|--extra-index-url|--find-links")


def texts():
    for path in tracked():
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


def test_nothing_is_left_for_later():
    marks = [f"{name_of(path)}: {found[0]}" for path, text in texts() if (found := UNFINISHED.search(text))]
    assert marks == []


def test_nothing_raises_not_implemented():
    """Catching it is another matter: a library may raise it at what somebody sent."""
    raised = [
        (name_of(path), node.lineno, name.id)
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Raise) and node.exc
        for name in ast.walk(node.exc)
        if isinstance(name, ast.Name)
    ]
    assert len(raised) > 50
    assert [found for found in raised if found[2].startswith("NotImplemented")] == []


def test_no_file_names_a_machine_or_a_registry():
    found = [f"{name_of(path)}: {hit[0]}" for path, text in texts() if (hit := MACHINE.search(text))]
    assert found == []


def test_the_pattern_for_machines_finds_one():
    assert MACHINE.search("/".join(["see ", "home", "anna"]))
    assert not MACHINE.search("GET /v1/work/items and https://example.org/home/")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_every_package_by_hash_and_names_no_address(name):
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==\S+", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+(?:\[[^\]]*\])?==)", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(blocks) > 10
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert ADDRESS.search(re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)) is None


def test_no_lock_file_resolves_to_an_address_of_a_mirror():
    for path in tracked():
        if path.name in LOCKS and path.suffix == ".json":
            assert re.findall(r'"resolved": "(?!https://registry\.npmjs\.org/)', path.read_text()) == [], name_of(path)


def test_no_module_is_empty():
    empty = [name_of(path) for path in modules() if not parsed(path).body]
    bare = [
        name_of(path)
        for path in modules("contracts", "services")
        if path.name != "__init__.py" and len(parsed(path).body) < 2
    ]
    assert empty + bare == []


def test_every_module_says_in_a_sentence_what_it_is():
    silent = [name_of(path) for path in modules("contracts", "services") if not ast.get_docstring(parsed(path))]
    assert silent == []
