"""Registering what sends evidence: sources, their keys, and the versions of the mapping that reads them."""

import base64
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import orjson

from services.ingest.formats.standard_webhooks import VerifyKey
from services.ingest.mappings.compiled import CompiledMapping, SourceFacts, compile_mapping
from services.ingest.storage import sources
from services.ingest.storage.sources import KeyRow, MappingRow, SourceRow
from services.runtime.clock import Clock, Ids
from services.runtime.keys import KeyStore
from services.runtime.problems import Refusal
from services.runtime.store.database import Cursor, Database

LOOKED_AT_EVERY_S = 1.0
KEYS_MAX = 10
SECRET_BYTES = 32
PURPOSE = "webhook"


class SourceUnknown(Refusal):
    """No source of this id is registered."""

    status: ClassVar[int] = 404


class SourceExists(Refusal):
    """A source of this id is registered already, with other particulars."""

    status: ClassVar[int] = 409


class SourceDisabled(Refusal):
    """The source is disabled: nothing it sends is taken until it is enabled again."""

    status: ClassVar[int] = 403


class TooManyKeys(Refusal):
    """A source has at most ten keys that are still valid."""

    status: ClassVar[int] = 409


class KeyNeverValid(Refusal):
    """A key ends after it begins."""


class MappingVersionTaken(Refusal):
    """A mapping version is put once; a change is a new, higher version."""

    status: ClassVar[int] = 409


class MappingMissing(Refusal):
    """The source has no mapping yet, so nothing it sends can be read."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Source:
    """A source as the doors use it: its keys opened, its latest mapping compiled."""

    row: SourceRow
    keys: tuple[VerifyKey, ...]
    mapping: CompiledMapping | None
    facts: SourceFacts  # what a claim takes from the registration

    def sending(self) -> "Source":
        """Itself, when it may send; refuses when it is disabled."""
        if self.row.disabled_at is not None:
            raise SourceDisabled
        return self

    def reader(self) -> CompiledMapping:
        """The mapping; refuses when there is none."""
        if self.mapping is None:
            raise MappingMissing
        return self.mapping


class Sources:
    """All registered sources; each is read and compiled once, until it changes.

    What another process changes is noticed within a second.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        clock: Clock,
        ids: Ids,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._keys, self._clock, self._ids = database, keys, clock, ids
        self._known: dict[str, Source] = {}
        self._elapsed_s, self._looked_at, self._changes = elapsed_s, elapsed_s(), -1

    def get(self, source: str, tenant: str | None = None) -> Source:
        """The source; another tenant's is as unknown as one that does not exist."""
        if self._database.shared:
            self._look()
        found = self._known.get(source) or self._load(source)
        if tenant is not None and found.row.tenant != tenant:
            raise SourceUnknown
        return found

    def all_of(self, tenant: str) -> list[SourceRow]:
        """The sources of a tenant."""
        with self._database.read() as cursor:
            return sources.sources_of(cursor, tenant)

    def add(
        self, tenant: str, name: str, organisation: str, pathway: str, title: str, bounds: "Bounds | None" = None
    ) -> SourceRow:
        """Register a source; the same registration again changes nothing but, when said, its bounds."""
        row = SourceRow(f"{tenant}.{name}", tenant, organisation, pathway, title, self._clock.now())
        bounds = bounds or Bounds()
        row = bounds.of(row)
        with self._database.write(in_turn=True) as cursor:
            existing = sources.source_by_id(cursor, row.id)
            if existing is None:
                sources.put_source(cursor, row)
                return row
        if (existing.organisation, existing.pathway) != (organisation, pathway):
            raise SourceExists
        return self._bound(existing, bounds.of(existing))

    def enable(self, source: Source, *, enabled: bool) -> SourceRow:
        """Take what it sends, or refuse it, from now on; said again, the first time stands."""
        row = source.row
        disabled_at = None if enabled else row.disabled_at or self._clock.now()
        return self._bound(row, replace(row, disabled_at=disabled_at))

    def _bound(self, existing: SourceRow, wanted: SourceRow) -> SourceRow:
        if wanted != existing:
            self._change(wanted.id, lambda cursor: sources.set_bounds(cursor, wanted))
        return wanted

    def add_key(self, source: Source, said: "NewKey") -> tuple[KeyRow, str | None]:
        """Add a key to the ring; the secret is answered only if it was made here."""
        now, made = self._clock.now(), said.made()
        verify = VerifyKey.parse(made or said.key or "")
        begins = said.not_before or now
        if said.not_after is not None and said.not_after <= begins:
            raise KeyNeverValid(pointer="/not_after")
        key_id = self._ids.new()
        sealed = self._data_key(source).seal((made or said.key or "").encode(), key_id.bytes)
        row = KeyRow(key_id, source.row.id, verify.kind, sealed, begins, said.not_after)
        self._change(source.row.id, lambda cursor: self._add_key(cursor, row, said, now))
        return row, made

    def _add_key(self, cursor: Cursor, row: KeyRow, said: "NewKey", now: datetime) -> None:
        if said.end_others_after_s is not None:
            ends = now + timedelta(seconds=said.end_others_after_s)
            sources.end_other_keys(cursor, row.source, row.id, ends)
        ring = [key for key in sources.keys_of(cursor, row.source) if key.not_after is None or key.not_after > now]
        if len(ring) >= KEYS_MAX:
            raise TooManyKeys
        sources.put_key(cursor, row)

    def keys_of(self, source: Source) -> list[KeyRow]:
        """The ring, without what the keys are made of."""
        with self._database.read() as cursor:
            return sources.keys_of(cursor, source.row.id)

    def add_mapping(self, source: Source, document: dict[str, Any]) -> CompiledMapping:
        """Put a version; it is used from now on. The same version with the same content again changes nothing."""
        compiled = compile_mapping(document)
        raw = orjson.dumps(document, default=str, option=orjson.OPT_SORT_KEYS)
        version, digest = compiled.document.version, hashlib.sha256(raw).digest()
        row = MappingRow(source.row.id, version, digest, raw, self._clock.now())
        self._change(source.row.id, lambda cursor: _put_mapping(cursor, row))
        return compiled

    def mappings_of(self, source: Source) -> list[MappingRow]:
        """Every version, newest first."""
        with self._database.read() as cursor:
            return sources.mappings_of(cursor, source.row.id)

    def mapping(self, source: Source, version: int) -> CompiledMapping:
        """One version, compiled: an import keeps to the one it began with."""
        if source.mapping is not None and source.mapping.document.version == version:
            return source.mapping
        mapping = self.mapping_or_none(source, version)
        assert mapping is not None, "a version once put stays"
        return mapping

    def mapping_or_none(self, source: Source, version: int) -> CompiledMapping | None:
        """One version, compiled; None for a version that was never put."""
        with self._database.read() as cursor:
            rows = sources.mappings_of(cursor, source.row.id, version)
        return compile_mapping(orjson.loads(rows[0].document)) if rows else None

    def _look(self) -> None:
        """Forget what was known when anything has changed since the last look."""
        now = self._elapsed_s()
        if now - self._looked_at < LOOKED_AT_EVERY_S:
            return
        self._looked_at = now
        with self._database.read() as cursor:
            changes = sources.changes(cursor)
        if changes != self._changes:
            self._changes = changes
            self._known.clear()

    def _change(self, source: str, write: Callable[[Cursor], None]) -> None:
        with self._database.write(in_turn=True) as cursor:
            sources.note_change(cursor)
            write(cursor)
            self._known.pop(source, None)
        self._known.pop(source, None)

    def _load(self, source: str) -> Source:
        with self._database.read() as cursor:
            row = sources.source_by_id(cursor, source)
            if row is None:
                raise SourceUnknown
            ring = sources.keys_of(cursor, source)
            mappings = sources.mappings_of(cursor, source)
        keys = tuple(self._opened(row, key) for key in ring)
        mapping = compile_mapping(orjson.loads(mappings[0].document)) if mappings else None
        loaded = self._known[source] = Source(row, keys, mapping, SourceFacts(row.organisation, row.pathway))
        return loaded

    def _opened(self, source: SourceRow, key: KeyRow) -> VerifyKey:
        plain = self._keys.tenant_data_key(source.tenant, PURPOSE).open(key.sealed, key.id.bytes)
        return VerifyKey.parse(plain.decode(), key.not_before, key.not_after)

    def _data_key(self, source: Source) -> Any:
        return self._keys.tenant_data_key(source.row.tenant, PURPOSE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How strictly a source is read (xAPI) and which frameworks it may assess; None says nothing about it."""

    lenient: bool | None = None
    assesses: frozenset[str] | None = None

    def of(self, row: SourceRow) -> SourceRow:
        """The source within these bounds."""
        lenient = row.lenient if self.lenient is None else self.lenient
        return replace(row, lenient=lenient, assesses=row.assesses if self.assesses is None else self.assesses or None)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to add: the sender's own, or none to have a secret made; and how long the keys before it stay valid."""

    key: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    end_others_after_s: int | None = None

    def made(self) -> str | None:
        """A new secret, when the sender brought none."""
        return None if self.key else "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def _put_mapping(cursor: Cursor, row: MappingRow) -> None:
    existing = sources.mappings_of(cursor, row.source)
    if same := [each for each in existing if each.version == row.version]:
        if same[0].digest != row.digest:
            raise MappingVersionTaken(pointer="/version")
        return
    if existing and row.version < existing[0].version:
        raise MappingVersionTaken(pointer="/version")
    sources.put_mapping(cursor, row)
