"""RSA keys that can be factored because of how one library chose their primes (CVE-2017-15361, ROCA)."""

from __future__ import annotations

from functools import cache
from typing import Final

__all__ = ["is_roca"]

_GENERATOR: Final = 65_537
_PRIMES: Final = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip


@cache
def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime - 1))


def is_roca(modulus: int) -> bool:
    """Whether a modulus is a power of 65537 modulo each small prime, as one in 2^27 others is by chance."""
    return all(modulus % prime in _powers(prime) for prime in _PRIMES)
