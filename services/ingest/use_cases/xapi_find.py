"""Reading statements back: as they were sent, byte for byte, with what an LRS adds."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.ingest.formats.xapi_query import Query
from services.ingest.formats.xapi_statement import Additions
from services.ingest.storage import statements
from services.ingest.storage.sources import SourceRow
from services.ingest.storage.statements import StatementRow, Wanted
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.xapi_keep import open_statement
from services.runtime.clock import to_micros
from services.runtime.keys import KeyDestroyed, KeyStore
from services.runtime.problems import Refusal
from services.runtime.store.database import Cursor

PAGE_MAX: Final = 500
PAGE_BYTES_MAX: Final = 5 * 1024 * 1024


class StatementUnknown(Refusal):
    """No statement of this id is stored, or it was voided; a voided one is asked for by voidedStatementId."""

    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was asked for, and where the rest begins."""

    statements: list[bytes]
    newest: datetime | None
    cursor: int | None


@dataclass(frozen=True, slots=True)
class Find:
    """Finds among one source's own statements."""

    source: SourceRow
    keys: KeyStore
    tags: Tags

    def one(self, cursor: Cursor, statement: UUID, *, voided: bool) -> tuple[bytes, datetime]:
        """The statement, and when it was stored."""
        row = statements.by_id(cursor, self.source.id, [statement]).get(statement)
        if row is None or bool(row.flags & statements.VOIDED) != voided:
            raise StatementUnknown
        return self._shown(cursor, row), row.stored

    def page(self, cursor: Cursor, query: Query) -> Page:
        """Up to so many, or so many bytes; what was erased is passed over."""
        limit = min(query.limit or PAGE_MAX, PAGE_MAX)
        rows = statements.find(cursor, self._wanted(query), limit + 1)
        shown, size, last = list[bytes](), 0, None
        for row in rows[:limit]:
            if size > PAGE_BYTES_MAX:
                break
            last = row.seq
            try:
                shown.append(self._shown(cursor, row))
            except KeyDestroyed:
                continue
            size += len(shown[-1])
        more = bool(rows) and last != rows[-1].seq
        return Page(shown, max((row.stored for row in rows), default=None), last if more else None)

    def consistent_through(self, cursor: Cursor) -> datetime:
        """Everything stored up to then can be found: statements are stored in the order of their time."""
        return statements.newest(cursor, self.source.id) or self.source.created_at

    def _wanted(self, query: Query) -> Wanted:
        def number(kind: str, value: str | None) -> int | None:
            return None if value is None else self.tags.index(self.source.id, kind, value)

        return Wanted(
            self.source.id,
            self.tags.index(self.source.id, *query.agent) if query.agent else None,
            number("verb", query.verb),
            number("activity", query.activity),
            number("registration", query.registration and query.registration.lower()),
            to_micros(query.since) if query.since else None,
            to_micros(query.until) if query.until else None,
            query.ascending,
            query.cursor,
        )

    def _shown(self, cursor: Cursor, row: StatementRow) -> bytes:
        major = 2 if row.flags & statements.SECOND_EDITION else 1
        text = open_statement(cursor, self.keys, self.source.tenant, row)
        return Additions(row.id, row.stored, row.source, major).to(text)
