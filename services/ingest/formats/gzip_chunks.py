"""A file in pieces, unpacked when it is gzip: a piece in memory at a time, and never more in all than a limit."""

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Final

from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge

CHUNK_BYTES: Final = 64 * 1024
UNPACKED_BYTES_MAX: Final = 256 * 1024 * 1024
MAGIC: Final = b"\x1f\x8b"


class GzipRefused(PackageRefused):
    """The gzip file is damaged, cut short, or has something behind its end."""


def chunks(file: BinaryIO, *, bytes_max: int = UNPACKED_BYTES_MAX) -> Iterator[bytes]:
    """The file's content in order; a gzip file holds one member."""
    first = file.read(CHUNK_BYTES)
    plain = chain([first], iter(lambda: file.read(CHUNK_BYTES), b""))
    total = 0
    for piece in _unpacked(plain) if first.startswith(MAGIC) else plain:
        total += len(piece)
        if total > bytes_max:
            raise PackageTooLarge(bytes_max=bytes_max)
        yield piece


def _unpacked(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for piece in packed:
            if inflater.eof:
                raise GzipRefused
            yield inflater.decompress(piece, CHUNK_BYTES)
            while inflater.unconsumed_tail and not inflater.eof:
                yield inflater.decompress(inflater.unconsumed_tail, CHUNK_BYTES)
    except zlib.error:
        raise GzipRefused from None
    if not inflater.eof or inflater.unused_data:
        raise GzipRefused
