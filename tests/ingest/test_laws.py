"""The law of ingest: retries, splits, parking, revisions and withdrawals in any interleaving end in one counted set."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from tests.ingest.house import LINE_MAPPING, House, project

Sent = tuple[str, int | None]  # a record and its score; None withdraws it
LEARNERS = {"a": "1", "b": "1", "c": "2", "d": "3"}  # whose each record is


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """One service; every example uses a source of its own."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.publish_catalogue()
        yield house
        house.close()


def reckoned(sent: list[Sent]) -> dict[str, int]:
    """What counts when everything arrived once, in order, everybody known: the last word on each record."""
    counted: dict[str, int] = {}
    for record, score in sent:
        counted.pop(record, None)
        if score is not None:
            counted[record] = score
    return counted


def counted(house: House, source: str) -> list[str]:
    """The scores in force by the events published, retracted and revised ones taken away."""
    in_force: dict[Any, str] = {}
    gone = set()
    for envelope, event in house.published(EvidenceAcceptedV1, EvidenceRevisedV1, EvidenceRetractedV1):
        gone.add(getattr(event, "revises", None) or getattr(event, "retracts", None))
        if hasattr(event, "content") and event.content.source == source:
            in_force[envelope.id] = event.content.rating.score
    return sorted(score for id_, score in in_force.items() if id_ not in gone)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(st.tuples(st.sampled_from(sorted(LEARNERS)), st.none() | st.integers(0, 3)), min_size=1, max_size=12),
    cuts=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=5),
    linked_at=st.tuples(*[st.integers(0, 6)] * 3),
)
def test_any_interleaving_ends_in_the_same_counted_set(
    shared: House, sent: list[Sent], cuts: list[tuple[int, int]], linked_at: tuple[int, ...]
) -> None:
    number = shared.count("source")
    source = shared.source(f"s{number}", LINE_MAPPING)
    stream = shared.stream(source)
    lines = [
        {"id": record, "gone": "true"} if score is None else project(record, score, f"{number}-{LEARNERS[record]}")
        for record, score in sent
    ]
    pieces = [*cuts, (0, len(lines))]
    for step, (a, b) in enumerate(pieces):
        for learner, at in enumerate(linked_at, 1):
            if at == step:
                shared.learner(f"{number}-{learner}")
        wanted = shared.http.get(f"/v1/streams/{stream}", headers=shared.token("source", source=source)).json()
        first = min(a, b, wanted["next_line"] - 1)
        shared.lines(source, stream, first + 1, lines[first : max(a, b)])
    for learner in range(1, 4):
        shared.learner(f"{number}-{learner}")

    assert counted(shared, source) == sorted(str(score) for score in reckoned(sent).values())
    assert shared.count("parked") == 0
