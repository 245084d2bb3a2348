"""The tables of an event store: SQLite's form of the schema PostgreSQL will have, one row of state a partition."""

DEAD_LETTER = """
CREATE TABLE dead_letter (
    topic TEXT NOT NULL, part INTEGER NOT NULL, seq INTEGER NOT NULL,
    log_offset INTEGER NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (topic, part, seq)
) STRICT, WITHOUT ROWID;
"""

STORE_SCHEMA = (
    """
CREATE TABLE partition_state (
    part INTEGER PRIMARY KEY,
    fence INTEGER NOT NULL DEFAULT 0, owner TEXT,
    seq INTEGER NOT NULL DEFAULT 0, known_to INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE position (
    topic TEXT NOT NULL, part INTEGER NOT NULL, next_offset INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (topic, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    tenant TEXT NOT NULL, stream BLOB NOT NULL, ver INTEGER NOT NULL,
    part INTEGER NOT NULL, seq INTEGER NOT NULL,
    topic TEXT NOT NULL, recorded_at INTEGER NOT NULL,
    prev BLOB NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL, key_id TEXT
) STRICT;
CREATE UNIQUE INDEX event_of_stream ON event (stream, ver);
CREATE UNIQUE INDEX event_of_journal ON event (part, seq);
CREATE TABLE head (
    stream BLOB PRIMARY KEY, tenant TEXT NOT NULL, part INTEGER NOT NULL, ver INTEGER NOT NULL, hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE timer (
    part INTEGER NOT NULL, stream BLOB NOT NULL, name TEXT NOT NULL,
    due INTEGER NOT NULL, tenant TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (part, stream, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (part, due);
"""
    + DEAD_LETTER
)
