"""A body taken a piece at a time, for what is too large to be held; bounded as any other."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.runtime.limits import (
    BodyIncomplete,
    BodyNotDecompressible,
    BodyTooLarge,
    BodyTooSlow,
    EncodingNotSupported,
    declared_length,
)

PIECE_BYTES_MAX = 256 * 1024
Take = Callable[[bytes], Awaitable[None]]


async def receive_body(request: Request, bytes_max: int, timeout_s: float, take: Take) -> None:
    """As `limits.read_body`, never holding more than a piece: `take` is given one after the other, decompressed."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise EncodingNotSupported
    declared = declared_length(request, bytes_max)
    plain = _Plain(bytes_max) if encoding in {"identity", ""} else _Inflated(bytes_max)
    try:
        async with asyncio.timeout(timeout_s):
            received = await _receive(request, bytes_max, plain, take)
    except TimeoutError:
        raise BodyTooSlow(timeout_s=timeout_s) from None
    except ClientDisconnect:
        raise BodyIncomplete from None
    if declared is not None and declared != received:
        raise BodyIncomplete
    plain.end()


async def _receive(request: Request, bytes_max: int, plain: "_Plain", take: Take) -> int:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > bytes_max:
            raise BodyTooLarge(bytes_max=bytes_max)
        for piece in plain.pieces(chunk):
            await take(piece)
    return received


class _Plain:
    """A body as it is."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = self._left = bytes_max

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What is to be taken of it."""
        yield chunk

    def end(self) -> None:
        """There is no more."""


class _Inflated(_Plain):
    """One gzip member, never more than a piece of it at once however much it says it holds."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(bytes_max)
        self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                piece = self._inflater.decompress(chunk, PIECE_BYTES_MAX)
            except zlib.error:
                raise BodyNotDecompressible from None
            self._left -= len(piece)
            if self._left < 0:
                raise BodyTooLarge(bytes_max=self._bytes_max)
            yield piece
            if self._inflater.unused_data:
                raise BodyNotDecompressible
            chunk = self._inflater.unconsumed_tail

    def end(self) -> None:
        if not self._inflater.eof or self._inflater.unused_data:
            raise BodyNotDecompressible
