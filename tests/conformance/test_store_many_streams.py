"""Many streams read at once: each is what it is alone, and none of them spoils another or fills the memory."""

from collections.abc import Iterable
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.keys import KeyDestroyed
from services.runtime.store import many_streams
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch, RecordedEvent, Tampered, Verbatim
from tests.conformance.stores import ADA, BEN, LEARNERS, NOON, TENANT, Store, levels, shown
from tests.conformance.test_store_chain import EDITS
from tests.support.questions import questions

CHLOE, DAN = LEARNERS[2:]


def opened(store: StoredPartition, streams: Iterable[UUID]) -> dict[UUID, list[RecordedEvent] | type[Exception]]:
    """What is read of each, or what is the matter with it."""
    found: dict[UUID, list[RecordedEvent] | type[Exception]] = {}
    for each in store.streams(streams):
        assert each.stream not in found
        try:
            found[each.stream] = each.opened()
        except (Tampered, KeyDestroyed) as matter:
            found[each.stream] = type(matter)
    return found


def alone(store: StoredPartition, stream: UUID) -> list[RecordedEvent] | type[Exception]:
    try:
        return store.stream(stream)
    except (Tampered, KeyDestroyed) as matter:
        return type(matter)


@pytest.fixture
def store(files: Store) -> StoredPartition:
    """Three learners' events, interleaved; Dan has none."""
    store = files.open()
    for level in (1, 2, 3, 4):
        store.commit(Batch(appends=shown(ADA, level) + shown(BEN, level, level) + shown(CHLOE, level)))
    return store


def test_each_is_what_it_is_alone_in_the_order_asked_for(store):
    found = opened(store, [CHLOE, DAN, ADA, CHLOE, BEN])
    assert list(found) == [CHLOE, DAN, ADA, BEN]
    assert found == {learner: store.stream(learner) for learner in found}
    assert levels(store.stream(BEN)) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert opened(store, []) == {}


def test_bodies_kept_as_they_came_and_other_partitions_streams(store, files):
    other, stranger = files.open(1), uuid4()
    store.commit(Batch(appends=[Append(TENANT, ADA, Verbatim("org.wayproof.x.v1", b"abc"), NOON)]))
    other.commit(Batch(appends=[Append(TENANT, stranger, Verbatim("org.wayproof.x.v1", b"def"), NOON)]))
    assert opened(store, [ADA, stranger]) == {ADA: store.stream(ADA), stranger: []}
    assert opened(other, [ADA, stranger]) == {ADA: [], stranger: other.stream(stranger)}


def test_one_erased_learner_spoils_no_other(store, files):
    files.keys.destroy_learner_key(TENANT, BEN)
    assert opened(store, LEARNERS) == {
        ADA: store.stream(ADA), BEN: KeyDestroyed, CHLOE: store.stream(CHLOE), DAN: []
    }  # fmt: skip


DAMAGE = EDITS | {
    "its first": "DELETE FROM event WHERE ver = 1",
    "its last": "DELETE FROM event WHERE ver = 4",
    "all of it": "DELETE FROM event WHERE true",
    "its head": "DELETE FROM head WHERE true",
    "its head's place": "UPDATE head SET ver = 3 WHERE true",
    "its head's partition": "UPDATE head SET part = 2 WHERE true",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
def test_one_stream_that_was_tampered_with_spoils_no_other(store, files, statement):
    files.sql(f"{statement} AND stream = ?", ADA.bytes)
    assert opened(store, LEARNERS) == {
        ADA: Tampered, BEN: store.stream(BEN), CHLOE: store.stream(CHLOE), DAN: []
    }  # fmt: skip
    assert alone(store, ADA) is Tampered


def test_few_questions_are_asked(store):
    with questions() as asked:
        assert len(opened(store, LEARNERS)) == 4
    assert len(asked) == 3, "how long they are, their events, their heads"


def test_no_more_than_a_portion_is_held_and_the_next_is_read_when_it_is_wanted(store, monkeypatch):
    monkeypatch.setattr(many_streams, "EVENTS_AT_ONCE_MAX", 8)
    with questions() as asked:
        reading = store.streams(LEARNERS)
        assert len(next(reading).opened()) == 4
        assert [sql.count("?") - 1 for sql in asked if "FROM event" in sql] == [1], "Ada's 4; with Ben's there were 12"
        assert [each.stream for each in reading] == [BEN, CHLOE, DAN]
    assert [sql.count("?") - 1 for sql in asked if "FROM event" in sql] == [1, 1, 2]


def test_hundreds_of_streams_are_read_some_hundreds_at_a_time(store, monkeypatch):
    monkeypatch.setattr(many_streams, "STREAMS_AT_ONCE_MAX", 100)
    strangers = [uuid4() for _ in range(250)]
    with questions() as asked:
        found = opened(store, [*strangers, ADA])
    assert (found.pop(ADA), set(map(len, found.values()))) == (store.stream(ADA), {0})
    assert len(asked) == 9


def test_however_many_are_read_and_however_long_they_are(files):
    store, many = files.open(), [uuid4() for _ in range(8)]
    files.keys.create_learner_keys(TENANT, many)
    store.commit(Batch(appends=[event for length, one in enumerate(many) for event in shown(one, *range(length))]))
    whole = {one: store.stream(one) for one in many}

    @settings(max_examples=50, deadline=None)
    @given(asked=st.lists(st.sampled_from(many), max_size=12), most=st.integers(1, 20))
    def read_together_as_alone(asked: list[UUID], most: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(many_streams, "EVENTS_AT_ONCE_MAX", most)
            assert opened(store, asked) == {one: whole[one] for one in asked}

    read_together_as_alone()
