"""A package's rows read again for a redrive: what a later package has said otherwise is over."""

from collections.abc import Callable
from dataclasses import replace

from services.ingest.formats.oneroster_results import open_results
from services.ingest.storage import packages
from services.ingest.storage.inbox import Receipt
from services.ingest.storage.redrive import Entry
from services.ingest.use_cases.file_rows import RowReading
from services.ingest.use_cases.package_kept import KeptRows
from services.ingest.use_cases.package_read import PackageReading
from services.ingest.use_cases.settle import Item
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database


def package_again(
    database: Database, keys: KeyStore, reading: RowReading, receipt: Receipt, raw: bytes
) -> Callable[[Entry], Item | None]:
    """Each row by its number; None for what followed from the package. Once counted, the book knows under what."""
    kept = KeptRows(database, keys, reading.tags, receipt.source)
    package = PackageReading(reading, open_results(raw, kept), kept, receipt.seq)
    origin = reading.origin()

    def again(entry: Entry) -> Item | None:
        with database.read() as cursor:
            item = package.again(origin, entry.item, entry.line, cursor)
        if item is None or not item.record:
            return item
        return replace(item, then=(packages.SET_RECORD, (item.record, *package.place(entry.item), receipt.seq)))

    return again
