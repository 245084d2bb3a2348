"""Whatever somebody with the file in their hands changes in a stream is noticed when it is read."""

import pytest

from services.runtime.store.chain import GENESIS, link
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch, Tampered, Verbatim
from tests.conformance.stores import ADA, BEN, NOON, TENANT, Store, levels, shown


@pytest.fixture
def store(files: Store) -> StoredPartition:
    """Ada showed 1 2 3 4, interleaved with Ben, whose first level was the same as hers."""
    store = files.open()
    for level in (1, 2, 3, 4):
        store.commit(Batch(appends=shown(ADA, level) + shown(BEN, level)))
    assert levels(store.stream(ADA)) == [1, 2, 3, 4]
    return store


EDITS = {
    "a body": "UPDATE event SET body = prev WHERE ver = 2",
    "a shortened body": "UPDATE event SET body = substr(body, 1, length(body) - 1) WHERE ver = 2",
    "when it was recorded": "UPDATE event SET recorded_at = recorded_at + 1 WHERE ver = 2",
    "its topic": "UPDATE event SET topic = 'testing.shown.v2' WHERE ver = 2",
    "its tenant": "UPDATE event SET tenant = 'iowa' WHERE ver = 2",
    "its key": "UPDATE event SET key_id = 'l-other' WHERE ver = 2",
    "that it was sealed": "UPDATE event SET key_id = NULL WHERE ver = 2",
    "its link": "UPDATE event SET prev = hash WHERE ver = 2",
    "its hash": "UPDATE event SET hash = prev WHERE ver = 2",
    "its place in the journal": "UPDATE event SET seq = seq + 100 WHERE ver = 2",
}


@pytest.mark.parametrize("statement", EDITS.values(), ids=EDITS.keys())
def test_an_edit_of_one_column_is_noticed(store, files, statement):
    files.sql(statement)
    with pytest.raises(Tampered):
        store.stream(ADA)
    with pytest.raises(Tampered):
        store.events(0, 100)


def swap(files: Store, *columns: str) -> None:
    second, third = (
        files.sql(f"SELECT {', '.join(columns)} FROM event WHERE stream = ? AND ver = ?", ADA.bytes, ver)[0]
        for ver in (2, 3)
    )
    setting = ", ".join(f"{column} = ?" for column in columns)
    for ver, values in ((2, third), (3, second)):
        files.sql(f"UPDATE event SET {setting} WHERE stream = ? AND ver = ?", *values, ADA.bytes, ver)


@pytest.mark.parametrize(
    "columns", [("body",), ("body", "hash"), ("body", "prev", "hash"), ("body", "prev", "hash", "topic", "recorded_at")]
)
def test_two_events_of_a_stream_that_changed_places_are_noticed(store, files, columns):
    swap(files, *columns)
    with pytest.raises(Tampered):
        store.stream(ADA)


def test_a_body_moved_to_another_learner_is_noticed(store, files):
    files.sql(
        "UPDATE event SET body = (SELECT body FROM event WHERE stream = ? AND ver = 2) WHERE stream = ? AND ver = 2",
        BEN.bytes,
        ADA.bytes,
    )
    with pytest.raises(Tampered):
        store.stream(ADA)
    assert levels(store.stream(BEN)) == [1, 2, 3, 4]


def test_a_whole_row_moved_to_another_learner_does_not_open_even_with_its_chain_rewritten(store, files):
    """Whoever can compute hashes still cannot make a body that opens in another place."""
    (key_id, prev, part, seq, at) = files.sql(
        "SELECT key_id, prev, part, seq, recorded_at FROM event WHERE stream = ? AND ver = 4", ADA.bytes
    )[0]
    (stolen,) = files.sql("SELECT body FROM event WHERE stream = ? AND ver = 4", BEN.bytes)[0]
    forged = link(prev, TENANT, ADA.bytes, 4, part, seq, "testing.shown.v1", at, key_id, stolen)
    files.sql("UPDATE event SET body = ?, hash = ? WHERE stream = ? AND ver = 4", stolen, forged, ADA.bytes)
    files.sql("UPDATE head SET hash = ? WHERE stream = ?", forged, ADA.bytes)
    with pytest.raises(Tampered):
        store.stream(ADA)


@pytest.mark.parametrize("version", [1, 2, 4], ids=["the first", "one in the middle", "the last"])
def test_a_deleted_event_is_noticed(store, files, version):
    files.sql("DELETE FROM event WHERE stream = ? AND ver = ?", ADA.bytes, version)
    with pytest.raises(Tampered):
        store.stream(ADA)


def test_a_whole_stream_deleted_without_its_head_is_noticed(store, files):
    files.sql("DELETE FROM event WHERE stream = ?", ADA.bytes)
    with pytest.raises(Tampered):
        store.stream(ADA)


def test_a_deleted_event_leaves_a_hole_in_the_journal_that_is_noticed(store, files):
    files.sql("DELETE FROM event WHERE stream = ? AND ver = 2", BEN.bytes)
    with pytest.raises(Tampered):
        store.events(0, 100)
    with pytest.raises(Tampered):
        store.events(3, 1)


def test_a_journal_cut_off_at_its_end_is_noticed(store, files):
    assert store.events(8, 10) == []
    files.sql("DELETE FROM event WHERE seq = 8")
    for after, limit in ((0, 100), (7, 1), (7, 100)):
        with pytest.raises(Tampered):
            store.events(after, limit)
    assert len(store.events(0, 7)) == 7


def test_an_event_is_not_added_to_a_stream_whose_head_was_moved(store, files):
    files.sql("UPDATE head SET ver = 3 WHERE stream = ?", ADA.bytes)
    with pytest.raises(Tampered):
        store.stream(ADA)


def test_a_verbatim_body_is_chained_like_any_other(store, files):
    store.commit(Batch(appends=[Append(TENANT, ADA, Verbatim("org.wayproof.x.v1", b"abc"), NOON)]))
    files.sql("UPDATE event SET body = ? WHERE ver = 5", b"abd")
    with pytest.raises(Tampered):
        store.stream(ADA)


def test_no_two_places_have_the_same_frame():
    """Lengths are part of the frame, so a byte cannot wander from one field into the next."""

    def of(tenant="ab", topic="cd", key_id: str | None = "ef", body=b"gh"):
        return link(GENESIS, tenant, ADA.bytes, 1, 0, 1, topic, 0, key_id, body)

    links = {
        of(), of(tenant="a", topic="bcd"), of(topic="c", key_id="def"), of(key_id="e", body=b"fgh"),
        of(key_id="", body=b"efgh"), of(key_id=None, body=b"efgh"),
    }  # fmt: skip
    assert len(links) == 6
