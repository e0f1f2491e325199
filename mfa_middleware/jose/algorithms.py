"""The signature algorithms of proofs: which keys each fits, and how a signature is verified (RFC 7518 3, RFC 9864).

The table is closed and asymmetric: no name in it leads to an HMAC or to `none`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from mfa_middleware.jose.jwk import PublicKey, load_public_key
from mfa_middleware.jose.strict import Malformed

__all__ = ["ALGORITHMS", "Algorithm", "InvalidSignature", "Verify", "same_algorithm", "verifier"]

Verify: TypeAlias = Callable[[bytes, bytes], None]
"""verify(signature, message): returns for a good signature, raises InvalidSignature for any other."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A signature algorithm: its JOSE name, the key type and curve it needs, and how to bind it to a key."""

    name: str
    kty: str
    crv: str | None
    bind: Callable[[PublicKey], Verify]

    def fits(self, jwk: Mapping[str, str]) -> bool:
        """Whether a public JWK is of the type, and on the curve, that this algorithm needs."""
        if self.kty == "AKP":
            return jwk.get("kty") == "AKP" and jwk.get("alg") == self.name
        return jwk.get("kty") == self.kty and (self.crv is None or jwk.get("crv") == self.crv)


_DER_HEADS: Final = tuple(bytes((2, length)) for length in range(50))


def _der_integer(raw: bytes) -> bytes:
    if not 0 < raw[0] < 0x80:
        raw = raw.lstrip(b"\0") or b"\0"
        if raw[0] & 0x80:
            raw = b"\0" + raw
    return _DER_HEADS[len(raw)] + raw


def _ecdsa(key: PublicKey, *, size: int, digest: hashes.HashAlgorithm) -> Verify:
    algorithm, check = ec.ECDSA(digest), key.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        body = _der_integer(signature[:size]) + _der_integer(signature[size:])
        check(b"0%c%b" % (len(body), body), message, algorithm)

    return verify


def _pss(key: PublicKey) -> Verify:
    digest = hashes.SHA256()
    scheme, size, check = padding.PSS(padding.MGF1(digest), 32), key.key_size + 7 >> 3, key.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != size:
            raise InvalidSignature
        check(signature, message, scheme, digest)

    return verify


def _pkcs1(key: PublicKey) -> Verify:
    digest, scheme, size, check = hashes.SHA256(), padding.PKCS1v15(), key.key_size + 7 >> 3, key.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != size:
            raise InvalidSignature
        check(signature, message, scheme, digest)

    return verify


def _plain(key: PublicKey, *, size: int) -> Verify:
    check = key.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != size:
            raise InvalidSignature
        check(signature, message)

    return verify


_ed25519 = partial(_plain, size=64)

ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("ES256", "EC", "P-256", partial(_ecdsa, size=32, digest=hashes.SHA256())),
        Algorithm("ES384", "EC", "P-384", partial(_ecdsa, size=48, digest=hashes.SHA384())),
        Algorithm("Ed25519", "OKP", "Ed25519", _ed25519),
        Algorithm("EdDSA", "OKP", "Ed25519", _ed25519),
        Algorithm("PS256", "RSA", None, _pss),
        Algorithm("RS256", "RSA", None, _pkcs1),
        Algorithm("ML-DSA-44", "AKP", None, partial(_plain, size=2420)),
        Algorithm("ML-DSA-65", "AKP", None, partial(_plain, size=3309)),
    )
}

_ED25519_NAMES: Final = frozenset({"Ed25519", "EdDSA"})


def same_algorithm(one: str, other: str) -> bool:
    """Whether two names mean the same algorithm; RFC 9864 gave EdDSA over Ed25519 the name Ed25519."""
    return one == other or (one in _ED25519_NAMES and other in _ED25519_NAMES)


def verifier(jwk: Mapping[str, str], name: str) -> Verify:
    """The verify function of one key under one algorithm.

    Raises Malformed where the algorithm is not in the table, does not fit the key, or the key is invalid.
    """
    algorithm = ALGORITHMS.get(name)
    if algorithm is None or not algorithm.fits(jwk):
        raise Malformed("the algorithm does not fit the key")
    try:
        return algorithm.bind(load_public_key(jwk))
    except UnsupportedAlgorithm as error:
        raise Malformed("the algorithm is not available here") from error
