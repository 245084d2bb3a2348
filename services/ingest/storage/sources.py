"""Who may send: sources, their keys (sealed) and the versions of their mappings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.runtime.clock import from_micros, to_micros
from services.runtime.store.database import Cursor

CHANGES = """
CREATE TABLE source_changed (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
INSERT INTO source_changed (one, count) VALUES (1, 0);
"""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A registered source."""

    id: str
    tenant: str
    organisation: str
    pathway: str
    title: str
    created_at: datetime
    disabled_at: datetime | None = None  # nothing it sends is taken
    assesses: frozenset[str] | None = None  # frameworks; every one when None
    lenient: bool = False  # what its statements get wrong about activities is tolerated (xAPI only)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a source; what it is made of is sealed under the tenant's data key."""

    id: UUID
    source: str
    scheme: str
    sealed: bytes
    not_before: datetime
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One version of a source's mapping, as it was put."""

    source: str
    version: int
    digest: bytes
    document: bytes
    created_at: datetime


BOUNDS = """
ALTER TABLE source ADD COLUMN disabled_at INTEGER;
ALTER TABLE source ADD COLUMN assesses TEXT;
"""


def note_change(cursor: Cursor) -> None:
    """Something of a source, its keys or its mapping is another from now on, for every process that knew it."""
    cursor.execute("UPDATE source_changed SET count = count + 1")


def changes(cursor: Cursor) -> int:
    """How often anything of any source has changed."""
    (count,) = cursor.execute("SELECT count FROM source_changed").fetchone()
    return int(count)


def put_source(cursor: Cursor, source: SourceRow) -> None:
    """Register it."""
    cursor.execute(
        "INSERT INTO source (id, tenant, organisation, pathway, title, created_at, lenient, assesses) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            source.id,
            source.tenant,
            source.organisation,
            source.pathway,
            source.title,
            to_micros(source.created_at),
            int(source.lenient),
            _listed(source.assesses),
        ),
    )


def set_bounds(cursor: Cursor, source: SourceRow) -> None:
    """How strictly it is read, what it may assess, and whether it may send: from now on."""
    disabled_at = to_micros(source.disabled_at) if source.disabled_at else None
    cursor.execute(
        "UPDATE source SET lenient = ?, assesses = ?, disabled_at = ? WHERE id = ?",
        (int(source.lenient), _listed(source.assesses), disabled_at, source.id),
    )


def source_by_id(cursor: Cursor, source: str) -> SourceRow | None:
    """The source of this id."""
    row = cursor.execute("SELECT * FROM source WHERE id = ?", (source,)).fetchone()
    return _source(*row) if row else None


def sources_of(cursor: Cursor, tenant: str) -> list[SourceRow]:
    """All sources of a tenant."""
    rows = cursor.execute("SELECT * FROM source WHERE tenant = ? ORDER BY id", (tenant,)).fetchall()
    return [_source(*row) for row in rows]


def put_key(cursor: Cursor, key: KeyRow) -> None:
    """Add a key to a source's ring."""
    not_after = to_micros(key.not_after) if key.not_after else None
    cursor.execute(
        "INSERT INTO source_key (id, source, scheme, sealed, not_before, not_after) VALUES (?, ?, ?, ?, ?, ?)",
        (key.id.bytes, key.source, key.scheme, key.sealed, to_micros(key.not_before), not_after),
    )


def end_other_keys(cursor: Cursor, source: str, kept: UUID, at: datetime) -> None:
    """The keys before this one are valid until then and no longer."""
    cursor.execute(
        "UPDATE source_key SET not_after = :at WHERE source = :source AND id <> :kept "
        "AND (not_after IS NULL OR not_after > :at)",
        {"at": to_micros(at), "source": source, "kept": kept.bytes},
    )


def keys_of(cursor: Cursor, source: str) -> list[KeyRow]:
    """The ring of a source, oldest first."""
    rows = cursor.execute(
        "SELECT id, source, scheme, sealed, not_before, not_after FROM source_key WHERE source = ? "
        "ORDER BY not_before, id",
        (source,),
    ).fetchall()
    return [_key(*row) for row in rows]


def put_mapping(cursor: Cursor, mapping: MappingRow) -> None:
    """Keep a new version."""
    cursor.execute(
        "INSERT INTO mapping (source, version, digest, document, created_at) VALUES (?, ?, ?, ?, ?)",
        (mapping.source, mapping.version, mapping.digest, mapping.document, to_micros(mapping.created_at)),
    )


def mappings_of(cursor: Cursor, source: str, version: int | None = None) -> list[MappingRow]:
    """The versions of a source's mapping, newest first; one of them when asked."""
    one, values = ("", (source,)) if version is None else ("AND version = ? ", (source, version))
    rows = cursor.execute(
        "SELECT source, version, digest, document, created_at FROM mapping WHERE source = ? "  # noqa: S608 - ours
        f"{one}ORDER BY version DESC",
        values,
    ).fetchall()
    return [_mapping(*row) for row in rows]


def _source(
    id_: str,
    tenant: str,
    organisation: str,
    pathway: str,
    title: str,
    created_at: int,
    lenient: int,
    disabled_at: int | None,
    assesses: str | None,
) -> SourceRow:
    ended = None if disabled_at is None else from_micros(disabled_at)
    among = None if assesses is None else frozenset(assesses.split())
    return SourceRow(id_, tenant, organisation, pathway, title, from_micros(created_at), ended, among, bool(lenient))


def _listed(assesses: frozenset[str] | None) -> str | None:
    return None if assesses is None else " ".join(sorted(assesses))


def _key(id_: bytes, source: str, scheme: str, sealed: bytes, not_before: int, not_after: int | None) -> KeyRow:
    ends = None if not_after is None else from_micros(not_after)
    return KeyRow(UUID(bytes=id_), source, scheme, sealed, from_micros(not_before), ends)


def _mapping(source: str, version: int, digest: bytes, document: bytes, created_at: int) -> MappingRow:
    return MappingRow(source, version, digest, document, from_micros(created_at))
