"""What the doors share: the service's parts, and the answers of a submission."""

from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response

from services.ingest.settings import IngestSettings
from services.ingest.storage import inbox
from services.ingest.use_cases.eraser import Eraser
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.import_file import Importer
from services.ingest.use_cases.link import About, Linking
from services.ingest.use_cases.move import Tools
from services.ingest.use_cases.redrive import Redrive
from services.ingest.use_cases.register import Sources
from services.ingest.use_cases.roster_package import RosterImporter
from services.ingest.use_cases.settle import Settle
from services.ingest.use_cases.tags import TagBook
from services.ingest.use_cases.take import Conflicting, MessageConflict, Taken
from services.runtime.clock import Clock
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root made, for the doors to use."""

    settings: IngestSettings
    clock: Clock
    keys: KeyStore
    database: Database
    sources: Sources
    tags: TagBook
    commits: GroupCommit
    settle: Settle
    about: About
    importer: Importer
    redrive: Redrive
    moving: Tools
    people: RosterImporter
    eraser: Eraser

    def linking(self, tenant: str) -> Linking:
        """For the links of one tenant."""
        return Linking(self.tags.of(tenant), self.settle, self.about)


def parts(request: Request) -> Parts:
    """The service's parts."""
    found: Parts = request.app.state.parts
    return found


Shared = Annotated[Parts, Depends(parts)]


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON without the framework's detours."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def receipt_response(shared: Parts, taken: Taken | Conflicting) -> Response:
    """202 and a receipt; 200 and the same receipt for a repeat; 409 for other content under the same key."""
    if isinstance(taken, Conflicting):
        raise MessageConflict
    if not taken.repeated:
        return json_response(taken.answer(), 202)
    return json_response(repeated(shared, taken).answer(), 200, {"Idempotent-Replay": "true"})


def repeated(shared: Parts, taken: Taken) -> Taken:
    """With the counts as they are by now."""
    with shared.database.read() as cursor:
        receipt = inbox.receipt_by(cursor, "id", taken.receipt.bytes)
        assert receipt is not None, "a message names its receipt"
        return Taken(taken.receipt, counts=inbox.counts_of(cursor, receipt.seq), repeated=True)
