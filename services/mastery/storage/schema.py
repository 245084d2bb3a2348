"""The tables of mastery.db beside the event store's own."""

OWN_SCHEMA = """
CREATE TABLE document (
    tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    digest TEXT NOT NULL, body BLOB NOT NULL, put_at INTEGER NOT NULL, put_by TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id, version)
) WITHOUT ROWID;
CREATE INDEX document_digest ON document (tenant, digest);
CREATE TABLE control (
    control_seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL,
    id TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, effective_from INTEGER,
    organisation TEXT, cohorts TEXT NOT NULL, recorded_at INTEGER NOT NULL, recorded_by TEXT NOT NULL
);
CREATE TABLE control_position (part INTEGER PRIMARY KEY, applied_seq INTEGER NOT NULL);
CREATE TABLE learner (
    stream BLOB PRIMARY KEY, tenant TEXT NOT NULL, part INTEGER NOT NULL, adopted_seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX learner_unswept ON learner (part, adopted_seq);
"""

ERASED = """
ALTER TABLE learner ADD COLUMN erased_by BLOB;
ALTER TABLE learner ADD COLUMN erased_at INTEGER;
"""

CONTROL_HEAD = """
CREATE TABLE control_head (one INTEGER PRIMARY KEY CHECK (one = 1), last_seq INTEGER NOT NULL);
INSERT INTO control_head (one, last_seq) SELECT 1, coalesce(max(control_seq), 0) FROM control;
"""
