"""`python -m services.mastery.replay DATA_DIR`: a fresh process decides everything again, from events and documents.

Prints JSON: events, learners, erased, differences (seqs by partition), and where every node of every learner stands.
Exits 1 when what was recorded is not what deciding again makes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from services.mastery.reactions import react
from services.mastery.storage.documents import Documents
from services.mastery.storage.learners import Learners
from services.mastery.storage.partitions import MASTERY_MIGRATIONS, open_partitions
from services.mastery.storage.received import Opening
from services.mastery.use_cases.replay import Replayed, rebuild
from services.runtime.sealing import Sealer
from services.runtime.store.database import Database
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore


def replay(data_dir: Path) -> dict[str, Any]:
    """Every partition of a data folder, decided again; the service may be running."""
    database = SqliteDatabase(data_dir / "mastery" / "mastery.db", MASTERY_MIGRATIONS)
    keys = SqliteKeyStore(data_dir / "keys")
    try:
        learners = Learners(database, Opening(keys, Sealer(keys, "/mastery")), react)
        stores = open_partitions(database, keys, _partitions(database))
        documents = Documents(database)
        return _summary({store.partition: rebuild(store, learners, documents) for store in stores})
    finally:
        keys.close()
        database.close()


def main(arguments: list[str]) -> int:
    """The command."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m services.mastery.replay DATA_DIR\n")
        return 2
    found = replay(Path(arguments[0]))
    sys.stdout.write(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 1 if any(found["differences"].values()) else 0


def _partitions(database: Database) -> int:
    with database.read() as cursor:
        return 1 + int(cursor.execute("SELECT coalesce(max(part), 0) FROM partition_state").fetchone()[0])


def _summary(replayed: dict[int, Replayed]) -> dict[str, Any]:
    records = {learner: record for each in replayed.values() for learner, record in each.records.items()}
    return {
        "events": sum(each.events for each in replayed.values()),
        "learners": len(records),
        "erased": sum(len(each.erased) for each in replayed.values()),
        "differences": {str(partition): each.differences for partition, each in replayed.items()},
        "standings": {
            str(learner): {
                f"{policy}/{node}": {"met": standing.met, "cycle": standing.cycle}
                for (policy, node), standing in record.standings.items()
            }
            for learner, record in records.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
