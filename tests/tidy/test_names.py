"""The checkable half of the naming grammar."""

import re
from collections import Counter

import pytest

from tests.tidy.tree import classes, functions, modules, name_of, stored_name

TOPIC = re.compile(r"(ingest|mastery|credentials)\.[a-z]+(-[a-z]+)+\.v\d+")
PUBLIC = re.compile(r"org\.wayproof\.(ingest|mastery|credentials)\.[a-z]+(-[a-z]+)+\.v[1-9]\d*")
LEARNED_TEST_WORDS = re.compile(r"^test_(that_|should_)|_should_")


def stored(attribute):
    return [
        (name, path, node) for path, node in classes("contracts", "services") if (name := stored_name(node, attribute))
    ]


@pytest.mark.parametrize(("attribute", "grammar"), [("TOPIC", TOPIC), ("TYPE", PUBLIC)])
def test_a_stored_name_follows_the_grammar_and_is_given_once(attribute, grammar):
    found = stored(attribute)
    assert len(found) >= 10, "no stored names found: this test looks in the wrong place"
    assert [(name, name_of(path)) for name, path, _ in found if not grammar.fullmatch(name)] == []
    assert [name for name, count in Counter(name for name, _, _ in found).items() if count > 1] == []


def test_a_stored_name_says_what_its_class_says():
    """`AwardRevoked` is `award-revoked`; a public event's class ends in its version."""
    told = {node.name: name for attribute in ("TOPIC", "TYPE") for name, _, node in stored(attribute)}
    kebab = {
        name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.rstrip("0123456789").removesuffix("V")).lower()
        for name in told
    }
    assert {name: topic for name, topic in told.items() if topic.split(".")[-2] != kebab[name]} == {}
    public = [node.name for _, _, node in stored("TYPE")]
    assert [name for name in public if not re.search(r"V\d+$", name)] == []


def test_a_stored_name_belongs_to_the_service_that_keeps_it():
    wrong = [
        (name, name_of(path))
        for name, path, _ in stored("TOPIC")
        if name_of(path).split("/")[:2] != ["services", name.split(".")[0]]
    ]
    assert wrong == []


def test_no_class_is_called_an_event_but_the_chassis_own():
    found = [
        f"{name_of(path)}: {node.name}"
        for path, node in classes("contracts", "services")
        if node.name.endswith("Event") and not name_of(path).startswith("services/runtime/")
    ]
    assert found == ["contracts/envelope.py: PublicEvent"]


def test_no_event_is_named_updated_or_changed():
    found = [node.name for attribute in ("TOPIC", "TYPE") for _, _, node in stored(attribute)]
    assert [name for name in found if re.search(r"(Updated|Changed)(V\d+)?$", name)] == []


def test_a_test_is_a_sentence_about_a_rule():
    found = [(node.name, name_of(path)) for path, node in functions("tests") if node.name.startswith("test_")]
    assert len(found) > 50
    assert [pair for pair in found if LEARNED_TEST_WORDS.search(pair[0])] == []
    assert [pair for pair in found if pair[0].count("_") < 3] == []


def test_decide_and_evolve_are_always_these_two_signatures():
    wrong = []
    for path, node in functions("services"):
        if "/domain/" in name_of(path) and node.name in {"decide", "evolve"}:
            first = ["command", "state"] if node.name == "decide" else ["state", "event"]
            if len(node.args.args) < len(first):
                wrong.append((node.name, name_of(path)))
    assert wrong == []


def test_modules_are_named_in_lower_case():
    assert [name_of(path) for path in modules() if not re.fullmatch(r"[a-z_][a-z0-9_]*\.py", path.name)] == []
