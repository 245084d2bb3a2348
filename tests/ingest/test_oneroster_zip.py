"""ZIP files nobody should send: each is refused by name, none is unpacked."""

import io
import random
import stat
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.formats.zip_package import FILES_MAX, PackageRefused, PackageTooLarge, read_package
from tests.support.paths import SHARED_DATA

VALID = (SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content, compress_type=method)
    return out.getvalue()


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_a_plain_package_is_read_whole():
    assert read_package(zipped(("a.csv", b"1"), ("b.csv", b""))) == {"a.csv": b"1", "b.csv": b""}
    assert len(read_package(VALID)) == 13


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../a.csv",
            "/etc/a.csv",
            "dir/a.csv",
            "..\\a.csv",
            "C:a.csv",
            "a.csv\x00.exe",
            "a",
            ".csv",
            "dir/",
            "a..csv",
        ),
        *("ä.csv", "a.csv ", " a.csv", "a b.csv", "x" * 70 + ".csv", "a.csv/", "\u202ea.csv"),
    ],
)
def test_a_name_that_is_not_a_plain_file_name_is_refused(name):
    info = zipfile.ZipInfo("q" * len(name.encode()))
    raw = zipped((info, b"x")).replace(info.filename.encode(), name.encode())
    with pytest.raises(PackageRefused):
        read_package(raw)


@pytest.mark.parametrize("names", [("a.csv", "a.csv"), ("a.csv", "A.csv")])
def test_the_same_name_twice_is_refused_in_any_case_of_letters(names):
    first, second = names
    raw = zipped((first, b"1"), ("q.csv", b"2")).replace(b"q.csv", second.encode())
    with pytest.raises(PackageRefused):
        read_package(raw)


@pytest.mark.parametrize(
    "mode", [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644]
)
def test_links_and_devices_are_refused(mode):
    with pytest.raises(PackageRefused):
        read_package(zipped((member("a.csv", mode), b"/etc/passwd")))


def test_an_encrypted_file_is_refused():
    raw = bytearray(zipped(("a.csv", b"x")))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(PackageRefused):
        read_package(bytes(raw))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_compression_are_refused(method):
    with pytest.raises(PackageRefused):
        read_package(zipped(("a.csv", b"x" * 100), method=method))


def test_a_bomb_is_refused_without_being_unpacked():
    bomb = zipped(("a.csv", b"0" * (48 * 1024 * 1024)))
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(PackageTooLarge):
        read_package(bomb)
    assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_refused_without_being_unpacked():
    bomb = bytearray(zipped(("a.csv", b"0" * (48 * 1024 * 1024))))
    central = bomb.index(b"PK\x01\x02")
    struct.pack_into("<I", bomb, central + 24, 1000)
    tracemalloc.start()
    with pytest.raises(PackageRefused):
        read_package(bytes(bomb))
    assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    tracemalloc.stop()


def test_too_many_files_are_refused_before_the_directory_is_read():
    names = [(f"f{n}.csv", b"") for n in range(FILES_MAX + 1)]
    assert len(read_package(zipped(*names[:-1]))) == FILES_MAX
    with pytest.raises(PackageTooLarge):
        read_package(zipped(*names))


def test_many_files_together_too_large_are_refused():
    noise = random.Random(1).randbytes(4096)
    with pytest.raises(PackageTooLarge):
        read_package(zipped(*((f"f{n}.csv", noise * 1200) for n in range(30))))


@pytest.mark.parametrize(
    "raw",
    [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"#!/bin/sh\n" + VALID, VALID[:-30], VALID[: len(VALID) // 2]],
)
def test_what_is_no_zip_or_only_part_of_one_is_refused(raw):
    with pytest.raises(PackageRefused):
        read_package(raw)


def test_a_damaged_file_is_refused():
    raw = bytearray(zipped(("a.csv", b"hello, world"), method=zipfile.ZIP_STORED))
    raw[raw.index(b"hello")] ^= 1
    with pytest.raises(PackageRefused):
        read_package(bytes(raw))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    with pytest.raises(PackageRefused):
        read_package(raw)


SMALL = zipped(("a.csv", b"a,b\n1,2\n" * 5), ("b.csv", b"x"))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_package_with_any_bytes_changed_is_read_or_refused(changes):
    raw = bytearray(SMALL)
    for place, byte in changes:
        raw[place] = byte
    try:
        members = read_package(bytes(raw))
    except PackageRefused:
        return
    assert all(name.isascii() and "/" not in name for name in members)
