"""How PostgreSQL lays the tables out on disk, put in place by `wayproof migrate` each time it runs."""

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

# free space in each page, so that a row that changes with nearly every commit finds room beside itself, and no index
# entry is written anew
FILL = {"head": 50}

_COMPRESSED = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
AND a.atttypid = 'bytea'::regtype AND a.attstorage = 'x' AND NOT a.attisdropped
"""


def lay_out(cursor: psycopg.Cursor[TupleRow]) -> None:
    """Bytes are kept as they are: most are sealed, and to find that they do not compress costs more than to store them.

    What is stored already stays as it is.
    """
    for table, column in cursor.execute(_COMPRESSED).fetchall():
        statement = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL")
        cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(column)))
    for table, percent in FILL.items():
        statement = sql.SQL("ALTER TABLE IF EXISTS {} SET (fillfactor = {})")
        cursor.execute(statement.format(sql.Identifier(table), sql.Literal(percent)))
