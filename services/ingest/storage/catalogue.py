"""The frameworks and scales mastery published, as far as evidence is checked against them."""

from collections.abc import Callable
from decimal import Decimal
from threading import Lock

import orjson

from contracts.catalogue_v1 import FrameworkPublishedV1, ScalePublishedV1
from services.ingest.domain.catalogue import Catalogue, Competency, Scale
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import Position

PUT_FRAMEWORK = """
INSERT INTO framework (tenant, id, version, digest) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, digest = excluded.digest
"""
PUT_COMPETENCY = """
INSERT INTO competency (tenant, framework, identifier, code, assessable) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant, framework, identifier) DO UPDATE SET code = excluded.code, assessable = excluded.assessable
"""
PUT_SCALE = """
INSERT INTO scale (tenant, id, version, document) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, document = excluded.document
"""
KEEP_POSITION = """
INSERT INTO position (topic, part, next_offset, last_seq) VALUES (?, ?, ?, ?)
ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset, last_seq = excluded.last_seq
"""


def put_framework(cursor: Cursor, tenant: str, event: FrameworkPublishedV1) -> None:
    """The latest version replaces the one before; an older one that comes late changes nothing."""
    version, items = event.version, event.items
    if _is_older(cursor, "framework", tenant, event.framework, version):
        return
    cursor.execute(PUT_FRAMEWORK, (tenant, event.framework, version, event.digest))
    cursor.execute("DELETE FROM competency WHERE tenant = ? AND framework = ?", (tenant, event.framework))
    cursor.executemany(
        PUT_COMPETENCY,
        [(tenant, event.framework, item.identifier, item.code, int(item.assessable)) for item in items],
    )


def put_scale(cursor: Cursor, tenant: str, event: ScalePublishedV1) -> None:
    """As for a framework."""
    if not _is_older(cursor, "scale", tenant, event.scale, event.version):
        row = (tenant, event.scale, event.version, event.model_dump_json())
        cursor.execute(PUT_SCALE, row)


def _is_older(cursor: Cursor, table: str, tenant: str, id_: str, version: int) -> bool:
    select = f"SELECT version > ? FROM {table} WHERE tenant = ? AND id = ?"  # noqa: S608 - two names of ours
    row = cursor.execute(select, (version, tenant, id_)).fetchone()
    return bool(row and row[0])


def load(cursor: Cursor, tenant: str) -> Catalogue:
    """Everything published in a tenant, indexed."""
    items = cursor.execute(
        "SELECT framework, identifier, code, assessable FROM competency WHERE tenant = ?", (tenant,)
    ).fetchall()
    scales = cursor.execute("SELECT document FROM scale WHERE tenant = ?", (tenant,)).fetchall()
    return Catalogue.of(
        [Competency(framework, id_, code, bool(assessable)) for framework, id_, code, assessable in items],
        [_scale(row[0]) for row in scales],
    )


def _scale(document: str) -> Scale:
    said = orjson.loads(document)
    span = said.get("range")
    return Scale(
        said["scale"],
        said["version"],
        frozenset(level["code"] for level in said["levels"]),
        Decimal(span["minimum"]) if span else None,
        Decimal(span["maximum"]) if span else None,
        frozenset(said["not_values"]),
    )


def position(cursor: Cursor, topic: str, part: int) -> Position:
    """How far a partition of the topic has been read."""
    row = cursor.execute(
        "SELECT next_offset, last_seq FROM position WHERE topic = ? AND part = ?", (topic, part)
    ).fetchone()
    return Position(*row) if row else Position()


def keep_position(cursor: Cursor, topic: str, part: int, reached: Position) -> None:
    """In the transaction of what was read."""
    row = (topic, part, reached.next_offset, reached.last_seq)
    cursor.execute(KEEP_POSITION, row)


class Catalogues:
    """The catalogue of each tenant, built once for each change of the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._built: dict[str, Catalogue] = {}
        self._lock = Lock()
        self._changes = 0  # so that what was read before a change is never kept after it

    def __call__(self, tenant: str) -> Catalogue:
        """The tenant's, as of the last change this process has read."""
        found = self._built.get(tenant)
        return found if found is not None else self._load(tenant)

    def _load(self, tenant: str) -> Catalogue:
        changes = self._changes
        with self._database.read() as cursor:
            loaded = load(cursor, tenant)
        with self._lock:
            if changes == self._changes:
                self._built[tenant] = loaded
        return loaded

    def change(self, tenants: set[str], write: Callable[[Cursor], None]) -> None:
        """Write in one transaction, then build anew when next asked."""
        with self._database.write(in_turn=True) as cursor:
            write(cursor)
        with self._lock:
            self._changes += 1
            for tenant in tenants:
                self._built.pop(tenant, None)
