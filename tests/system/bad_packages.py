"""Packages that are no OneRoster results: damaged, dishonest, too large, or with paths for names."""

import io
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.system.bad_doors import DOORS, MARK, OTHER, Call, Particular, Premises, package_files, zipped

GOOD = next(door.good for door in DOORS if door.name == "file")
PLANTED = MARK.encode()


def _package(name: str, build: Callable[[dict[str, bytes]], bytes]) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        return replace(GOOD(p, serial), files=(), content=build(package_files(serial)))

    return Particular(f"file: {name}", make)


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return _zip_of([(zipfile.ZipInfo(name), text) for name, text in files.items()], method)


def _zip_of(entries: list[tuple[zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as package:
        for info, text in entries:
            info.compress_type = method
            package.writestr(info, text)
    return buffer.getvalue()


def _also(name: str, text: bytes = b"x") -> Callable[[dict[str, bytes]], bytes]:
    return lambda files: _zip({**files, name: text})


def _moved(prefix: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda files: _zip({prefix + name: text for name, text in files.items()})


def _link(files: dict[str, bytes]) -> bytes:
    link = zipfile.ZipInfo("results.csv")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    rest = [(zipfile.ZipInfo(name), text) for name, text in files.items() if name != "results.csv"]
    return _zip_of([*rest, (link, b"/etc/passwd")])


def _encrypted(files: dict[str, bytes]) -> bytes:
    """The flag in every local header and directory entry."""
    raw = bytearray(_zip(files, zipfile.ZIP_STORED))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(mark)
        while start >= 0:
            raw[start + at] |= 1
            start = raw.find(mark, start + 4)
    return bytes(raw)


def _nul_in_name(files: dict[str, bytes]) -> bytes:
    return _zip({**files, "zz_planted.csv": b"x"}).replace(b"zz_planted.csv", b"zz_planted\0csv")


def _lying_size(files: dict[str, bytes]) -> bytes:
    raw = bytearray(_zip(files, zipfile.ZIP_STORED))
    start = raw.find(b"PK\x01\x02")
    raw[start + 24 : start + 28] = (2**31).to_bytes(4, "little")
    return bytes(raw)


def _broken(files: dict[str, bytes]) -> bytes:
    raw = bytearray(_zip(files, zipfile.ZIP_STORED))
    at = raw.find(PLANTED)
    raw[at : at + 3] = b"ZQ8"
    return bytes(raw)


@cache
def _bomb(size: int) -> bytes:
    """About 1:1000, and its twin beside it."""
    return _zip({"manifest.csv": b"propertyName,value\n", "results.csv": bytes(size)})


def _many(files: dict[str, bytes]) -> bytes:
    return _zip({**files, **{f"f{number}.csv": b"" for number in range(100)}})


def _twice(files: dict[str, bytes]) -> bytes:
    return _zip_of([(zipfile.ZipInfo(name), text) for name, text in [*files.items(), *files.items()]])


def _text(name: str, change: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], bytes]:
    return lambda files: _zip({**files, name: change(files[name])})


def _swapped(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], bytes]:
    return _text(name, lambda text: text.replace(old, new, 1))


def _left_out(name: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda files: _zip({key: text for key, text in files.items() if key != name})


def _another_tenants_file(p: Premises, serial: str) -> Call:
    call = zipped(p, GOOD(p, serial), serial)
    return replace(call, path=f"/v1/files/{OTHER}.forms")


PACKAGES = [
    _package("empty", lambda files: b""),
    _package("no ZIP", lambda files: PLANTED * 100),
    _package("empty ZIP", lambda files: _zip({})),
    _package("only its first bytes", lambda files: b"PK\x03\x04"),
    _package("cut off", lambda files: _zip(files)[:-30]),
    _package("its directory only", lambda files: _zip(files)[-200:]),
    _package("damaged", _broken),
    _package("says another size", _lying_size),
    _package("encrypted", _encrypted),
    _package("bzip2", lambda files: _zip(files, zipfile.ZIP_BZIP2)),
    _package("a link", _link),
    _package("a file twice", _twice),
    _package("a file twice but for its case", _also("Results.csv")),
    _package("103 files", _many),
    _package("a bomb of 50 MB", lambda files: _bomb(50_000_000)),
    _package("a bomb of 150 MB", lambda files: _bomb(150_000_000)),
    *(_package(f"path {name!r}", _also(name)) for name in
      ("../results.csv", "/etc/passwd", "a/b.csv", "..\\up.csv", "C:\\x.csv", "C:x.csv", ".hidden", "x.csv/", "é.csv")),
    _package("everything in a folder", _moved("export/")),
    _package("NUL in a name", _nul_in_name),
    _package("no manifest", _left_out("manifest.csv")),
    _package("no results", _left_out("results.csv")),
    _package("another version", _swapped("manifest.csv", b"oneroster.version,1.2", b"oneroster.version,9")),
    _package("manifest not UTF-8", _text("manifest.csv", lambda text: text + b"\xff\xfe\n")),
    _package("results not UTF-8", _text("results.csv", lambda text: text + b"\xff,\n")),
    _package("results in UTF-16", _text("results.csv", lambda text: text.decode().encode("utf-16"))),
    _package("results without a header", _text("results.csv", lambda text: b"")),
    _package("columns in another order", _swapped("results.csv", b"sourcedId,status", b"status,sourcedId")),
    _package("a quote that never closes", _swapped("results.csv", PLANTED, b'"' + PLANTED)),
    _package("a cell of 200 KB", _swapped("results.csv", PLANTED, PLANTED * 18_000)),
    _package("an objective of nobody's result", _swapped("resultLearningObjectiveIds.csv", b"res-", PLANTED)),
    Particular("file: to another tenant's source", _another_tenants_file),
]  # fmt: skip
