"""The hash chain of a stream: each link binds an event's bytes to its place and to everything before it."""

import struct
from functools import lru_cache
from hashlib import sha256

GENESIS = bytes(32)

_FRAME = struct.Struct(">16s32s16sQIQqHHHI")
_FORMAT = b"wayproof.chain.1"
_NO_KEY = 0xFFFF  # told apart from an empty key id


def link(
    prev: bytes,
    tenant: str,
    stream: bytes,
    version: int,
    part: int,
    seq: int,
    topic: str,
    recorded_at: int,
    key_id: str | None,
    body: bytes,
) -> bytes:
    """SHA-256 over a frame that names every length, so that no two events have the same frame."""
    names, tenant_size, topic_size, key_size = _names(tenant, topic, key_id)
    frame = _FRAME.pack(
        _FORMAT, prev, stream, version, part, seq, recorded_at, tenant_size, topic_size, key_size, len(body)
    )
    return sha256(frame + names + body).digest()


@lru_cache(maxsize=16_384)
def _names(tenant: str, topic: str, key_id: str | None) -> tuple[bytes, int, int, int]:
    a, b, c = tenant.encode(), topic.encode(), (key_id or "").encode()
    return a + b + c, len(a), len(b), _NO_KEY if key_id is None else len(c)
