"""Mastery's answers about learners, in the ledger's words."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, TypeVar

import httpx

from tests.support.ledger.book import Held, Piece
from tests.support.ledger.chronicle import Change
from tests.support.ledger.reckoning import Standing

EVIDENCE = "mastery.evidence-recorded.v1"
WITHDRAWN = "mastery.evidence-withdrawn.v1"
MET = "mastery.requirement-met.v1"
REACHED = "mastery.level-reached.v1"

ASKED_AT_ONCE = 4
Q = TypeVar("Q")
T = TypeVar("T")


def each_of(asked: Iterable[Q], ask: Callable[[Q], T]) -> list[T]:
    """The answers in order, a few asked at once; the first failure is raised."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as askers:
        return list(askers.map(ask, asked))


def of_each(asked: Mapping[str, str], ask: Callable[[str], T]) -> dict[str, T]:
    """What is answered about each, by its name."""
    return dict(zip(asked, each_of(asked.values(), ask), strict=True))


def standings_of(mastery: httpx.Client, learner: str, policy: str) -> tuple[dict[str, Standing], dict[str, str]]:
    """Competencies by code, counted evidence by its id, and requirements by name."""
    answer = get(mastery, f"/v1/learners/{learner}/standings", policy=policy)
    (judged,) = answer["policies"]
    competencies = {
        said["code"]: Standing(said["result"], said["value"], tuple(said["counted"])) for said in judged["competencies"]
    }
    return competencies, {said["name"]: said["result"] for said in judged["requirements"]}


def history_of(mastery: httpx.Client, learner: str) -> list[dict[str, Any]]:
    """Every event of the learner, in order."""
    events: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = get(mastery, f"/v1/learners/{learner}/history", after=after)
        events += page["events"]
        after = page["next_after"]
    return events


def held_in(history: list[dict[str, Any]]) -> list[Held]:
    """The evidence in a history, in the order it was recorded; senders write the record key as the artifact."""
    return [Held(event["said"]["artifact"], event["id"]) for event in history if event["what"] == EVIDENCE]


def changes_in(history: list[dict[str, Any]]) -> list[Change]:
    """What was recorded and withdrawn, in order; senders write the record key as the artifact."""
    records: dict[str, str] = {}
    changes = []
    for event in history:
        said = event["said"]
        if event["what"] == EVIDENCE:
            records[event["id"]] = record = said["artifact"]
            piece = Piece(record, "", said["code"], Fraction(said["score"]), said["occurred_at"])
            changes.append(Change(record, piece, event["id"]))
        elif event["what"] == WITHDRAWN:
            changes.append(Change(records.get(said["withdraws"], "of nothing"), None, said["withdraws"]))
    return changes


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    """The answer of a call that has to succeed."""
    answer = client.get(path, params=query)
    assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()
