"""Credential bytes are a function of what the service recorded: its store alone makes them again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.credentials.domain.achievement import AchievementDefined
from services.credentials.domain.events import EVENTS, CredentialIssued
from services.credentials.signing.signer import Signer
from services.credentials.storage.owners import StreamKeys
from services.credentials.storage.schema import MIGRATIONS
from services.credentials.use_cases.work import fold
from services.runtime.store.codec import Codec
from services.runtime.store.partition import StoredPartition
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore
from tests.credentials.school import ANA, BEN, DIPLOMA, WELDER, School
from tests.support.paths import ROOT

PARTITIONS = 4


def rebuilt(folder: Path) -> dict[str, str]:
    """Every credential's bytes by id, from the recorded events and the keys.

    Of the rows only whose key opens an award is read; of the settings, the clock and the log, nothing.
    """
    keys = SqliteKeyStore(folder / "keys")
    database = SqliteDatabase(folder / "credentials" / "credentials.db", MIGRATIONS)
    codec, owners = Codec([*EVENTS, AchievementDefined]), StreamKeys(keys, database)
    stores = [StoredPartition(database, n, codec, owners, log_partitions=PARTITIONS) for n in range(PARTITIONS)]
    journal = [one for store in stores for one in store.events(0, 10_000)]
    definitions = {
        one.event.definition.digest: one.event.definition
        for one in journal
        if isinstance(one.event, AchievementDefined)
    }
    signer = Signer(keys, "https://somewhere.else.example")
    found = {}
    for one in journal:
        if isinstance(one.event, CredentialIssued):
            store = next(store for store in stores if store.version(one.stream))
            award = fold(store.stream(one.stream))
            assert award.proposed is not None
            content = signer.again(one.tenant, award, definitions[award.proposed.achievement_digest])
            assert signer.content_tag(one.tenant, content) == one.event.content
            found[one.event.credential_id] = content.decode()
    database.close()
    return found


@pytest.mark.in_files
def test_every_credential_is_made_again_byte_for_byte_in_a_fresh_process(school: School) -> None:
    school.put()
    school.put("diploma", DIPLOMA)
    for learner in (ANA, BEN):
        school.says(school.met(), learner)
    school.settle()
    school.clock.pass_by(days=2, seconds=1.234567)
    for award in school.awards("proposed"):
        school.decide(award["award"], "grant")
    school.put(body=WELDER | {"name": "Said otherwise since"})
    school.says(school.lapsed(), BEN)
    school.settle()
    served = {
        one["credential"]: school.content(one).decode() for learner in (ANA, BEN) for one in school.credentials(learner)
    }
    assert len(served) == 4
    school.service.close()
    program = (
        "import json, sys, pathlib; from tests.credentials.test_reproducible import rebuilt; "
        "json.dump(rebuilt(pathlib.Path(sys.argv[1])), sys.stdout)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(school.folder)], cwd=ROOT, capture_output=True, check=True
    )
    assert json.loads(said.stdout) == served


def test_two_deployments_with_the_same_seed_issue_the_same_bytes(tmp_path: Path) -> None:
    issued = []
    for name in ("one", "two"):
        school = School(tmp_path / name)
        school.put()
        school.says(school.met())
        school.settle()
        issued.append(school.content(school.credentials()[0]))
        school.service.close()
    assert issued[0] == issued[1]
