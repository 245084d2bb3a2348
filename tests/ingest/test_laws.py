"""The law of ingest: retries, splits, parking, quarantine, revisions, withdrawals and redrives in any interleaving."""

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


SCORE, GONE = {"path": "doc.score"}, {"equals": {"path": "doc.gone"}, "to": "true"}
READABLE = [  # what a mapping reads: everything, no score, no withdrawal
    (SCORE, GONE),
    ({"path": "doc.points"}, GONE),
    (SCORE, {"equals": {"path": "doc.removed"}, "to": "yes"}),
]


def mapping_of(version: int, reads: int) -> dict[str, Any]:
    score, withdrawn = READABLE[reads]
    rating = {"scale": {"const": "percent"}, "score": score}
    return {**LINE_MAPPING, "version": version, "rating": rating, "withdrawn": withdrawn}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(st.tuples(st.sampled_from(sorted(LEARNERS)), st.none() | st.integers(0, 3)), min_size=1, max_size=10),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(0, 9), st.integers(1, 10)),
            st.tuples(st.just("mapping"), st.integers(0, 2), st.just(0)),
            st.tuples(st.just("redrive"), st.integers(1, 5), st.booleans()),
            st.tuples(st.just("link"), st.integers(1, 3), st.just(0)),
        ),
        max_size=12,
    ),
)
def test_quarantine_redrives_and_mapping_fixes_end_in_the_same_counted_set(
    shared: House, sent: list[Sent], steps: list[tuple[str, int, int]]
) -> None:
    number, version = shared.count("source"), 1
    source = shared.source(f"q{number}", mapping_of(1, 1))
    stream, boss = shared.stream(source), shared.token("registrar")
    lines = [
        {"id": record, "gone": "true"} if score is None else project(record, score, f"{number}-{LEARNERS[record]}")
        for record, score in sent
    ]

    def send(a: int, b: int) -> None:
        wanted = shared.http.get(f"/v1/streams/{stream}", headers=shared.token("source", source=source)).json()
        first = min(a, wanted["next_line"] - 1)
        shared.lines(source, stream, first + 1, lines[first:b])

    def redrive(limit: int, dry_run: bool) -> dict[str, Any]:
        said = {"source": source, "limit": limit, "dry_run": dry_run}
        return dict(shared.http.post("/v1/quarantine/redrive", json=said, headers=boss).json())

    for what, a, b in steps:
        if what == "send":
            send(a, a + b)
        elif what == "mapping":
            version += 1
            put = f"/v1/sources/{source}/mappings"
            shared.http.post(put, json=mapping_of(version, a), headers=shared.token("district")).raise_for_status()
        elif what == "redrive":
            dry = redrive(a, dry_run=True)
            assert b or redrive(a, dry_run=False)["outcomes"] == dry["outcomes"]
        else:
            shared.learner(f"{number}-{a}")
    send(0, len(lines))
    version += 1
    put = f"/v1/sources/{source}/mappings"
    shared.http.post(put, json=mapping_of(version, 0), headers=shared.token("district")).raise_for_status()
    for learner in range(1, 4):
        shared.learner(f"{number}-{learner}")
    redrive(1000, dry_run=False)

    assert redrive(1000, dry_run=False)["items"] == []
    assert counted(shared, source) == sorted(str(score) for score in reckoned(sent).values())
    assert shared.count("quarantine", source=source) == 0
