"""Statements that wait in quarantine, read again from the request they came in, by the mapping as it is now."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from services.ingest.storage import statements
from services.ingest.storage.inbox import Receipt
from services.ingest.use_cases.register import Source
from services.ingest.use_cases.settle import Item
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.xapi_read import ReadStatements, xapi_origin
from services.runtime.store.database import Database
from services.runtime.strict_json import parse_json_elements

KEYS_MAX = 1_000_000


def statements_again(
    database: Database, source: Source, tags: Tags, receipt: Receipt, raw: bytes
) -> Callable[[int], Sequence[Item] | None]:
    """The item of a number as it reads now; None when its statement reads as another number of items by now."""
    with database.read() as cursor:
        rows = statements.of_receipt(cursor, receipt.seq)
    read = ReadStatements(source, xapi_origin(source), tags, receipt.received_at, 1, len(raw))
    documents = {}
    for _, document in parse_json_elements(raw, keys_max=KEYS_MAX):
        assert isinstance(document, dict), "what was stored had been checked"
        documents[read.id_of(document)] = document
    firsts = [first for first, _, _ in rows]

    def pick(item: int) -> Sequence[Item] | None:
        first, id_, count = rows[bisect_right(firsts, item) - 1]
        items = read.items(id_, documents[id_])
        return [items[item - first]] if len(items) == count else None

    return pick
