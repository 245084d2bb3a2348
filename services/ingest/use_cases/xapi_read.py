"""From the bytes of an xAPI request to checked, mapped and tagged statements: outside the writer's thread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from services.ingest.domain.claims import Claim, Fault, Identifier, NoClaim, Reading
from services.ingest.domain.records import OnChange
from services.ingest.formats.xapi_rules import rules
from services.ingest.formats.xapi_statement import (
    Additions,
    activity_of,
    agents_of,
    content_of,
    derived_id,
    identity_of,
    voided_by,
)
from services.ingest.formats.xapi_values import Broken, StatementRefused
from services.ingest.use_cases.register import Source
from services.ingest.use_cases.settle import Item, Origin, item_of
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.xapi_keep import Sent
from services.runtime.problems import Refusal

DOOR: Final = "xapi"
STATEMENTS_MAX: Final = 10_000
VOIDING: Final = Item(NoClaim("voiding"))
NO_MAPPING: Final = Fault("no-mapping", "", "the source has no mapping yet")


class StatementTwice(Refusal):
    """Two statements of a batch have the same id; nothing of the batch was stored."""


class StatementTooLarge(Refusal):
    """A statement is larger than this endpoint takes; nothing of its batch was stored."""

    status: ClassVar[int] = 413


class TooManyStatements(Refusal):
    """A batch holds more statements than this endpoint takes."""

    status: ClassVar[int] = 413


def xapi_origin(source: Source) -> Origin:
    """As for the other doors; a source without a mapping may send, and what it sends waits in quarantine."""
    row, mapping = source.row, source.mapping
    label, on_change = (mapping.label, mapping.on_change) if mapping else (None, OnChange.REVISE)
    own_records = mapping is not None and mapping.document.record_key is None
    return Origin(row.tenant, row.id, row.organisation, DOOR, label, on_change, row.assesses, own_records)


def record_key_of(statement: UUID, item: int) -> str:
    """The record of what a statement proves, when the mapping names no other."""
    return f"xapi statement {statement}#{item}"


@dataclass(frozen=True, slots=True)
class ReadStatements:
    """Reads for one source at one instant."""

    source: Source
    origin: Origin
    tags: Tags
    received_at: datetime
    major: int
    bytes_max: int

    def __call__(self, elements: Sequence[tuple[str, object]], *, listed: bool) -> list[Sent]:
        """Every statement, in order; one that breaks a rule refuses them all."""
        if len(elements) > STATEMENTS_MAX:
            raise TooManyStatements(statements_max=STATEMENTS_MAX)
        check = rules(self.major, lenient=self.source.row.lenient)
        for place, (text, document) in enumerate(elements):
            above = [place] if listed else []
            if len(text) > self.bytes_max:
                raise StatementTooLarge(bytes_max=self.bytes_max)
            try:
                check(document)
            except Broken as broken:
                raise broken.refusal(*above) from None
        _refuse_twice([document for _, document in elements])
        return [self._sent(text, document) for text, document in elements]

    def id_of(self, document: Any) -> UUID:
        """Its own, or the one derived from what it says."""
        if "id" in document:
            return UUID(document["id"])
        return derived_id(self.source.row.id, self.tags.content(content_of(document)))

    def items(self, id_: UUID, document: Any) -> list[Item]:
        """What the mapping reads from it."""
        return self._items(id_, document)[0]

    def _sent(self, text: str, document: Any) -> Sent:
        source, tags = self.source.row.id, self.tags
        content = tags.content(content_of(document))
        id_ = UUID(document["id"]) if "id" in document else derived_id(source, content)
        voids, actor, activity = voided_by(document), identity_of(document["actor"]), activity_of(document)
        registration = document.get("context", {}).get("registration")
        items, person = ([VOIDING], b"") if voids else self._items(id_, document)
        return Sent(
            id=id_,
            text=text,
            document=document,
            content=content,
            items=items,
            person=person or (tags.identifier(Identifier(*actor)) if actor else b""),
            actor=tags.index(source, *actor) if actor else None,
            agents=[tags.index(source, *who) for who in agents_of(document)],
            verb=tags.index(source, "verb", document["verb"]["id"]),
            activity=tags.index(source, "activity", activity) if activity else None,
            registration=tags.index(source, "registration", registration.lower()) if registration else None,
            voids=voids,
            major=self.major,
        )

    def _items(self, id_: UUID, document: Any) -> tuple[list[Item], bytes]:
        """What the mapping reads from it, and the tag of whom it is about, when one learner is."""
        mapping = self.source.mapping
        if mapping is None:
            return [Item(NO_MAPPING)], b""
        complete = Additions(id_, self.received_at, self.source.row.id, self.major).complete(document)
        facts = self.source.facts
        readings = mapping.read(complete, source=facts, received_at=self.received_at)
        items = [item_of(_recorded(reading, id_, n), self.tags, self.origin) for n, reading in enumerate(readings)]
        people = {item.person for item in items if item.person}
        return items, people.pop() if len(people) == 1 else b""


def _recorded(reading: Reading, id_: UUID, item: int) -> Reading:
    if isinstance(reading, Claim) and reading.record_key is None:
        return replace(reading, record_key=record_key_of(id_, item))
    return reading


def _refuse_twice(documents: Sequence[Any]) -> None:
    """Only of ids that were sent: what has none may be there twice."""
    seen: set[str] = set()
    for place, document in enumerate(documents):
        if "id" in document:
            id_ = document["id"].lower()
            if id_ in seen:
                raise StatementTwice(pointer=f"/{place}/id")
            seen.add(id_)


__all__ = ["ReadStatements", "StatementRefused", "StatementTooLarge", "StatementTwice", "TooManyStatements"]
