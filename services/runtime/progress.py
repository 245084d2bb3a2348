"""What the workers of a service still have to do, as far as it can be known now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.runtime.log.port import LogUnavailable


def progress(workers: Sequence[Any]) -> dict[str, int | None]:
    """In items, by the name of each worker that can count; None while its log does not say how far it is."""
    return {worker.name: _pending(worker) for worker in workers if hasattr(worker, "pending")}


def _pending(worker: Any) -> int | None:
    try:
        count: int = worker.pending()
    except LogUnavailable:
        return None
    return count
