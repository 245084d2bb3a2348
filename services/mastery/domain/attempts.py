"""Several attempts at one thing: which of them a policy keeps."""

from collections.abc import Iterable
from uuid import UUID

from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.gates import Scored
from services.mastery.domain.rules import Attempts


def kept(attempts: Attempts, pieces: Iterable[Scored]) -> set[UUID]:
    """The ids kept, one a key; a piece that lacks part of the key is an attempt of its own. `pieces` are in order."""
    best: dict[object, Scored] = {}
    for piece in pieces:
        key = _key(attempts, piece[0])
        best[key] = piece if key not in best else _better(attempts, best[key], piece)
    return {evidence.id for evidence, _ in best.values()}


def _key(attempts: Attempts, evidence: EvidenceRecorded) -> object:
    parts = tuple(getattr(evidence, part) for part in attempts.key)
    return evidence.id if None in parts else parts


def _better(attempts: Attempts, held: Scored, later: Scored) -> Scored:
    if attempts.keep == "best":
        return later if later[1] >= held[1] else held
    return later if attempts.keep == "latest" else held
