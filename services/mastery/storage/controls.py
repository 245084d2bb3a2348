"""The control stream: documents put and policies activated, in one order for every partition."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.runtime.clock import from_micros, to_micros
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import Row

PUT, ACTIVATED = "put", "activated"

_APPEND = """
INSERT INTO control (control_seq, tenant, kind, id, version, digest, effective_from, organisation, cohorts,
    recorded_at, recorded_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A policy version comes into force for these learners from an instant on."""

    control_seq: int
    tenant: str
    policy: str
    version: int
    digest: str
    effective_from: datetime
    organisation: str | None
    cohorts: tuple[str, ...]


def append_put(cursor: Cursor, tenant: str, id: str, version: int, digest: str, at: datetime, by: str) -> int:
    """A document was put."""
    return _append(cursor, (tenant, PUT, id, version, digest, None, None, "[]", to_micros(at), by))


def append_activation(cursor: Cursor, said: Activation, at: datetime, by: str) -> int:
    """A policy was activated; `said.control_seq` is given here and returned."""
    effective, cohorts = to_micros(said.effective_from), json.dumps(said.cohorts)
    row = (said.tenant, ACTIVATED, said.policy, said.version, said.digest, effective, said.organisation, cohorts)
    return _append(cursor, (*row, to_micros(at), by))


def _append(cursor: Cursor, row: tuple[object, ...]) -> int:
    (seq,) = cursor.execute("UPDATE control_head SET last_seq = last_seq + 1 RETURNING last_seq").fetchone()
    cursor.execute(_APPEND, (seq, *row))
    return int(seq)


class Controls:
    """Reads the control stream and each partition's place in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_seq(self) -> int:
        """The latest control_seq."""
        with self._database.read() as cursor:
            return int(cursor.execute("SELECT coalesce(max(control_seq), 0) FROM control").fetchone()[0])

    def applied_seq(self, partition: int) -> int:
        """How far the partition has taken it in."""
        with self._database.read() as cursor:
            row = cursor.execute("SELECT applied_seq FROM control_position WHERE part = ?", (partition,)).fetchone()
        return int(row[0]) if row else 0

    def activations(self, after_seq: int, up_to_seq: int) -> list[Activation]:
        """The activations in between, in order."""
        select = (
            "SELECT control_seq, tenant, id, version, digest, effective_from, organisation, cohorts FROM control"
            " WHERE kind = ? AND control_seq > ? AND control_seq <= ? ORDER BY control_seq"
        )
        with self._database.read() as cursor:
            return [_activation(row) for row in cursor.execute(select, (ACTIVATED, after_seq, up_to_seq))]


def applied_row(partition: int, control_seq: int) -> Row:
    """Stores the partition's place, in the transaction that took it there."""
    upsert = (
        "INSERT INTO control_position VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET applied_seq = excluded.applied_seq"
    )

    def write(cursor: Cursor) -> None:
        cursor.execute(upsert, (partition, control_seq))

    return write


def in_force(activations: Sequence[Activation]) -> list[Activation]:
    """What a new learner adopts: not what a later activation replaces from the same instant on, or earlier."""
    kept: list[Activation] = []
    for said in reversed(activations):
        if all(said.policy != later.policy or said.effective_from < later.effective_from for later in kept):
            kept.append(said)
    return kept[::-1]


def _activation(row: tuple[int, str, str, int, str, int, str | None, str]) -> Activation:
    control_seq, tenant, policy, version, digest, effective_from, organisation, cohorts = row
    return Activation(
        control_seq=control_seq,
        tenant=tenant,
        policy=policy,
        version=version,
        digest=digest,
        effective_from=from_micros(effective_from),
        organisation=organisation,
        cohorts=tuple(json.loads(cohorts)),
    )
