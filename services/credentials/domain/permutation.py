"""A keyed permutation of status list positions: looks random, never collides, needs no retry."""

import hashlib
import hmac

BITS = 17
POSITIONS = 1 << BITS  # 131,072: the least a Bitstring status list may hold
ROUNDS = 8  # even, so that the halves end where they began
_HIGH_BITS = BITS // 2
_LOW_BITS = BITS - _HIGH_BITS


def place(secret: bytes, ordinal: int) -> int:
    """Where the `ordinal`-th credential of a list stands: a Feistel network over an 8-bit and a 9-bit half."""
    if not 0 <= ordinal < POSITIONS:
        raise ValueError("a status list has 131,072 positions")
    high, low = ordinal >> _LOW_BITS, ordinal & ((1 << _LOW_BITS) - 1)
    for number in range(0, ROUNDS, 2):
        high ^= _mix(secret, number, low) & ((1 << _HIGH_BITS) - 1)
        low ^= _mix(secret, number + 1, high) & ((1 << _LOW_BITS) - 1)
    return high << _LOW_BITS | low


def _mix(secret: bytes, number: int, half: int) -> int:
    digest = hmac.digest(secret, number.to_bytes(1, "big") + half.to_bytes(2, "big"), hashlib.sha256)
    return int.from_bytes(digest[:2], "big")
