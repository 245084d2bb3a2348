"""The tables of ingest.db: what came, what became of it, who is meant, and what is to be published.

Whatever says something of a person is sealed (`sealed`) or a keyed digest (`tag`, `content`): the file may be copied
and holds no name, e-mail or grade in clear. Instants are microseconds since the epoch; ids are the 16 bytes of a UUID.
"""

from services.ingest.storage.erasures import ERASURES
from services.ingest.storage.imports import FAULTS, FILES
from services.ingest.storage.moves import MOVES
from services.ingest.storage.packages import PACKAGES
from services.ingest.storage.rosters import ROSTERS
from services.ingest.storage.sources import BOUNDS, CHANGES
from services.ingest.storage.statements import STATEMENTS
from services.ingest.storage.uploads import UPLOADED_AT, UPLOADS
from services.runtime.leases import LEASE_SCHEMA
from services.runtime.store.outbox import OUTBOX_SCHEMA
from services.runtime.store.schema import DEAD_LETTER

SOURCES = """
CREATE TABLE source (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, organisation TEXT NOT NULL, pathway TEXT NOT NULL, title TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX source_of_tenant ON source (tenant, id);
CREATE TABLE source_key (
    id BLOB PRIMARY KEY, source TEXT NOT NULL REFERENCES source, scheme TEXT NOT NULL, sealed BLOB NOT NULL,
    not_before INTEGER NOT NULL, not_after INTEGER
) WITHOUT ROWID;
CREATE INDEX key_of_source ON source_key (source);
CREATE TABLE mapping (
    source TEXT NOT NULL REFERENCES source, version INTEGER NOT NULL, digest BLOB NOT NULL, document BLOB NOT NULL,
    created_at INTEGER NOT NULL, PRIMARY KEY (source, version)
) WITHOUT ROWID;
"""

INBOX = """
CREATE TABLE receipt (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, source TEXT NOT NULL, door TEXT NOT NULL,
    received_at INTEGER NOT NULL, content BLOB NOT NULL
);
CREATE INDEX receipt_of_source ON receipt (source, seq);
CREATE TABLE submission (receipt INTEGER PRIMARY KEY REFERENCES receipt, sealed BLOB NOT NULL);
CREATE TABLE message (tag BLOB PRIMARY KEY, receipt INTEGER NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE outcome (
    receipt INTEGER NOT NULL, item INTEGER NOT NULL, line INTEGER, outcome TEXT NOT NULL, evidence BLOB,
    reason TEXT, pointer TEXT, PRIMARY KEY (receipt, item)
) WITHOUT ROWID;
CREATE TABLE record (
    tag BLOB PRIMARY KEY, arrival INTEGER NOT NULL, content BLOB NOT NULL, learner BLOB, evidence BLOB,
    withdrawn INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, source TEXT NOT NULL, receipt INTEGER NOT NULL, item INTEGER NOT NULL,
    line INTEGER, reason TEXT NOT NULL, pointer TEXT NOT NULL, detail TEXT NOT NULL, quarantined_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX quarantine_by_reason ON quarantine (tenant, source, reason);
CREATE TABLE stream (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, source TEXT NOT NULL, next_line INTEGER NOT NULL,
    opened_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE stream_line (
    stream BLOB NOT NULL, line INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (stream, line)
) WITHOUT ROWID;
CREATE TABLE import (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, source TEXT NOT NULL, receipt INTEGER NOT NULL, mapping INTEGER NOT NULL,
    next_row INTEGER NOT NULL, rows_total INTEGER, state TEXT NOT NULL, fault TEXT
) WITHOUT ROWID;
CREATE INDEX import_by_state ON import (state, receipt);
CREATE TABLE tally (
    source TEXT NOT NULL, tenant TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (source, outcome)
) WITHOUT ROWID;
"""

VAULT = """
CREATE TABLE learner (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, registered_at INTEGER NOT NULL, profile BLOB NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE identifier (
    tag BLOB PRIMARY KEY, tenant TEXT NOT NULL, learner BLOB NOT NULL REFERENCES learner, link BLOB NOT NULL,
    scheme TEXT NOT NULL, sealed BLOB NOT NULL, linked_at INTEGER NOT NULL, linked_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX identifier_of_learner ON identifier (learner);
CREATE TABLE enrolment (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, learner BLOB NOT NULL REFERENCES learner, organisation TEXT NOT NULL,
    cohort TEXT, begins_on TEXT, ends_on TEXT
) WITHOUT ROWID;
CREATE INDEX enrolment_of_learner ON enrolment (learner);
CREATE TABLE parked (
    arrival INTEGER PRIMARY KEY, tenant TEXT NOT NULL, tag BLOB NOT NULL, receipt INTEGER NOT NULL,
    item INTEGER NOT NULL, source TEXT NOT NULL, door TEXT NOT NULL, mapping TEXT, key BLOB NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX parked_by_identifier ON parked (tag, arrival);
"""

CATALOGUE = """
CREATE TABLE framework (
    tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE competency (
    tenant TEXT NOT NULL, framework TEXT NOT NULL, identifier TEXT NOT NULL, code TEXT NOT NULL,
    assessable INTEGER NOT NULL, PRIMARY KEY (tenant, framework, identifier)
) WITHOUT ROWID;
CREATE TABLE scale (
    tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE position (
    topic TEXT NOT NULL, part INTEGER NOT NULL, next_offset INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (topic, part)
) WITHOUT ROWID;
"""

# rows without a tenant are seen with the row they belong to; those of neither kind by named work alone
SEEN_WITH = {
    "mapping": "source.id = mapping.source",
    "source_key": "source.id = source_key.source",
    "statement": "source.id = statement.source",
    "voiding": "source.id = voiding.source",
    "package_row": "receipt.seq = package_row.receipt",  # a roster's has no source
    "message": "receipt.seq = message.receipt",
    "outcome": "receipt.seq = outcome.receipt",
    "submission": "receipt.seq = submission.receipt",
    "stream_line": "stream.id = stream_line.stream",
    "move_person": "move.id = move_person.move",
    "move_enrolment": "move.id = move_enrolment.move",
    "package_import": "import.id = package_import.import",
    "roster_import": "import.id = roster_import.import",
    "statement_agent": "statement.seq = statement_agent.seq",
}

MIGRATIONS = (
    *(SOURCES + INBOX + VAULT + CATALOGUE + OUTBOX_SCHEMA, STATEMENTS, MOVES, FILES, BOUNDS + FAULTS),
    *(PACKAGES, UPLOADS, CHANGES, ROSTERS, UPLOADED_AT, LEASE_SCHEMA, DEAD_LETTER, ERASURES),
)
