"""Evidence that was shown only after the date asked about is left sealed: no result of then rests on it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from services.mastery.domain.determining import Determination
from services.mastery.domain.evaluation import Evaluation, evaluate
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.known import known_at
from services.mastery.use_cases.answer import Asking
from services.runtime.keys import DataKey
from tests.mastery import sample
from tests.mastery.test_laws import BY_DIGEST, HISTORIES, START, facts_of, for_any, lived
from tests.mastery.world import World, accepted, registered, retracted, revised

POLICY = sample.document(
    {"C1": {"estimate": {"method": "mean"}}, "C2": {"estimate": {"method": "latest"}}},
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
)
DATES = ["2026-08-31", "2026-09-01", "2026-09-03", "2026-09-05", "2026-12-31"]


def results(evaluation: Evaluation) -> dict[str, tuple[dict[str, Determination], Any]]:
    """All of an evaluation, but for the names of what was left out."""
    return {
        name: ({code: replace(d, excluded=()) for code, d in said.determinations.items()}, said.requirements)
        for name, said in evaluation.policies.items()
    }


@for_any(HISTORIES, st.integers(-60, 60))
def test_without_what_was_shown_later_and_replaces_nothing_every_result_is_the_same(
    pieces: Sequence[dict[str, Any]], days: int
) -> None:
    as_of = START + timedelta(days=days)
    _, stream = lived(facts_of(pieces))
    read = [e for e in stream if not isinstance(e, EvidenceRecorded) or e.occurred_at <= as_of or e.revises]
    whole, part = (evaluate(known_at(events), BY_DIGEST, as_of) for events in (stream, read))
    assert results(part) == results(whole)


@pytest.fixture
def judged(world: World) -> World:
    """C1 grows over some days; a revision and a withdrawal name evidence that was shown on other days than they."""
    world.put(POLICY)
    world.send(registered(), accepted("e1", "C1", "2"), accepted("e2", "C1", "4", occurred="2026-09-03"))
    world.send(accepted("e3", "C2", "2"), accepted("e4", "C2", "3", occurred="2026-09-05"))
    world.send(revised("e5", "e1", "C1", "3", occurred="2026-09-04"), retracted("w", "e2"))
    world.settle()
    return world


@pytest.mark.parametrize("as_of", DATES)
@pytest.mark.parametrize("what", ["standings", "next-steps"])
def test_an_answer_is_that_of_the_whole_record(
    judged: World, monkeypatch: pytest.MonkeyPatch, what: str, as_of: str
) -> None:
    answer = judged.about(what, as_of=as_of)
    ask = Asking.ask
    monkeypatch.setattr(Asking, "ask", lambda asking, question: ask(asking, question, whole=True))
    assert judged.about(what, as_of=as_of) == answer


def test_it_stays_sealed_unless_the_answer_names_it(judged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    open_ = DataKey.open
    monkeypatch.setattr(DataKey, "open", lambda key, blob, said: opened.append(blob) or open_(key, blob, said))

    def opened_for(what: str) -> int:
        opened.clear()
        judged.about(what, as_of="2026-09-02")
        return len(opened)

    assert opened_for("standings") == opened_for("history") - 2  # e2 and e4; e5 was shown later too, but replaces e1
    (policy,) = judged.about("why/C2", as_of="2026-09-02")["policies"]
    assert [left_out["rule"] for left_out in policy["trace"]["excluded"]] == ["not_yet"]
