"""`python -m services.mastery.replay`: a fresh process decides everything again, from events and documents.

It reads the store the settings name, `--data-dir` before them, and writes nothing; the service may be running.
Prints JSON: events, learners, erased, differences (seqs by partition), and where every node of every learner stands.
Exits 1 when what was recorded is not what deciding again makes.
"""

import argparse
import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from services.mastery.reactions import react
from services.mastery.storage.documents import Documents
from services.mastery.storage.learners import Learners
from services.mastery.storage.partitions import open_partitions
from services.mastery.storage.received import Opening
from services.mastery.use_cases.replay import Replayed, rebuild
from services.runtime.opening import beside, open_keys
from services.runtime.sealing import Sealer
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.database import Database
from services.runtime.tenancy import every_tenant


def replay(settings: RuntimeSettings) -> dict[str, Any]:
    """Every partition of mastery's store, decided again."""
    with every_tenant("replay"), ExitStack() as opened:
        database = opened.enter_context(closing(beside(settings, "mastery")))
        keys = opened.enter_context(closing(open_keys(settings)))
        learners = Learners(database, Opening(keys, Sealer(keys, "/mastery")), react)
        stores = open_partitions(database, keys, _partitions(database))
        documents = Documents(database)
        return _summary({store.partition: rebuild(store, learners, documents) for store in stores})


def main(arguments: list[str]) -> int:
    """The command."""
    said = argparse.ArgumentParser(prog="python -m services.mastery.replay", description=__doc__)
    said.add_argument("--data-dir", type=Path, help="the data folder; otherwise as the services are told")
    found = replay(load(RuntimeSettings, data_dir=said.parse_args(arguments).data_dir))
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
