"""What a person reads of an answer: dates, finality, what counted and what is short."""

from typing import Any

import pytest
from click.testing import CliRunner
from fastapi import APIRouter

from services.cli.dispatch import main
from tests.cli.fake import running

ASKED = {
    "as_of": "2026-03-01T23:59:59.999999Z",
    "known_at": "2026-03-05T00:00:00Z",
    "known_to": "2026-03-06T00:00:00Z",
}
PROVISIONAL = ASKED | {"finality": "provisional", "known_to": "2026-03-04T00:00:00Z"}
POLICY = {"id": "portrait", "version": 2, "digest": "sha256:0"}
STANDINGS: dict[str, Any] = {
    "policies": [
        {
            "policy": POLICY,
            "competencies": [
                {
                    "code": "TEAM",
                    "result": "not_met",
                    "value": "3.2",
                    "level": "3",
                    "required": "3",
                    "counted": ["e1", "e2"],
                    "lapsed": ["e0"],
                    "why": ["count 2/3"],
                }
            ],
            "requirements": [{"name": "graduate", "result": "insufficient"}],
        }
    ]
}
PAGES = {
    0: {
        "events": [{"version": 1, "recorded_at": "2026-03-01", "what": "mastery.learner-admitted.v1", "after": []}],
        "next_after": 1,
    },
    1: {
        "events": [
            {
                "version": 2,
                "recorded_at": "2026-03-02",
                "what": "mastery.evidence-recorded.v1",
                "after": [
                    {"policy": "portrait", "version": 2, "node": "TEAM", "result": "met", "value": "3.2", "level": "3"},
                    {
                        "policy": "portrait",
                        "version": 2,
                        "node": "graduate",
                        "result": "met",
                        "value": None,
                        "level": None,
                    },
                ],
            }
        ],
        "next_after": None,
    },
}


@pytest.fixture
def asked(monkeypatch):
    """Runs a command against a mastery service of made-up answers; gives its lines and what was asked."""
    router, queries = APIRouter(), []

    @router.get("/v1/learners/{learner}/standings")
    def get_standings(learner: str, as_of: str | None = None, known_at: str | None = None) -> dict[str, Any]:
        queries.append((as_of, known_at))
        return STANDINGS | (PROVISIONAL if as_of is None else ASKED | {"finality": "final"})

    @router.get("/v1/learners/{learner}/history")
    def get_history(learner: str, after: int) -> dict[str, Any]:
        queries.append(after)
        return PAGES[after]

    with running(router) as url:
        monkeypatch.setenv("WAYPROOF_MASTERY_URL", url)

        def run(*words: str) -> tuple[list[str], list[Any]]:
            answer = CliRunner().invoke(main, list(words))
            assert answer.exit_code == 0, answer.stderr
            return answer.stdout.splitlines(), queries

        yield run


def test_a_standing_says_when_how_sure_and_what_is_short(asked):
    lines, queries = asked("standing", "L", "--as-of", "2026-03-01", "--known-at", "2026-03-05T00:00:00+02:00")
    assert lines == [
        "as of 2026-03-01T23:59:59.999999Z, as known 2026-03-05T00:00:00Z (final)",
        "portrait@2",
        "  not_met    TEAM: level 3, value 3.2, required 3; 2 counted, 1 lapsed",
        "             count 2/3",
        "  insufficient graduate (requirement)",
    ]
    assert queries == [("2026-03-01", "2026-03-05T00:00:00+02:00")]


def test_an_answer_that_may_still_change_says_from_when(asked):
    lines, _ = asked("standing", "L")
    assert lines[0].endswith("(provisional beyond 2026-03-04T00:00:00Z)")


def test_a_replay_reads_every_page_and_tells_the_value_after_each_event(asked):
    lines, queries = asked("replay", "L")
    assert lines == [
        "    1  2026-03-01  mastery.learner-admitted.v1",
        "    2  2026-03-02  mastery.evidence-recorded.v1",
        "       portrait@2 TEAM: met, level 3, value 3.2",
        "       portrait@2 graduate: met",
    ]
    assert queries == [0, 1]
