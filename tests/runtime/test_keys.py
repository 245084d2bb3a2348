"""Keys: created once, shared by processes, and gone for good when destroyed."""

import multiprocessing
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.keys import DoesNotOpen, KeyDestroyed, KeyUnknown
from services.runtime.problems import Refusal
from services.runtime.stored_keys import SqliteKeyStore
from services.runtime.wrapping import unwrap

ADA, BEN = UUID(int=1), UUID(int=2)
TENANT = "nebraska"
CONTEXT = b"nebraska|ada|event 1"


class Stopwatch:
    """Elapsed time that a test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path, watch: Stopwatch) -> Iterator[SqliteKeyStore]:
    keys = SqliteKeyStore(folder, elapsed_s=watch)
    keys.create_learner_keys(TENANT, [ADA, BEN])
    yield keys
    keys.close()


def another_process(folder: Path, watch: Stopwatch) -> SqliteKeyStore:
    return SqliteKeyStore(folder, elapsed_s=watch)


def test_what_one_process_seals_another_opens(keys, folder, watch):
    blob = keys.learner_key(TENANT, ADA).seal(b"grade A", CONTEXT)
    other = another_process(folder, watch)
    assert other.learner_key(TENANT, ADA).open(blob, CONTEXT) == b"grade A"
    assert b"grade A" not in blob


def test_the_same_words_sealed_twice_look_different(keys):
    key = keys.learner_key(TENANT, ADA)
    assert key.seal(b"grade A", CONTEXT) != key.seal(b"grade A", CONTEXT)


@given(at=st.integers(0, 35), change=st.integers(1, 255))
def test_a_blob_with_any_byte_changed_does_not_open(at, change):
    from services.runtime.keys import DataKey

    key = DataKey("k", AESGCM(bytes(32)))
    blob = bytearray(key.seal(b"grade A", CONTEXT))
    blob[at] ^= change
    with pytest.raises(DoesNotOpen):
        key.open(bytes(blob), CONTEXT)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01" + bytes(11), b"\x02" + bytes(40)])
def test_what_was_never_sealed_does_not_open(keys, blob):
    with pytest.raises(DoesNotOpen):
        keys.learner_key(TENANT, ADA).open(blob, CONTEXT)


def test_a_blob_opens_with_its_own_key_and_context_only(keys):
    blob = keys.learner_key(TENANT, ADA).seal(b"grade A", CONTEXT)
    with pytest.raises(DoesNotOpen):
        keys.learner_key(TENANT, BEN).open(blob, CONTEXT)
    with pytest.raises(DoesNotOpen):
        keys.learner_key(TENANT, ADA).open(blob, CONTEXT + b"x")


def test_the_same_learner_in_two_tenants_has_two_keys(keys):
    keys.create_learner_keys("iowa", [ADA])
    assert keys.learner_key("iowa", ADA).id != keys.learner_key(TENANT, ADA).id


def test_creating_a_key_again_changes_nothing(keys, folder, watch):
    blob = keys.learner_key(TENANT, ADA).seal(b"x", CONTEXT)
    keys.create_learner_keys(TENANT, [ADA, ADA, BEN])
    assert another_process(folder, watch).learner_key(TENANT, ADA).open(blob, CONTEXT) == b"x"


def test_a_learner_nobody_registered_is_unknown(keys):
    with pytest.raises(KeyUnknown):
        keys.learner_key(TENANT, uuid4())
    assert issubclass(KeyUnknown, Refusal)
    assert KeyUnknown.status == 404


def test_a_submission_is_not_a_learner(keys):
    keys.create_submission_keys(TENANT, [ADA])
    assert keys.submission_key(TENANT, ADA).id != keys.learner_key(TENANT, ADA).id
    with pytest.raises(KeyUnknown):
        keys.submission_key(TENANT, BEN)


def test_a_destroyed_key_is_gone_at_once_here_and_within_a_second_elsewhere(keys, folder, watch):
    other = another_process(folder, watch)
    for process in (keys, other):
        process.learner_key(TENANT, ADA)
    keys.destroy_learner_key(TENANT, ADA)
    with pytest.raises(KeyDestroyed):
        keys.learner_key(TENANT, ADA)
    watch.s += 0.999
    with pytest.raises(KeyDestroyed):
        other.learner_key(TENANT, ADA)
    assert other.learner_key(TENANT, BEN)
    assert KeyDestroyed.status == 410


def test_a_destroyed_key_never_comes_back(keys, folder, watch):
    keys.destroy_learner_key(TENANT, ADA)
    keys.destroy_learner_key(TENANT, ADA)
    keys.create_learner_keys(TENANT, [ADA])
    for process in (keys, another_process(folder, watch)):
        with pytest.raises(KeyDestroyed):
            process.learner_key(TENANT, ADA)


def test_a_key_destroyed_before_another_process_first_asks_is_destroyed_there(keys, folder, watch):
    other = another_process(folder, watch)
    keys.destroy_submission_key(TENANT, ADA)  # of nothing: no harm
    keys.destroy_learner_key(TENANT, ADA)
    with pytest.raises(KeyDestroyed):
        other.learner_key(TENANT, ADA)


def test_a_destroyed_key_is_no_longer_on_the_disk(keys, folder):
    with keys._database.read() as cursor:
        (wrapped,) = cursor.execute("SELECT wrapped FROM data_key WHERE subject = ?", (ADA.bytes,)).fetchone()
    keys._database.checkpoint()
    assert any(wrapped in path.read_bytes() for path in folder.iterdir())
    keys.destroy_learner_key(TENANT, ADA)
    assert not any(wrapped in path.read_bytes() for path in folder.iterdir())


def test_no_key_lies_in_the_clear(keys, folder):
    with keys._ring._database.read() as cursor:
        (wrapped,) = cursor.execute("SELECT wrapped FROM wrap_key").fetchone()
    master = (folder / "master.key").read_bytes()
    secrets = [keys.tenant_secret(TENANT, "record-keys"), unwrap(AESGCM(master), wrapped, f"wrap|{TENANT}|1")]
    secrets.append(keys.signing_key(TENANT).private.private_bytes_raw())
    keys._database.checkpoint()
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.name != "master.key")
    assert not any(secret in stored for secret in secrets)


def test_only_the_owner_may_read_the_master_key(keys, folder):
    assert stat.S_IMODE((folder / "master.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("master")) == ["master.key"]


def test_another_master_key_opens_nothing(keys, folder, watch):
    keys.close()
    (folder / "master.key").write_bytes(bytes(32))
    with pytest.raises(DoesNotOpen):
        another_process(folder, watch).learner_key(TENANT, ADA)


def test_a_wrapped_key_moved_to_another_learner_does_not_open(keys, folder, watch):
    with keys._database.write() as cursor:
        cursor.execute(
            "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE subject = ?) WHERE subject = ?",
            (BEN.bytes, ADA.bytes),
        )
    with pytest.raises(DoesNotOpen):
        another_process(folder, watch).learner_key(TENANT, ADA)


def test_a_tenants_secret_is_one_for_each_purpose(keys, folder, watch):
    other = another_process(folder, watch)
    assert keys.tenant_secret(TENANT, "record-keys") == other.tenant_secret(TENANT, "record-keys")
    drawn = {keys.tenant_secret(t, p) for t in (TENANT, "iowa") for p in ("record-keys", "message-keys")}
    assert len(drawn) == 4
    assert {len(secret) for secret in drawn} == {32}


def test_a_tenants_data_key_opens_in_another_process(keys, folder, watch):
    blob = keys.tenant_data_key(TENANT, "journal").seal(b"policy", CONTEXT)
    assert another_process(folder, watch).tenant_data_key(TENANT, "journal").open(blob, CONTEXT) == b"policy"
    with pytest.raises(DoesNotOpen):
        keys.tenant_data_key(TENANT, "webhooks").open(blob, CONTEXT)


def test_a_tenant_signs_with_one_key_in_every_process(keys, folder, watch):
    mine, theirs = keys.signing_key(TENANT), another_process(folder, watch).signing_key(TENANT)
    theirs.private.public_key().verify(mine.private.sign(b"credential"), b"credential")
    assert mine.id == theirs.id
    assert keys.signing_key("iowa").id != mine.id


def test_seeded_keys_repeat_in_an_empty_folder_and_differ_by_seed(tmp_path):
    def ids(name: str, seed: str) -> tuple[object, ...]:
        keys = SqliteKeyStore(tmp_path / name, seed=seed)
        keys.create_learner_keys(TENANT, [ADA])
        signing = keys.signing_key(TENANT)
        return (
            keys.learner_key(TENANT, ADA).id,
            keys.tenant_secret(TENANT, "x"),
            signing.id,
            signing.private.sign(b"credential"),
        )

    assert ids("one", "demo") == ids("two", "demo")
    assert not set(ids("one", "demo")) & set(ids("three", "other"))


def test_unseeded_keys_never_repeat(tmp_path):
    one, two = (SqliteKeyStore(tmp_path / name) for name in ("one", "two"))
    assert one.tenant_secret(TENANT, "x") != two.tenant_secret(TENANT, "x")


def test_thousands_of_keys_are_made_in_one_call(keys):
    learners = [uuid4() for _ in range(3_000)]
    keys.create_learner_keys(TENANT, learners)
    assert len({keys.learner_key(TENANT, learner).id for learner in learners}) == 3_000


def _start(folder: str, answers: "multiprocessing.Queue[object]") -> None:
    keys = SqliteKeyStore(Path(folder))
    answers.put((keys.tenant_secret(TENANT, "x"), keys.signing_key(TENANT).id))


def test_three_processes_that_start_together_agree(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[object] = spawning.Queue()
    started = [spawning.Process(target=_start, args=(str(tmp_path / "keys"), answers)) for _ in range(3)]
    for process in started:
        process.start()
    said = {answers.get(timeout=60) for _ in started}
    for process in started:
        process.join(timeout=60)
    assert len(said) == 1
