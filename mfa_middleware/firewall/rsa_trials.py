"""What an RSA signature that does not verify was made with: another algorithm, or a padding that is not right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from mfa_middleware.firewall.context import Context
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.keys import Key, KeySet
from mfa_middleware.firewall.keys.signature import verifies
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.jose.jwk import PublicKey

__all__ = ["rsa_trials"]

_DIGESTS: Final = {"RS256": "sha256", "RS384": "sha384", "RS512": "sha512"}
_ALGORITHMS: Final = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
_MOST_KEYS: Final = 2


def rsa_trials(reading: Reading, signed: bytes, keyset: KeySet, context: Context) -> Iterator[Finding]:
    """`signed`: the bytes under the signature. Only the keys that the token may mean are tried, and at most two."""
    if reading.alg not in _ALGORITHMS:
        return
    for key in _meant(reading, keyset):
        if _opens_to_the_hash(key.public, reading, signed):
            yield context.confirmed("rsa_padding")
            return
        for other in _ALGORITHMS:
            if other != reading.alg and verifies(signed, reading.signature, key.public, other):
                yield context.policy("alg_key_mismatch", f"signed with {other}")
                return


def _meant(reading: Reading, keyset: KeySet) -> Sequence[Key]:
    named = keyset.for_kid(reading.kid) if reading.kid is not None else None
    keys = (named,) if named is not None else keyset.fitting(reading.alg)
    return [key for key in keys if key.kty == "RSA"][:_MOST_KEYS]


def _opens_to_the_hash(public: PublicKey, reading: Reading, signed: bytes) -> bool:
    """Whether the hash stands somewhere inside of what the signature opens to (RFC 8017 8.2.2).

    It is known not to verify, so the rest is wrong: surplus bytes, another padding, no identifier of the hash.
    """
    name = _DIGESTS.get(reading.alg)
    if name is None:
        return False
    numbers = public.public_numbers()
    opened = pow(int.from_bytes(reading.signature), numbers.e, numbers.n)
    return hashlib.new(name, signed).digest() in opened.to_bytes(public.key_size + 7 >> 3)
