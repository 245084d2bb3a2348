"""The tables the service keeps beside its events: each row changes in the transaction of the events it follows from.

`award.learner` says under whose key the events of that stream are sealed; it is written once and never changed.
`holder` is who has it now: somebody else after a merge; `heir` who may have it yet.
Rows of a kilobyte or more have a rowid: without one SQLite puts most of each on a page of its own.
"""

from services.runtime.leases import LEASE_SCHEMA
from services.runtime.store.outbox import OUTBOX_SCHEMA
from services.runtime.store.schema import STORE_SCHEMA

TRANSFERS_SCHEMA = """
ALTER TABLE award ADD COLUMN holder BLOB;
ALTER TABLE award ADD COLUMN heir BLOB;
ALTER TABLE credential ADD COLUMN holder BLOB;
UPDATE award SET holder = learner;
UPDATE credential SET holder = learner;
CREATE INDEX award_by_holder ON award (tenant, holder);
CREATE INDEX award_by_heir ON award (tenant, heir) WHERE heir IS NOT NULL;
CREATE INDEX credential_by_holder ON credential (tenant, holder, issued_at);
"""

ROWS_SCHEMA = """
CREATE TABLE award (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, learner BLOB NOT NULL, part INTEGER NOT NULL,
    standing TEXT NOT NULL, changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX award_by_standing ON award (tenant, standing, changed_at, id);
CREATE INDEX award_by_learner ON award (tenant, learner);

CREATE TABLE credential (
    id TEXT PRIMARY KEY, award BLOB NOT NULL, tenant TEXT NOT NULL, learner BLOB NOT NULL,
    list_id TEXT NOT NULL, position INTEGER NOT NULL, issued_at INTEGER NOT NULL, revoked_at INTEGER,
    content TEXT NOT NULL, sealed BLOB NOT NULL, UNIQUE (list_id, position)
) WITHOUT ROWID;
CREATE INDEX credential_by_learner ON credential (tenant, learner, issued_at);
CREATE INDEX credential_revoked ON credential (tenant, revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE status_list (
    list_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, part INTEGER NOT NULL, number INTEGER NOT NULL,
    taken INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0, UNIQUE (tenant, part, number)
) WITHOUT ROWID;

CREATE TABLE achievement (
    tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL,
    requirement BLOB NOT NULL, latest INTEGER NOT NULL, defined_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id, version)
) WITHOUT ROWID;
CREATE INDEX achievement_by_digest ON achievement (tenant, digest);
CREATE INDEX achievement_by_requirement ON achievement (tenant, requirement) WHERE latest = 1;

CREATE TABLE met (
    tenant TEXT NOT NULL, requirement BLOB NOT NULL, part INTEGER NOT NULL, learner BLOB NOT NULL,
    cycle INTEGER NOT NULL, event_id BLOB NOT NULL, envelope BLOB NOT NULL,
    PRIMARY KEY (tenant, requirement, part, learner, cycle)
);

CREATE TABLE sweep (
    tenant TEXT NOT NULL, achievement TEXT NOT NULL, part INTEGER NOT NULL, PRIMARY KEY (tenant, achievement, part)
) WITHOUT ROWID;
"""

ERASED_SCHEMA = """
CREATE TABLE erased_learner (
    tenant TEXT NOT NULL, learner BLOB NOT NULL, event BLOB NOT NULL, erased_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, learner)
) WITHOUT ROWID;
"""

MIGRATIONS = (STORE_SCHEMA, OUTBOX_SCHEMA, ROWS_SCHEMA, TRANSFERS_SCHEMA, LEASE_SCHEMA, ERASED_SCHEMA)
