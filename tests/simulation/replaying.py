"""Made again from events alone, by objects that have seen nothing before: mastery's decisions, a credential's bytes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.mastery.reactions import react
from services.mastery.storage.documents import Documents
from services.mastery.storage.learners import Learners
from services.mastery.storage.partitions import MASTERY_MIGRATIONS, open_partitions
from services.mastery.storage.received import Opening
from services.mastery.use_cases.replay import rebuild
from services.runtime.keys import KeyStore
from services.runtime.sealing import Sealer
from services.runtime.store.sqlite import SqliteDatabase
from tests.simulation.services import PARTITIONS


@dataclass
class Replayed:
    """Where every node of every learner stands, and the seqs at which deciding again differs, by partition."""

    standings: dict[tuple[str, str, str], tuple[bool, int]] = field(default_factory=dict)
    differences: dict[int, list[int]] = field(default_factory=dict)


def replay(folder: Path, keys: KeyStore) -> Replayed:
    """Every partition from its first event."""
    database, replayed = SqliteDatabase(folder / "mastery" / "mastery.db", MASTERY_MIGRATIONS), Replayed()
    try:
        learners = Learners(database, Opening(keys, Sealer(keys, "/mastery")), react)
        for store in open_partitions(database, keys, PARTITIONS):
            again = rebuild(store, learners, Documents(database))
            if again.differences:
                replayed.differences[store.partition] = again.differences
            for learner, record in again.records.items():
                for (policy, node), standing in record.standings.items():
                    replayed.standings[str(learner), policy, node] = (standing.met, standing.cycle)
    finally:
        database.close()
    return replayed


def credentials_that_differ(parts: Any, tenant: str, learner: Any, credentials_max: int) -> list[str]:
    """Those whose bytes, made again from the award's events, are not the bytes that were kept."""
    differing = []
    for row, award in parts.answers.credentials_of(tenant, learner)[:credentials_max]:
        definition = parts.tools.achievements.by_digest(tenant, award.proposed.achievement_digest)
        if parts.tools.signer.again(tenant, award, definition) != parts.answers.content(row):
            differing.append(row.id)
    return differing
