"""Which partition a key belongs to: our own function, so that every log adapter and every store agree."""

from functools import lru_cache
from hashlib import sha256


@lru_cache(maxsize=16_384)
def partition_of(key: str, partitions: int) -> int:
    """The first 8 bytes of SHA-256(key), modulo the number of partitions."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big") % partitions
