"""The tables of the key store, and what derived from a tenant's key as long as that lay in them."""

MIGRATIONS = (
    """
    CREATE TABLE tenant (tenant TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE data_key (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, subject BLOB NOT NULL, id TEXT NOT NULL UNIQUE, wrapped BLOB,
        PRIMARY KEY (tenant, kind, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE signing_key (tenant TEXT PRIMARY KEY, id TEXT NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE destroyed (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
    INSERT INTO destroyed (one, count) VALUES (1, 0);
    """,
    """
    ALTER TABLE tenant ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE tenant_secret (
        tenant TEXT NOT NULL, purpose TEXT NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (tenant, purpose)
    ) STRICT, WITHOUT ROWID;
    """,
)

# generation 0: the wrap key still lies in `tenant.wrapped`, and these secrets follow from it; kept for stores of then
DERIVED_BEFORE = (
    *("secret|message", "secret|record", "secret|package-row", "secret|identifier", "secret|index", "secret|content"),
    *("secret|credential-subject", "secret|credential-content", "secret|status-index", "secret|requirement"),
    *("data|webhook", "data|imports", "data|mastery-journal", "data|achievements"),
)
