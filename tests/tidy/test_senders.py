"""docs/senders.md claims what tests show: what it names is there, and each sender has a test or says why not."""

import re

from tests.support.paths import ROOT
from tests.tidy.tree import functions

PAGE = (ROOT / "docs" / "senders.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
MAPPINGS = ROOT / "tests" / "support" / "mappings"


def test_every_test_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = {node.name for _, node in functions("tests")}
    assert len(named) > 15
    assert sorted(named - there) == []


def test_every_mapping_the_page_names_exists():
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/-]+\.yaml)`", PAGE)}
    assert len(named) > 8
    assert sorted(name for name in named if not (MAPPINGS / name).exists()) == []


def test_every_sender_of_the_table_has_a_section_with_a_test_or_says_that_it_was_not_tried():
    linked = set(re.findall(r"\]\(#([a-z0-9-]+)\)", PAGE))
    assert linked == {name.lower().replace(" ", "-") for name in SECTIONS}
    untried = [name for name, said in SECTIONS.items() if "`test_" not in said]
    assert untried == ["H5P"]
    assert "not with H5P's own traffic" in SECTIONS["H5P"]


def test_what_the_tests_count_is_what_the_page_says():
    counted = {"Moodle": "169", "FUN-MOOC": "21,364", "OneRoster": "699", "Ed-Fi": "492", "Lines": "36,184"}
    assert [name for name, number in counted.items() if number not in SECTIONS[name]] == []
