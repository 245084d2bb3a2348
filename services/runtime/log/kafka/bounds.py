"""A batch of records that would grow beyond bounds when decompressed is left out before it does.

kafka-python decompresses whatever a batch holds, at once and without a bound (261 kB became 268 MB), and has no hook;
so the class it reads batches with is replaced by one that does the same within bounds. Our own producers compress
nothing: what they send is sealed and does not shrink, and `wayproof topics` has the broker keep it uncompressed.
A batch that is left out reads as empty. Were it one of ours, the seqs after it show what is missing: an incident.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import ClassVar

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch

from services.runtime.log.kafka.connection import RECORD_BYTES_MAX
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

GZIP = zlib.MAX_WBITS | 16
BATCH_BYTES_MAX = 2 * RECORD_BYTES_MAX


class BoundedBatch(DefaultRecordBatch):  # type: ignore[misc]
    """The library's batch, with a bound on what it may become."""

    _decompressed: bool
    left_out: ClassVar[int] = 0  # in this process, since it started

    def _maybe_uncompress(self) -> None:
        if self._decompressed or self.compression_type == self.CODEC_NONE:
            self._decompressed = True
            return
        plain = self._inflated() if self.compression_type == self.CODEC_GZIP else None
        if plain is None:
            plain = self._leave_out()
        self._buffer, self._pos, self._decompressed = plain, 0, True

    def _inflated(self) -> bytearray | None:
        """Every member of the gzip file, as the library reads it; nothing when it is damaged or too large."""
        plain, rest = bytearray(), bytes(memoryview(self._buffer)[self._pos :])
        while rest:
            inflater = zlib.decompressobj(GZIP)
            try:
                plain += inflater.decompress(rest, BATCH_BYTES_MAX + 1 - len(plain))
            except zlib.error:
                return None
            if len(plain) > BATCH_BYTES_MAX or not inflater.eof:
                return None
            rest = inflater.unused_data
        return plain

    def _leave_out(self) -> bytearray:
        log.error(
            "a batch that cannot be read within bounds is left out", offset=self.base_offset, bytes=len(self._buffer)
        )
        BoundedBatch.left_out += 1
        self._num_records = 0
        return bytearray()


@cache
def install() -> None:
    """From now on every consumer of this process reads within bounds."""
    assert memory_records.DefaultRecordBatch is DefaultRecordBatch, "the library reads batches in another way"
    memory_records.DefaultRecordBatch = BoundedBatch
