"""A ZIP of named flat files, read with bounds: no paths, no tricks, never more in memory than is allowed."""

import io
import re
import stat
import struct
import zipfile
import zlib
from typing import Final

from services.runtime.problems import Refusal

PACKAGE_BYTES_MAX: Final = 32 * 1024 * 1024
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
TOTAL_BYTES_MAX: Final = 128 * 1024 * 1024
FILES_MAX: Final = 64
RATIO_MAX: Final = 200
RATIO_FREE_BYTES: Final = 1024 * 1024  # small files of repeated text compress better than any bomb needs to
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}\.[a-z]{1,8}", re.ASCII)
ENCRYPTED: Final = 0x1
METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
CENTRAL_ENTRY: Final = b"PK\x01\x02"
# What zipfile and zlib raise on bytes that are no ZIP, or only pretend to be.
BROKEN: Final = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, LookupError, NotImplementedError, RuntimeError, OverflowError),
)


class PackageRefused(Refusal):
    """The package cannot be read."""


class PackageTooLarge(PackageRefused):
    """The package holds more than is taken."""

    status = 413


def read_package(raw: bytes) -> dict[str, bytes]:
    """Every file by name."""
    if len(raw) > PACKAGE_BYTES_MAX:
        raise PackageTooLarge(bytes_max=PACKAGE_BYTES_MAX)
    if not raw.startswith(b"PK\x03\x04"):
        raise PackageRefused("not a ZIP file")
    if raw.count(CENTRAL_ENTRY) > FILES_MAX:  # before the directory is built in memory
        raise PackageTooLarge(f"at most {FILES_MAX} files")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = archive.infolist()
            _check(infos)
            return _extract(archive, infos)
    except BROKEN:
        raise PackageRefused("damaged, or not a ZIP file") from None


def _check(infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        _check_kind(info)
        if info.file_size > FILE_BYTES_MAX or _is_bomb(info.file_size, info.compress_size):
            raise PackageTooLarge("a file is too large, or compressed too far to be data")
    if sum(info.file_size for info in infos) > TOTAL_BYTES_MAX:
        raise PackageTooLarge(bytes_max=TOTAL_BYTES_MAX)
    if len({info.orig_filename.casefold() for info in infos}) != len(infos):
        raise PackageRefused("a file is there twice")


def _check_kind(info: zipfile.ZipInfo) -> None:
    """Names are checked as they stand in the file: zipfile cuts them at a NUL and turns backslashes."""
    if NAME.fullmatch(info.orig_filename) is None:
        raise PackageRefused("a file's name is a path, or not a plain name like results.csv")
    if info.flag_bits & ENCRYPTED:
        raise PackageRefused("a file is encrypted")
    if info.compress_type not in METHODS:
        raise PackageRefused("a file is compressed by a method other than deflate")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise PackageRefused("a file is a link or a device")


def _extract(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    """What the directory says of sizes is not believed: at most what it said is read, and less or more is damage."""
    found: dict[str, bytes] = {}
    for info in infos:
        with archive.open(info) as entry:
            content = entry.read(info.file_size + 1)
        if len(content) != info.file_size:
            raise PackageRefused("a file is not as long as the package says")
        found[info.orig_filename] = content
    return found


def _is_bomb(size: int, compressed: int) -> bool:
    return size > RATIO_FREE_BYTES and size > compressed * RATIO_MAX
