"""Files on their way in and out, a part at a time: sealed as they come, opened as they are read, never held whole."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from services.ingest.storage import uploads
from services.runtime.clock import Clock
from services.runtime.keys import DataKey, SmallCipher
from services.runtime.store.database import Database
from services.runtime.tenancy import every_tenant
from services.runtime.wrapping import SECRET_BYTES

PART_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024
WORK = "upload"  # a part has no tenant: it is found by a random name, and opened by the key its submission holds


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that has come: all of it when it is small; otherwise the id of its parts, and the key they are under.

    Either is sealed with the submission. So destroying the submission's key makes the parts unreadable with it.
    """

    raw: bytes
    said: bytes  # what its content is known by
    upload: UUID | None = None

    def open(self, database: Database) -> BinaryIO:
        """From its first byte."""
        return opened(database, self.raw, self.upload)


class Upload:
    """One file on its way in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock, self._id, self._secret = database, clock, uuid4(), os.urandom(SECRET_BYTES)
        self._key, self._digest, self._waiting, self._parts = _key(self._secret), hashlib.sha256(), bytearray(), 0

    def take(self, piece: bytes) -> None:
        """What comes next."""
        self._waiting += piece

    @property
    def full(self) -> bool:
        """Is there a part to be put away?"""
        return len(self._waiting) > PART_BYTES

    def put(self) -> None:
        """Put away the parts that are whole."""
        while self.full:
            self._put(PART_BYTES)

    def end(self) -> Kept:
        """It has come; what is no larger than one part is kept as it is."""
        if not self._parts:
            raw = bytes(self._waiting)
            return Kept(raw, raw)
        self._put(len(self._waiting))
        return Kept(self._secret, self._digest.digest(), self._id)

    def drop(self) -> None:
        """It is not taken."""
        if self._parts:
            with every_tenant(WORK), self._database.write() as cursor:
                uploads.drop_upload(cursor, self._id)

    def _put(self, size: int) -> None:
        plain = bytes(self._waiting[:size])
        self._digest.update(plain)
        sealed = self._key.seal(plain, _context(self._id, self._parts))
        with every_tenant(WORK), self._database.write() as cursor:
            uploads.put_part(cursor, self._id, self._parts, sealed, self._clock.now())
        self._parts += 1
        del self._waiting[:size]


Opens = Callable[[], BinaryIO]


def whole(opens: Opens) -> bytes:
    """All of a file, for formats that cannot be read from front to back."""
    with opens() as file:
        return file.read()


def opener(database: Database, raw: bytes, upload: UUID | None) -> Opens:
    """Opens a file as often as it is read."""
    return partial(opened, database, raw, upload)


def opened(database: Database, raw: bytes, upload: UUID | None) -> BinaryIO:
    """A file by what its submission says: all of it, or the key of its parts."""
    if upload is None:
        return io.BytesIO(raw)
    return io.BufferedReader(_Parts(database, upload, _key(raw)), READ_BYTES)


class _Parts(io.RawIOBase):
    """Opens one part after the other."""

    def __init__(self, database: Database, upload: UUID, key: DataKey) -> None:
        self._database, self._upload, self._key = database, upload, key
        self._at, self._number, self._part = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        assert whence in {io.SEEK_SET, io.SEEK_CUR}, "where it ends is not known before it is read"
        self._at = offset if whence == io.SEEK_SET else self._at + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, begin = divmod(self._at, PART_BYTES)
        if number != self._number:
            self._number, self._part = number, self._opened(number)
        piece = self._part[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _opened(self, number: int) -> bytes:
        with every_tenant(WORK), self._database.read() as cursor:
            sealed = uploads.part_of(cursor, self._upload, number)
        return b"" if sealed is None else self._key.open(sealed, _context(self._upload, number))


def _key(secret: bytes) -> DataKey:
    return DataKey("", SmallCipher(secret))


def _context(upload: UUID, part: int) -> bytes:
    return upload.bytes + part.to_bytes(8, "big")
