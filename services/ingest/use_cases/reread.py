"""Reading what waits in quarantine again, from the bytes as they were sent, by today's mapping or a named one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar
from uuid import UUID

from services.ingest.domain.claims import Fault
from services.ingest.formats.file_formats import NoFileFormat, file_format
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import imports, inbox, redrive
from services.ingest.storage.inbox import Receipt
from services.ingest.storage.redrive import Entry
from services.ingest.use_cases import caliper, cloud_events, observe, take_file, xapi_read
from services.ingest.use_cases.file_rows import RowReading, sent_to
from services.ingest.use_cases.import_file import ONEROSTER
from services.ingest.use_cases.package_again import package_again
from services.ingest.use_cases.read import Read, origin_of
from services.ingest.use_cases.register import Source, Sources
from services.ingest.use_cases.settle import Item, Origin
from services.ingest.use_cases.tags import TagBook, Tags
from services.ingest.use_cases.take_roster import DOOR as ROSTER_DOOR
from services.ingest.use_cases.upload import opener, whole
from services.ingest.use_cases.xapi_again import statements_again
from services.runtime.keys import KeyDestroyed, KeyStore, KeyUnknown
from services.runtime.problems import Refusal
from services.runtime.store.database import Database

ERASED = Fault("submission-erased", "", "what was sent is no longer kept; it has to be sent again")
OTHERWISE = Fault("reads-otherwise", "", "it reads as another number of items by now; it has to be sent again")
NOT_AGAIN = Fault("door-does-not-reread", "", "what came through this door is read once; it has to be sent again")


class MappingVersionUnknown(Refusal):
    """The source has no mapping of this version."""

    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Again:
    """One quarantined item as it reads now; where the whole document could not be read, all that it says."""

    entry: Entry
    receipt: Receipt
    origin: Origin
    items: Sequence[Item]
    learner: UUID | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What was sent, its face, and how its items are numbered."""

    receipt: Receipt
    raw: bytes
    numbers: dict[int | None, list[int]]

    def pick(self, entry: Entry, items: Sequence[Item], *, may_grow: bool) -> Sequence[Item]:
        """The one in the entry's place among the items of its document; all of them where it was the document itself.

        A line of many cannot become several: they would have no place in the order of arrival.
        """
        numbers = self.numbers[entry.line]
        if len(items) == len(numbers):
            return [items[numbers.index(entry.item)]]
        return items if may_grow and len(numbers) == 1 else [Item(OTHERWISE, entry.line)]


Pick = Callable[[Entry], Sequence[Item]]


class Rereading:
    """Reads by source and door, one submission at a time."""

    def __init__(self, database: Database, keys: KeyStore, sources: Sources, tags: TagBook) -> None:
        self._database, self._keys, self._sources, self._tags = database, keys, sources, tags

    def __call__(self, tenant: str, entries: Sequence[Entry], version: int | None) -> Iterator[Again]:
        """What each entry says now; entries come in the order of arrival, so each submission is opened once."""
        for receipt, waiting in groupby(entries, key=lambda entry: entry.receipt):
            yield from self._submission(tenant, receipt, list(waiting), version)

    def _submission(self, tenant: str, receipt: int, entries: list[Entry], version: int | None) -> Iterator[Again]:
        submitted, tags = self._opened(receipt, tenant), self._tags.of(tenant)
        if submitted.receipt.door == observe.DOOR:
            yield from _observation(submitted, entries, tags)
            return
        if submitted.receipt.door == ROSTER_DOOR:
            origin = Origin(tenant, submitted.receipt.source, "", ROSTER_DOOR)
            yield from (Again(entry, submitted.receipt, origin, [Item(NOT_AGAIN, entry.line)]) for entry in entries)
            return
        source = self._source(entries[0].source, tenant, version)
        origin = origin_of(source, submitted.receipt.door)
        pick = _pick(self._database, self._keys, submitted, source, tags)
        yield from (Again(entry, submitted.receipt, origin, pick(entry)) for entry in entries)

    def _source(self, name: str, tenant: str, version: int | None) -> Source:
        source = self._sources.get(name, tenant)
        if version is None:
            return source
        mapping = self._sources.mapping_or_none(source, version)
        if mapping is None:
            raise MappingVersionUnknown
        return replace(source, mapping=mapping)

    def _opened(self, seq: int, tenant: str) -> Submitted:
        with self._database.read() as cursor:
            receipt = inbox.receipt_by(cursor, "seq", seq)
            sealed = inbox.sealed_submission(cursor, seq)
            assert receipt is not None, "what is in quarantine came with a receipt"
            numbers = {} if receipt.door == take_file.DOOR else redrive.items_by_line(cursor, seq)
        try:
            key = self._keys.submission_key(tenant, receipt.id)
        except (KeyDestroyed, KeyUnknown):
            sealed = None
        return Submitted(receipt, b"" if sealed is None else key.open(sealed, receipt.id.bytes), numbers)


def _pick(database: Database, keys: KeyStore, submitted: Submitted, source: Source, tags: Tags) -> Pick:
    """How an entry of this submission is found again."""
    if not submitted.raw:
        return lambda entry: [Item(ERASED, entry.line)]
    read = Read(source, tags, submitted.receipt.received_at)
    match submitted.receipt.door:
        case "webhook" | cloud_events.DOOR as door:
            items = read.document(origin_of(source, door), submitted.raw)
            return lambda entry: submitted.pick(entry, items, may_grow=True)
        case "stream":
            return _of_stream(submitted, read)
        case caliper.DOOR:
            events = caliper.open_envelope(submitted.raw)
            said = caliper.items_of(read, origin_of(source, caliper.DOOR), events)
            return lambda entry: submitted.pick(entry, said, may_grow=False)
        case take_file.DOOR:
            return _of_file(database, keys, submitted, source, tags)
        case xapi_read.DOOR:
            again = statements_again(database, source, tags, submitted.receipt, submitted.raw)
            return lambda entry: again(entry.item) or [Item(OTHERWISE)]
        case _:
            return lambda entry: [Item(NOT_AGAIN, entry.line)]


def _of_stream(submitted: Submitted, read: Read) -> Pick:
    """The request may have begun with lines taken before; its last line is the last that has outcomes."""
    last = max(line for line in submitted.numbers if line is not None)
    _, lines = read.lines(submitted.raw, 1)
    by_number = {line.number + last - len(lines): line for line in lines}

    def pick(entry: Entry) -> Sequence[Item]:
        assert entry.line is not None, "what came in a stream has a line"
        items = [replace(item, line=entry.line) for item in by_number[entry.line].items]
        return submitted.pick(entry, items, may_grow=False)

    return pick


def _of_file(database: Database, keys: KeyStore, submitted: Submitted, source: Source, tags: Tags) -> Pick:
    """Rows are found by their number, in one reading; a mapping by which the file has other rows finds none of them."""
    reading = RowReading(source, source.reader(), tags, submitted.receipt.received_at)
    with database.read() as cursor:
        begun = imports.import_of_receipt(cursor, submitted.receipt.seq)
    assert begun is not None, "a file's rows are settled by its import"
    try:
        opens = opener(database, submitted.raw, begun.upload)
        if reading.mapping.document.format == ONEROSTER:
            again = package_again(database, keys, reading, submitted.receipt, whole(opens))
            return lambda entry: [again(entry) or Item(OTHERWISE, entry.line)]
        rows = file_format(reading.mapping.document.format).rows(sent_to(reading.mapping, opens, begun.charset))
    except (PackageRefused, NoFileFormat):
        return lambda entry: [Item(OTHERWISE, entry.line)]
    if rows.total != begun.rows_total:
        return lambda entry: [Item(OTHERWISE, entry.line)]
    origin, numbered = reading.origin(), enumerate(rows)

    def pick(entry: Entry) -> Sequence[Item]:
        """Entries come in the order of arrival."""
        return [reading.item(origin, next(row for number, row in numbered if number == entry.item))]

    return pick


def _observation(submitted: Submitted, entries: list[Entry], tags: Tags) -> Iterator[Again]:
    """It needs no mapping; the framework or scale it names may have been published since."""
    for entry in entries:
        origin = Origin(tags.tenant, entry.source, "", observe.DOOR)
        if not submitted.raw:
            yield Again(entry, submitted.receipt, origin, [Item(ERASED)])
            continue
        observed, item = observe.observed_again(submitted.raw, tags)
        origin = replace(origin, organisation=observed.organisation)
        yield Again(entry, submitted.receipt, origin, [item], observed.learner)
