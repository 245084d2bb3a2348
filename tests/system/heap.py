"""Whoever gets hold of everything: all values of all databases, topics and files, and every key to be had of them.

It knows the formats and nothing else: what wraps and what is sealed is AES-256-GCM, whose cipher is AES in counter mode
(NIST SP 800-38D). Its tag only proves; so whatever a key was meant for, what it opens is read without the context.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

KEY, NONCE, TAG = 32, 12, 16
WRAPPED = NONCE + KEY + TAG
SEALED = b"\x01"
LOOK = 64  # bytes that tell whether it is text
TEXT_LEAST = 14  # fewer could be text by chance
TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
GENERATIONS = range(4)
Row = Mapping[str, object]


@dataclass
class Heap:
    """Rows as they lie there, and every string of bytes within them."""

    rows: list[Row] = field(default_factory=list)
    values: set[bytes] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """One row, or one record of a topic."""
        self.rows.append(row)
        for value in row.values():
            if isinstance(value, str | bytes | memoryview):
                self.values |= within(value.encode() if isinstance(value, str) else bytes(value))

    def __or__(self, other: Heap) -> Heap:
        return Heap(self.rows + other.rows, self.values | other.values)

    @property
    def sealed(self) -> set[bytes]:
        """What may be a sealed blob."""
        return {value for value in self.values if value[:1] == SEALED and len(value) > NONCE + TAG + 1}


def within(value: bytes) -> set[bytes]:
    """It, and all that is written within it as base64."""
    found = {value}
    if value[:1] in {b"{", b"["}:
        with suppress(ValueError):
            for text in _texts(json.loads(value)):
                with suppress(ValueError):
                    found.add(base64.b64decode(text, validate=True))
    return found


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict | list):
        for each in said.values() if isinstance(said, dict) else said:
            yield from _texts(each)


def of_files(folder: Path, scratch: Path) -> Heap:
    """Every SQLite file of a folder, with its write-ahead log; looked at in a copy."""
    heap, copy = Heap(), scratch / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    for path in sorted(copy.rglob("*.db")):
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (table,) in connection.execute(tables).fetchall():
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    heap.add(dict(row))
    assert heap.rows, "there is something to look through"
    return heap


def of_server(url: str) -> Heap:
    """Every table of every schema of a PostgreSQL database."""
    import psycopg
    from psycopg.rows import dict_row

    heap = Heap()
    ours = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for table in connection.execute(ours).fetchall():
            name = psycopg.sql.Identifier(table["schemaname"], table["tablename"])
            for row in connection.execute(psycopg.sql.SQL("SELECT * FROM {}").format(name)):
                heap.add(row)
    assert heap.rows, "there is something to look through"
    return heap


# ---- keys


def obtainable(heap: Heap, masters: Iterable[bytes]) -> set[bytes]:
    """The masters, and whatever unwraps by what was had before, until nothing more does."""
    known: set[bytes] = set()
    fresh = set(masters)
    wrapped = [
        (bytes(value), context)
        for row in heap.rows
        for value in row.values()
        if isinstance(value, bytes | memoryview) and len(value) == WRAPPED
        for context in _contexts(row)
    ]
    while fresh:
        known |= fresh
        ciphers = [AESGCM(key) for key in fresh]
        found = {_unwrapped(cipher, blob, context) for cipher in ciphers for blob, context in wrapped}
        fresh = {key for key in found if key is not None} - known
    return known


def _contexts(row: Row) -> set[bytes]:
    """What a wrapped key may be bound to, by the columns beside it."""
    tenant = row.get("tenant")
    said = {f"tenant|{tenant}", f"signing|{tenant}", f"{tenant}|{row.get('purpose')}", str(row.get("id"))}
    said |= {f"wrap|{tenant}|{generation}" for generation in GENERATIONS}
    return {each.encode() for each in said}


def _unwrapped(cipher: AESGCM, blob: bytes, context: bytes) -> bytes | None:
    try:
        return cipher.decrypt(blob[:NONCE], blob[NONCE:], context)
    except InvalidTag:
        return None


# ---- what they open


def opened(heap: Heap, keys: set[bytes]) -> dict[bytes, bytes]:
    """Every sealed blob that reads as something under any of the keys, and what it says."""
    held = keys | _keys_of_parts(heap, keys)
    return {blob: plain for blob in heap.sealed for key in held if (plain := _read(key, blob)) is not None}


def _keys_of_parts(heap: Heap, keys: set[bytes]) -> set[bytes]:
    """A file's parts are under a key that its submission is: any blob just long enough may be one."""
    small = [blob for blob in heap.sealed if len(blob) == 1 + NONCE + KEY + TAG]
    return {_decrypted(key, blob) for key in keys for blob in small}


def _read(key: bytes, blob: bytes) -> bytes | None:
    begin = _decrypted(key, blob[: 1 + NONCE + LOOK + TAG])
    if not (_is_text(begin) or begin.startswith(b"PK\x03\x04")):
        return None
    return _decrypted(key, blob)


def _is_text(begin: bytes) -> bool:
    """JSON, CSV or words; a byte-order mark before them is let pass."""
    said = begin.removeprefix(b"\xef\xbb\xbf")
    return len(said) >= TEXT_LEAST and TEXT.issuperset(said)


def _decrypted(key: bytes, blob: bytes) -> bytes:
    counter = blob[1 : 1 + NONCE] + (2).to_bytes(4, "big")
    return Cipher(AES(key), CTR(counter)).decryptor().update(blob[1 + NONCE : -TAG])


def said(plain: bytes) -> bytes:
    """What it says, unpacked when it is a package."""
    if not plain.startswith(b"PK"):
        return plain
    with zipfile.ZipFile(io.BytesIO(plain)) as package:
        return plain + b"".join(package.read(name) for name in package.namelist())
