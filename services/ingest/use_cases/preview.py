"""Trying a mapping: what it would read and what would become of it, decided in earnest on paper that is thrown away."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar
from uuid import UUID

import orjson

from services.ingest.domain.claims import Claim, Fault, Held, NoClaim, Overtaken, Reading
from services.ingest.formats.file_formats import file_format
from services.ingest.formats.rows import Sent
from services.ingest.use_cases.file_rows import RowReading
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, Settled
from services.ingest.use_cases.take import tags_of
from services.runtime.clock import format_instant

TIMES = ("occurred_at", "expires_at")
NOWHERE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class TryRows:
    """Work that decides as an import would, now, and writes nothing."""

    alone: ClassVar[bool] = False
    origin: Origin
    rows: Sequence[Item]
    settle: Settle

    @property
    def items(self) -> int:
        return len(self.rows)

    def ask(self, group: Group) -> None:
        """What the rows name."""
        records, learners = tags_of(self.rows)
        group.load(records, (), learners)

    def decide(self, draft: Draft) -> list[Settled]:
        """An outcome for each row."""
        paper = Draft(draft.group)
        places = (Place(paper.seq, NOWHERE, number) for number in range(len(self.rows)))
        return [self.settle(paper, self.origin, place, item) for place, item in zip(places, self.rows, strict=True)]


def first_rows(reading: RowReading, sent: Sent, rows_max: int) -> tuple[Origin, list[Item]]:
    """The first rows of a file; what comes after them is not looked at, so the file may break off there."""
    origin = reading.origin()
    rows = file_format(reading.mapping.document.format).first(sent)
    return origin, [reading.item(origin, row) for row in islice(rows, rows_max)]


def told_of_row(item: Item, settled: Settled) -> dict[str, Any]:
    """What would become of a row and why, and what was read from it."""
    why = {"reason": settled.reason, "pointer": settled.pointer, "detail": settled.detail}
    said = {"line": item.line, "outcome": settled.outcome.value, **told(item.reading)}
    return said | {name: value for name, value in why.items() if value is not None}


def told(reading: Reading | Held | Overtaken) -> dict[str, Any]:
    """A reading as somebody trying a mapping is told; the sample is theirs, so its values may be shown."""
    match reading:
        case Claim():
            shown = orjson.loads(orjson.dumps(reading))
            times = {name: shown[name] and format_instant(getattr(reading, name)) for name in TIMES}
            return {"reading": "claim", "claim": {**shown, **times}}
        case Overtaken():
            return {"reading": "overtaken"}
        case NoClaim(reason):
            return {"reading": "no_claim", "reason": reason}
        case Fault(reason, pointer, detail) | Held(Fault(reason, pointer, detail)):
            kind = "held" if isinstance(reading, Held) else "fault"
            return {"reading": kind, "reason": reason, "pointer": pointer, "detail": detail}
        case _:
            return {"reading": "withdrawal", "record_key": reading.record_key}
