"""What a run does without, so that thousands fit into minutes: reading the same documents again, large batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import orjson

from services.ingest.mappings.compiled import CompiledMapping, compile_mapping
from services.ingest.use_cases import move, redrive, register
from services.mastery.documents.compiling import compile_policy
from services.mastery.storage import documents

MOVED_AT_ONCE, REDRIVEN_AT_ONCE = 2, 3


@contextmanager
def smaller() -> Iterator[None]:
    """Mappings and policies are compiled once for all runs, which is pure; moves and redrives take several commits."""
    with (
        patch.object(register, "compile_mapping", _mapping),
        patch.object(documents, "compile_policy", _Policies()),
        patch.object(move, "BATCH_MAX", MOVED_AT_ONCE),
        patch.object(redrive, "BATCH_MAX", REDRIVEN_AT_ONCE),
    ):
        yield


def _mapping(document: Any) -> CompiledMapping:
    return _compiled(orjson.dumps(document))


@cache
def _compiled(document: bytes) -> CompiledMapping:
    return compile_mapping(orjson.loads(document))


class _Policies:
    """Policies compiled before, by their digest: the documents they name are the same in every run."""

    def __init__(self) -> None:
        self._compiled = _POLICIES

    def __call__(self, policy: Any, library: Any) -> Any:
        if policy.digest not in self._compiled:
            self._compiled[policy.digest] = compile_policy(policy, library)
        return self._compiled[policy.digest]


_POLICIES: dict[str, Any] = {}
