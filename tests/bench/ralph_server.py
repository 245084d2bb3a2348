"""Ralph, run by its own environment's Python: `python ralph_server.py files|memory PORT`; where, by its settings.

As shipped its file store answers one POST and then fails, as it creates its file anew each time: here it appends. The
store in memory is not Ralph's own: it costs next to nothing, so that what is left is what Ralph itself takes.
"""

import sys

import uvicorn
from ralph.backends.data.base import BaseOperationType
from ralph.backends.lrs import fs

KEPT = {}


class InMemory(fs.FSLRSBackend):
    """Statements in a dictionary; nothing is on disk."""

    def write(self, data, target=None, **_):
        statements = list(data)
        KEPT.update((statement["id"], statement) for statement in statements)
        return len(statements)

    def query_statements_by_ids(self, ids, target=None):
        return [KEPT[id_] for id_ in ids if id_ in KEPT]


def main(store: str, port: str) -> None:
    """Serve until told to stop, without a log of requests."""
    fs.FSLRSBackend.default_operation_type = BaseOperationType.APPEND
    if store == "memory":
        fs.FSLRSBackend.write = InMemory.write
        fs.FSLRSBackend.query_statements_by_ids = InMemory.query_statements_by_ids
    from ralph.api import app

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
