"""Laws of the store, whatever is batched with what and wherever it crashes."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.store.outbox import OutboxMessage
from services.runtime.store.port import Append, Batch, Fenced, Position
from tests.conformance.stores import LEARNERS, NOON, TENANT, Shown, Store

learner = st.sampled_from(LEARNERS)
event = st.builds(Shown, code=st.text(max_size=20), level=st.integers(-(2**60), 2**60))
append = st.builds(Append, tenant=st.just(TENANT), stream=learner, event=event, recorded_at=st.just(NOON))
message = st.builds(
    lambda who, value: OutboxMessage("mastery.learner", f"{TENANT}/{who}", uuid4(), value),
    learner,
    st.binary(max_size=9),
)
batch = st.tuples(
    st.lists(append, max_size=6),
    st.lists(message, max_size=4),
    st.sampled_from(["commits", "commits", "crashes", "is fenced", "is restarted"]),
)


class Crash(Exception):
    """The process dies in the middle of a transaction."""


def crash(_: object) -> None:
    raise Crash


def run(files: Store, batches) -> tuple[list[Append], list[OutboxMessage]]:
    """What is committed in the end, when each batch meets its fate and is tried again after it."""
    store, kept, said = files.open(), [], []
    for number, (appends, messages, fate) in enumerate(batches, start=1):
        whole = Batch(list(appends), list(messages), {"t": Position(number, number)}, NOON)
        if fate == "crashes":
            with pytest.raises(Crash):
                store.commit(replace(whole, rows=[crash]))
        if fate in ("crashes", "is restarted"):
            store = files.open()
        if fate == "is fenced":
            zombie, store = store, files.open()
            with pytest.raises(Fenced):
                zombie.commit(whole)
        store.commit(whole)
        kept += appends
        said += messages
        assert store.position("t") == Position(number, number)
    return kept, said


@settings(max_examples=25, deadline=None)
@given(st.lists(batch, min_size=1, max_size=6))
def test_whatever_crashes_the_journal_is_what_was_committed_once_and_in_order(new_store, batches):
    with TemporaryDirectory() as folder:
        files = new_store(Path(folder))
        kept, said = run(files, batches)
        store = files.open()
        journal = store.events(0, 1_000)
        assert [(e.stream, e.event) for e in journal] == [(a.stream, a.event) for a in kept]
        assert [e.seq for e in journal] == list(range(1, len(kept) + 1))
        by_stream: dict[UUID, list] = defaultdict(list)
        for recorded in journal:
            by_stream[recorded.stream].append(recorded)
        for stream in LEARNERS:
            assert store.stream(stream) == by_stream[stream]
            assert [e.version for e in by_stream[stream]] == list(range(1, store.version(stream) + 1))
        outbox = files.sql("SELECT part, seq, key, value FROM outbox ORDER BY part, seq")
        assert sorted((key, value) for _, _, key, value in outbox) == sorted((m.key, m.value) for m in said)
        for part in {row[0] for row in outbox}:
            placed = [row for row in outbox if row[0] == part]
            assert [row[1] for row in placed] == list(range(1, len(placed) + 1))
            keys = {row[2] for row in placed}
            assert [row[3] for row in placed] == [m.value for m in said if m.key in keys]
        files.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(append, min_size=1, max_size=12), st.data())
def test_how_a_history_is_cut_into_batches_does_not_show(new_store, appends, data):
    with TemporaryDirectory() as one, TemporaryDirectory() as many:
        whole, cut = new_store(Path(one)), new_store(Path(many))
        whole.open().commit(Batch(appends=list(appends)))
        store, rest = cut.open(), list(appends)
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            store.commit(Batch(appends=rest[:size]))
            rest = rest[size:]
        for stream in LEARNERS:
            assert whole.open().stream(stream) == store.stream(stream)
        whole.close()
        cut.close()
