"""What every key store promises, wherever its rows lie."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime import keyring, keys_schema, stored_keys
from services.runtime.keyring import Keyring
from services.runtime.keys import DataKey, DoesNotOpen, KeyDestroyed, KeyUnknown
from services.runtime.store.database import Database
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import StoredKeys
from services.runtime.wrapping import derive, master_key, wrap
from tests.support.questions import questions

ADA, BEN, CHLOE = (UUID(int=number) for number in (1, 2, 3))
STORES = {"keys": keys_schema.MIGRATIONS, "ring": keyring.MIGRATIONS}
TENANT, CONTEXT = "nebraska", b"nebraska|ada|event 1"
EVERYBODY = [(TENANT, UUID(int=number)) for number in range(6)]  # whether they have keys or not


class Watch:
    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database(request, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens the store's database or its ring's, as another process would."""
    opened: list[Database] = []
    name = uuid4().hex
    url = request.getfixturevalue("store_url") if request.param == "postgres" else None

    def open_(store: str = "keys", migrations: Sequence[str] | None = None) -> Database:
        migrations = migrations or STORES[store]
        if url is None:
            opened.append(SqliteDatabase(tmp_path / f"{store}.db", migrations))
        else:
            migrate(url, f"{store}_{name}", migrations)
            opened.append(PostgresDatabase(url, f"{store}_{name}", migrations))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def another(database: Callable[[], Database], tmp_path: Path, watch: Watch) -> Callable[[], StoredKeys]:
    master = master_key(tmp_path / "master.key")
    return lambda: StoredKeys(database(), Keyring(database("ring"), master), master, elapsed_s=watch)


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


@pytest.mark.parametrize("beside", [[], [ADA], [CHLOE], [BEN, ADA, CHLOE]])
def test_what_is_sealed_under_a_key_just_made_opens_elsewhere_whatever_was_there_beside_it(another, beside):
    one, two, three = another(), another(), another()
    one.create_learner_keys(TENANT, [ADA, CHLOE])
    one.destroy_learner_key(TENANT, CHLOE)
    two.create_learner_keys(TENANT, [*beside, BEN])
    made, known = two.learner_key(TENANT, BEN).seal(b"B", CONTEXT), two.learner_key(TENANT, ADA).seal(b"A", CONTEXT)
    assert three.learner_key(TENANT, BEN).open(made, CONTEXT) == b"B"
    assert three.learner_key(TENANT, ADA).open(known, CONTEXT) == b"A"
    with pytest.raises(KeyDestroyed):
        two.learner_key(TENANT, CHLOE)


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


def test_a_key_just_made_here_and_destroyed_elsewhere_is_gone_here_within_a_second(another, watch):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [BEN])
    one.destroy_learner_key(TENANT, BEN)  # which the other has not noticed yet
    two.create_learner_keys(TENANT, [ADA])
    assert two.learner_key(TENANT, ADA).id
    one.destroy_learner_key(TENANT, ADA)
    watch.s += 0.5
    with pytest.raises(KeyDestroyed):
        two.learner_key(TENANT, ADA)


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


def test_the_keys_of_many_are_read_together_and_are_then_at_hand(another, monkeypatch):
    monkeypatch.setattr(stored_keys, "LOADED_AT_ONCE_MAX", 100)
    one, two = another(), another()
    many = [(tenant, UUID(int=n)) for n in range(250) for tenant in (TENANT, "iowa")]
    for tenant in (TENANT, "iowa"):
        one.create_learner_keys(tenant, [learner for _, learner in many])
    with questions() as asked:
        two.load_learner_keys([*many, *many])
    assert len(asked) == 2 * (1 + 3), "of each tenant its wrap key, and three times a hundred keys"
    with questions() as asked:
        two.load_learner_keys(many)
        theirs = [two.learner_key(tenant, learner).id for tenant, learner in many]
    assert asked == []
    assert theirs == [one.learner_key(tenant, learner).id for tenant, learner in many]


def test_whoever_has_no_key_spoils_nobodys_when_many_are_read(another, database):
    one, two, eve = another(), another(), UUID(int=3)
    one.create_learner_keys(TENANT, [ADA, BEN, eve])
    one.destroy_learner_key(TENANT, BEN)
    with database().write() as cursor:  # Eve's is damaged
        cursor.execute("UPDATE data_key SET wrapped = ? WHERE subject = ?", (bytes(60), eve.bytes))
    two.load_learner_keys(EVERYBODY)
    two.load_learner_keys([])
    for learner, matter in ((BEN, KeyDestroyed), (eve, DoesNotOpen), (UUID(int=4), KeyUnknown)):
        with pytest.raises(matter):
            two.learner_key(TENANT, learner)
    with questions() as asked:
        hers = two.learner_key(TENANT, ADA).id
    assert asked == []
    assert hers == one.learner_key(TENANT, ADA).id


def test_a_key_read_with_many_is_gone_within_a_second_of_its_destruction(another, watch):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA, BEN])
    watch.s += 0.4
    two.load_learner_keys(EVERYBODY)
    one.destroy_learner_key(TENANT, ADA)
    watch.s += 0.5
    with pytest.raises(KeyDestroyed):
        two.learner_key(TENANT, ADA)
    two.load_learner_keys(EVERYBODY)
    with pytest.raises(KeyDestroyed):
        two.learner_key(TENANT, ADA)
    assert two.learner_key(TENANT, BEN).id == one.learner_key(TENANT, BEN).id


def test_keys_of_many_are_read_by_the_wrap_key_of_now(another):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA, CHLOE])
    two.load_learner_keys(EVERYBODY)
    one.create_learner_keys(TENANT, [BEN])
    one.rotate_tenant_key(TENANT)
    two.load_learner_keys(EVERYBODY)
    blob = one.learner_key(TENANT, BEN).seal(b"grade A", CONTEXT)
    assert two.learner_key(TENANT, BEN).open(blob, CONTEXT) == b"grade A"


def test_a_wrap_key_that_is_gone_is_said_when_a_key_is_asked_for(another, database):
    another().create_learner_keys(TENANT, [ADA])
    with database("ring").write() as cursor:
        cursor.execute("DELETE FROM wrap_key")
    keys = another()
    keys.load_learner_keys(EVERYBODY)
    with pytest.raises(KeyDestroyed):
        keys.learner_key(TENANT, ADA)


def test_no_new_master_key_is_made_for_keys_that_are_there(another, database, tmp_path):
    another().create_learner_keys(TENANT, [ADA])
    with pytest.raises(SystemExit, match="missing"):
        master_key(tmp_path / "elsewhere" / "master.key", database())
    assert not (tmp_path / "elsewhere").exists()


def everything(keys: StoredKeys) -> list[object]:
    """All that a rotation must leave as it is."""
    sealed = [keys.learner_key(TENANT, BEN).id, keys.signing_key(TENANT).private.private_bytes_raw()]
    return [*sealed, keys.tenant_secret(TENANT, "identifier"), keys.tenant_secret(TENANT, "later")]


def rows_of(database: Database, table: str) -> list[tuple[object, ...]]:
    with database.read() as cursor:
        return list(cursor.execute(f"SELECT * FROM {table}").fetchall())


def test_a_rotation_changes_nothing_that_is_sealed_signed_or_tagged(another, watch):
    one, two = another(), another()
    one.create_learner_keys(TENANT, [ADA, BEN])
    blob = one.learner_key(TENANT, BEN).seal(b"grade A", CONTEXT)
    journal = one.tenant_data_key(TENANT, "journal").seal(b"policy", CONTEXT)
    before = everything(one)
    one.destroy_learner_key(TENANT, ADA)
    assert (one.rotate_tenant_key(TENANT).generation, one.rotate_tenant_key(TENANT).keys) == (2, 1)
    for keys in (one, two, another()):  # `two` was there before and is not started again
        assert everything(keys) == before
        assert keys.learner_key(TENANT, BEN).open(blob, CONTEXT) == b"grade A"
        assert keys.tenant_data_key(TENANT, "journal").open(journal, CONTEXT) == b"policy"
        with pytest.raises(KeyDestroyed):
            keys.learner_key(TENANT, ADA)
    two.create_learner_keys(TENANT, [UUID(int=3)])
    assert another().learner_key(TENANT, UUID(int=3)).id == one.learner_key(TENANT, UUID(int=3)).id


def test_the_keys_as_they_were_open_nothing_once_they_are_rotated(another, database):
    keys = another()
    keys.create_learner_keys(TENANT, [ADA, BEN])
    blob = keys.learner_key(TENANT, ADA).seal(b"grade A", CONTEXT)
    old = rows_of(database(), "data_key"), rows_of(database(), "tenant")
    put_back(database(), *old)
    assert another().learner_key(TENANT, ADA).open(blob, CONTEXT) == b"grade A"  # so far the copy opens
    keys.destroy_learner_key(TENANT, ADA)
    keys.rotate_tenant_key(TENANT)
    assert len(rows_of(database("ring"), "wrap_key")) == 1
    put_back(database(), *old)
    for learner in (ADA, BEN):
        with pytest.raises(KeyDestroyed):
            another().learner_key(TENANT, learner)
    generation = [(tenant, wrapped, 2) for tenant, wrapped, _ in old[1]]
    put_back(database(), old[0], generation)  # as if it had been wrapped by what is on the ring now
    with pytest.raises(DoesNotOpen):
        another().learner_key(TENANT, ADA)


def put_back(database: Database, keys: list[tuple[object, ...]], tenants: list[tuple[object, ...]]) -> None:
    with database.write() as cursor:
        cursor.execute("DELETE FROM data_key")
        cursor.execute("DELETE FROM tenant")
        cursor.executemany("INSERT INTO data_key (tenant, kind, subject, id, wrapped) VALUES (?, ?, ?, ?, ?)", keys)
        cursor.executemany("INSERT INTO tenant (tenant, wrapped, generation) VALUES (?, ?, ?)", tenants)


@pytest.mark.parametrize("dies_in", ["put", "destroy_before"])
def test_a_rotation_that_is_killed_is_done_again(another, database, monkeypatch, dies_in):
    keys = another()
    keys.create_learner_keys(TENANT, [ADA, BEN])
    before, done = everything(keys), getattr(Keyring, dies_in)

    def die(ring: Keyring, tenant: str, generation: int, *rest: bytes) -> object:
        if dies_in == "put" and generation > 1:
            done(ring, tenant, generation, *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(Keyring, dies_in, die)
    with pytest.raises(KeyboardInterrupt):
        keys.rotate_tenant_key(TENANT)
    monkeypatch.undo()
    assert everything(another()) == before
    assert len(rows_of(database("ring"), "wrap_key")) == 2
    another().rotate_tenant_key(TENANT)
    assert everything(another()) == everything(keys) == before
    assert len(rows_of(database("ring"), "wrap_key")) == 1


def test_keys_made_while_the_tenant_is_rotated_open_afterwards(another):
    stores = [another() for _ in range(3)]
    stores[0].create_learner_keys(TENANT, [ADA])
    made = [[uuid4() for _ in range(40)] for _ in stores[1:]]

    def make(keys: StoredKeys, learners: list[UUID]) -> None:
        for learner in learners:
            keys.create_learner_keys(TENANT, [learner])

    with ThreadPoolExecutor(3) as threads:
        making = [threads.submit(make, *each) for each in zip(stores[1:], made, strict=True)]
        for _ in range(5):
            stores[0].rotate_tenant_key(TENANT)
        for each in making:
            each.result()
    fresh = another()
    assert len({fresh.learner_key(TENANT, learner).id for learners in made for learner in learners}) == 80


def test_a_tenant_nobody_knows_is_not_rotated_into_being(another):
    keys = another()
    with pytest.raises(KeyUnknown):
        keys.rotate_tenant_key("nowhere")
    with pytest.raises(KeyUnknown):
        keys.rotate_tenant_key("nowhere")


def test_a_store_whose_wrap_keys_lay_with_its_keys_keeps_every_secret(database, tmp_path):
    """As the first version wrote it: secrets derived from a wrap key that lay in the table `tenant`."""
    master, secret, key, signing = master_key(tmp_path / "master.key"), *(bytes([n]) * 32 for n in (7, 8, 9))
    cipher, before = AESGCM(secret), {p: derive(secret, p) for p in keys_schema.DERIVED_BEFORE}
    sealed = wrap(AESGCM(master), secret, f"tenant|{TENANT}")
    with database("keys", keys_schema.MIGRATIONS[:1]).write() as cursor:
        cursor.execute("INSERT INTO tenant VALUES (?, ?)", (TENANT, sealed))
        row = (TENANT, "learner", ADA.bytes, "l-1", wrap(cipher, key, "l-1"))
        cursor.execute("INSERT INTO data_key VALUES (?, ?, ?, ?, ?)", row)
        cursor.execute(
            "INSERT INTO signing_key VALUES (?, ?, ?)", (TENANT, "k", wrap(cipher, signing, f"signing|{TENANT}"))
        )
    blob = DataKey("l-1", AESGCM(key)).seal(b"grade A", CONTEXT)

    def check() -> StoredKeys:
        keys = StoredKeys(database(), Keyring(database("ring"), master), master)
        assert keys.learner_key(TENANT, ADA).open(blob, CONTEXT) == b"grade A"
        assert keys.signing_key(TENANT).private.private_bytes_raw() == signing
        for purpose, was in before.items():
            kind, _, name = purpose.partition("|")
            if kind == "secret":
                assert keys.tenant_secret(TENANT, name) == was
            else:
                mine = keys.tenant_data_key(TENANT, name)
                assert DataKey(mine.id, AESGCM(was)).open(mine.seal(b"x", CONTEXT), CONTEXT) == b"x"
        return keys

    check().rotate_tenant_key(TENANT)
    check()
    assert rows_of(database(), "tenant") == [(TENANT, b"", 2)]
