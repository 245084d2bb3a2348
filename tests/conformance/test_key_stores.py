"""What every key store promises, wherever its rows lie."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.runtime import keys as module
from services.runtime.keys import DoesNotOpen, KeyDestroyed, KeyUnknown, StoredKeys, master_key
from services.runtime.store.database import Database
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.sqlite import SqliteDatabase

ADA, BEN = UUID(int=1), UUID(int=2)
TENANT, CONTEXT = "nebraska", b"nebraska|ada|event 1"


class Watch:
    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database(request, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens the store's database, as another process would."""
    opened: list[Database] = []
    schema = f"keys_{uuid4().hex}"
    url = request.getfixturevalue("store_url") if request.param == "postgres" else None
    if url is not None:
        migrate(url, schema, module.MIGRATIONS)

    def open_() -> Database:
        opened.append(
            SqliteDatabase(tmp_path / "keys.db", module.MIGRATIONS)
            if url is None
            else PostgresDatabase(url, schema, module.MIGRATIONS)
        )
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def another(database: Callable[[], Database], tmp_path: Path, watch: Watch) -> Callable[[], StoredKeys]:
    return lambda: StoredKeys(database(), master_key(tmp_path / "master.key"), elapsed_s=watch)


def test_what_one_process_seals_another_opens_and_nobody_in_another_place(another):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA, BEN])
    blob = one.learner_key(TENANT, ADA).seal(b"grade A", CONTEXT)
    assert two.learner_key(TENANT, ADA).open(blob, CONTEXT) == b"grade A"
    with pytest.raises(DoesNotOpen):
        two.learner_key(TENANT, BEN).open(blob, CONTEXT)
    with pytest.raises(KeyUnknown):
        two.learner_key("iowa", ADA)


def test_creating_a_key_again_changes_nothing(another):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA])
    two.create_learner_keys(TENANT, [ADA, ADA, BEN])
    assert one.learner_key(TENANT, ADA).id == two.learner_key(TENANT, ADA).id


def test_a_destroyed_key_is_gone_elsewhere_within_a_second_and_never_comes_back(another, watch):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA])
    two.learner_key(TENANT, ADA)
    one.destroy_learner_key(TENANT, ADA)
    watch.s += 0.5
    for keys in (one, two, another()):
        keys.create_learner_keys(TENANT, [ADA])
        with pytest.raises(KeyDestroyed):
            keys.learner_key(TENANT, ADA)


def test_processes_that_meet_a_tenant_together_agree_on_its_keys(another):
    stores = [another() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        secrets = list(threads.map(lambda keys: keys.tenant_secret(TENANT, "x"), stores))
        signing = list(threads.map(lambda keys: keys.signing_key(TENANT).id, stores))
    assert len(set(secrets)) == len(set(signing)) == 1


def test_thousands_of_keys_are_made_in_one_call(another):
    keys, learners = another(), [uuid4() for _ in range(3000)]
    keys.create_learner_keys(TENANT, learners)
    assert len({keys.learner_key(TENANT, learner).id for learner in learners}) == 3000


def test_no_new_master_key_is_made_for_keys_that_are_there(another, database, tmp_path):
    another().create_learner_keys(TENANT, [ADA])
    with pytest.raises(SystemExit, match="missing"):
        master_key(tmp_path / "elsewhere" / "master.key", database())
    assert not (tmp_path / "elsewhere").exists()
