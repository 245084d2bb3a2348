"""Large files: sealed part by part as they come, read part by part, and never whole in memory or in clear on disk."""

import gzip
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.storage import uploads
from services.ingest.use_cases import upload as uploading
from services.ingest.use_cases.upload import Upload, opened
from services.runtime.keys import DoesNotOpen
from services.runtime.store.sqlite import SqliteDatabase
from tests.ingest.cte import STUDENTS, centre, file_of, finished, imported, post, signoff
from tests.ingest.house import HeldClock, House
from tests.support.documents import mapping

PART = 1000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "PART_BYTES", PART)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = SqliteDatabase(
        tmp_path_factory.mktemp("uploads") / "x.db",
        (f"CREATE TABLE import (x INTEGER);{uploads.UPLOADS}{uploads.UPLOADED_AT}",),
    )
    yield made
    made.close()


def kept(database: Any, pieces: list[bytes]) -> Any:
    upload = Upload(database, HeldClock())
    for piece in pieces:
        upload.take(piece)
        upload.put()
    return upload.end()


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 2500), max_size=6), reads=st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_however_a_file_comes_in_and_is_read_it_is_the_same_file(
    database: Any, sizes: list[int], reads: list[int]
) -> None:
    pieces = [bytes((n * 31 + at) % 251 for at in range(size)) for n, size in enumerate(sizes)]
    raw = b"".join(pieces)
    one = kept(database, pieces)
    assert (one.upload is None) == (len(raw) <= PART)
    with one.open(database) as file:
        assert file.read() == raw
        for at in reads:
            file.seek(min(at, len(raw)))
            assert file.read(at) == raw[min(at, len(raw)) :][:at]
    assert io.TextIOWrapper(one.open(database), "latin-1", newline="").read().encode("latin-1") == raw


def test_parts_open_only_in_their_place_and_with_their_key(database: Any) -> None:
    one = kept(database, [b"a" * 1500, b"b" * 1500])
    with database.write() as cursor:
        cursor.execute("UPDATE upload_part SET part = 9 WHERE upload = ? AND part = 0", (one.upload.bytes,))
        cursor.execute("UPDATE upload_part SET part = 0 WHERE upload = ? AND part = 1", (one.upload.bytes,))
    with pytest.raises(DoesNotOpen):
        opened(database, one.raw, one.upload).read(1)
    with pytest.raises(DoesNotOpen):
        opened(database, bytes(32), one.upload).read(1)


ROWS = [signoff(one, f"CA.{n % 3 + 1}", Signed_On=f"2026-05-{n % 28 + 1:02}") for n in range(84) for one in STUDENTS]


def test_a_file_in_parts_is_imported_as_any_other_and_nothing_of_it_is_in_clear(house: House, tmp_path: Path) -> None:
    source = centre(house)
    done = imported(house, source, file_of(ROWS))
    assert done["outcomes"] == {"accepted": 252}
    assert house.count("upload_part") == len(file_of(ROWS)) // PART + 1
    assert imported(house, source, file_of(ROWS))["outcomes"] == {"duplicate": 252}
    house.parts.database.checkpoint()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"MA-1001" in path.read_bytes()]


def test_it_is_redriven_and_shown_raw_from_its_parts(house: House) -> None:
    source = centre(house)
    raw = file_of([*ROWS, signoff(level="Gold")])
    assert imported(house, source, raw)["outcomes"] == {"accepted": 252, "quarantined": 1}
    boss = house.token("district")
    (entry,) = house.http.get("/v1/quarantine", headers=boss).json()["quarantine"]
    assert house.http.get(f"/v1/quarantine/{entry['id']}/raw", headers=boss).content == raw
    document = mapping("cte-signoffs")
    mended = {**document, "version": 2, "tables": {**document["tables"], "levels": {"gold": "3"}}}
    assert house.http.post(f"/v1/sources/{source}/mappings", json=mended, headers=boss).status_code == 201
    driven = house.http.post("/v1/quarantine/redrive", json={"source": source}, headers=boss)
    assert driven.json()["outcomes"] == {"accepted": 1}


def test_a_file_in_parts_goes_on_after_a_restart(house: House) -> None:
    source = centre(house)
    house.parts.importer._rows_max = 10
    taken = post(house, source, file_of(ROWS)).json()
    house.reopen()
    assert finished(house, taken["import"])["outcomes"] == {"accepted": 252}


def test_the_same_key_with_the_same_file_finds_it_and_keeps_no_second_copy(house: House) -> None:
    source, key = centre(house), {"Idempotency-Key": "night-1"}
    first = post(house, source, file_of(ROWS), **key)
    parts = house.count("upload_part")
    again = post(house, source, file_of(ROWS), **key)
    assert (again.json(), again.headers["Idempotent-Replay"]) == (first.json(), "true")
    assert post(house, source, file_of(ROWS[1:]), **key).status_code == 409
    assert house.count("upload_part") == parts
    finished(house, first.json()["import"])


def refused_too_large(house: House, source: str) -> Any:
    return post(house, source, file_of(ROWS * 8))


def refused_unlike(house: House, source: str) -> Any:
    return post(house, source, b"Level\n" + b"1\n" * 2000)


def refused_gzip(house: House, source: str, change: Callable[[bytes], bytes]) -> Any:
    return post(house, source, change(gzip.compress(file_of(ROWS))), **{"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (refused_too_large, 413),
        (refused_unlike, 400),
        (partial(refused_gzip, change=lambda raw: raw[:-9]), 400),
        (partial(refused_gzip, change=lambda raw: raw + b"more"), 400),
        (partial(refused_gzip, change=lambda raw: raw[:40] + b"\0\0\0\0" + raw[44:]), 400),
        (partial(refused_gzip, change=lambda raw: gzip.compress(b"x" * 500_000)), 413),
    ],
)
def test_what_is_not_taken_leaves_nothing_behind(house: House, send: Any, status: int) -> None:
    source = centre(house)
    house.parts.settings.__dict__["table_bytes_max"] = 100_000
    assert send(house, source).status_code == status
    assert house.count("upload_part") == house.count("receipt") == 0


def test_a_compressed_file_is_taken_as_what_it_holds(house: House) -> None:
    source = centre(house)
    answer = post(house, source, gzip.compress(file_of(ROWS)), **{"Content-Encoding": "gzip"})
    assert finished(house, answer.json()["import"])["outcomes"] == {"accepted": 252}
    assert imported(house, source, file_of(ROWS))["outcomes"] == {"duplicate": 252}


def test_what_was_on_its_way_in_when_the_service_ended_is_gone_after_a_start_two_hours_later(house: House) -> None:
    source = centre(house)
    done = imported(house, source, file_of(ROWS))
    parts = house.count("upload_part")
    cut = Upload(house.parts.database, house.clock)
    cut.take(b"x" * 5000)
    cut.put()
    with_it = house.count("upload_part")
    assert with_it > parts
    house.reopen()
    assert house.count("upload_part") == with_it  # another process may still be receiving it
    house.clock.pass_time(hours=3)
    house.reopen()
    assert house.count("upload_part") == parts
    assert finished(house, done["import"]) == done
