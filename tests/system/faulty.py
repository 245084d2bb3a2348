"""`wayproof up` with a fault in one of its services: what the check of the killed school must be able to notice.

As a wrapper, `python -m tests.system.faulty KIND python -m services up …`; its children are started by it as well.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from contracts.evidence_v1 import EvidenceAcceptedV1
from services.cli import supervise
from services.cli.dispatch import main
from services.cli.tethered import tether
from services.ingest.domain.records import Accept

ONE_IN = 40  # pieces of evidence
Reaction = Callable[..., list[Any]]


def lose() -> None:
    """Mastery takes some evidence for something it has seen."""
    from services.mastery import reactions

    react: Reaction = reactions.REACTIONS[EvidenceAcceptedV1.TYPE]
    reactions.REACTIONS[EvidenceAcceptedV1.TYPE] = lambda received, at: (
        [] if _is_chosen(received.id) else react(received, at)
    )


def double() -> None:
    """Ingest accepts some evidence twice, under two ids, as if it had forgotten that it did."""
    from services.ingest import publishing

    publish = publishing.Publishing.__call__

    def twice(self: Any, occurrence: Any, new_id: Callable[[], UUID]) -> list[Any]:
        messages = publish(self, occurrence, new_id)
        if not isinstance(occurrence.decision, Accept) or not _is_chosen(occurrence.evidence):
            return messages
        return [*messages, *publish(self, replace(occurrence, evidence=new_id()), new_id)]

    publishing.Publishing.__call__ = twice  # type: ignore[method-assign]


def reorder() -> None:
    """Ingest publishes what a transaction decided the wrong way round."""
    from services.ingest.use_cases import group

    numbered = group.numbered
    group.numbered = lambda cursor, partitions, messages: numbered(cursor, partitions, messages[::-1])


FAULTS = {"lose": ("mastery", lose), "double": ("ingest", double), "reorder": ("ingest", reorder)}


def _is_chosen(evidence: UUID) -> bool:
    return evidence.int % ONE_IN == 0


def _supervise(kind: str, arguments: list[str]) -> None:
    supervise._command = lambda name: [sys.executable, "-m", "tests.system.faulty", kind, name]
    main(arguments, prog_name="wayproof")


def _serve(kind: str, name: str) -> None:
    tether()
    service, spoil = FAULTS[kind]
    if service == name:
        spoil()
    main([name], prog_name="wayproof")


if __name__ == "__main__":
    said, *rest = sys.argv[1:]
    if rest[:1] == [sys.executable]:
        _supervise(said, rest[3:])
    else:
        _serve(said, rest[0])
