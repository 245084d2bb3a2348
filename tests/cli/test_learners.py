"""Finding and linking learners: ids out, exit codes for scripts, identifiers in the shape scheme=value."""

import json

import pytest
from click.testing import CliRunner

from services.cli.dispatch import main
from tests.cli.fake import FakeIngest, running

ADA = "58d4bf90-7593-4694-8a10-b87988833b0d"


@pytest.fixture
def learner(monkeypatch):
    with running(FakeIngest().router) as url:
        monkeypatch.setenv("WAYPROOF_INGEST_URL", url)
        yield lambda *words, **said: CliRunner().invoke(main, ["learner", *words], **said)


def test_a_learner_is_found_by_an_identifier(learner):
    answer = learner("find", "student-number=20246633")
    assert (answer.exit_code, answer.stdout) == (0, f"{ADA}  student-number=20246633\n")


def test_who_is_nobody_makes_it_1_and_the_others_are_said(learner):
    answer = learner("find", "student-number=1", "student-number=20246633", "--json")
    assert answer.exit_code == 1
    assert [each["learner"] for each in json.loads(answer.stdout)] == [None, ADA]


def test_identifiers_may_come_from_standard_input(learner):
    answer = learner("find", "--from", "-", input="student-number=20246633\n\n")
    assert (answer.exit_code, answer.stdout[:36]) == (0, ADA)


@pytest.mark.parametrize("words", [[], ["20246633"], ["=1"], ["student-number="]])
def test_an_identifier_names_its_scheme(learner, words):
    assert learner("find", *words).exit_code == 2


def test_a_link_says_what_was_waiting_for_it(learner):
    answer = learner("link", ADA, "email=ada@example.org")
    assert (answer.exit_code, answer.stdout) == (0, "linked; 3 pieces of evidence were waiting for it\n")


def test_a_link_needs_a_learners_id(learner):
    assert learner("link", "Ada", "email=ada@example.org").exit_code == 2
