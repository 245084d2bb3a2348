"""HMAC-SHA-256 with a key that is used again and again."""

from hashlib import sha256

BLOCK_BYTES = 64


class KeyedDigest:
    """HMAC in two hashes begun beforehand: the library's own is twice the work, and lets go of the interpreter."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """RFC 2104, of a key that is no longer than a block."""
        assert len(key) <= BLOCK_BYTES
        block = key.ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, *parts: bytes) -> bytes:
        """32 bytes, of what the parts say one after the other."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            inner.update(part)
        outer.update(inner.digest())
        return outer.digest()
