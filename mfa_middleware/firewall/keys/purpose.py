"""The one algorithm of each key: what its JWK says, else what its type, its curve and MFA_JWT_ALGORITHMS leave.

A key that goes with two algorithms is what lets a forger choose between them (RFC 8725 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from mfa_middleware.firewall.keys.key import BadKey, NotAccepted

__all__ = ["MIN_SECRET", "algorithm_for", "names_of"]

_BY_CURVE: Final = {
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
    "secp256k1": "ES256K",
    "Ed25519": "Ed25519",
    "Ed448": "Ed448",
}
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
MIN_SECRET: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The least length of an HMAC key in bytes (RFC 7518 3.2)."""


def names_of(algorithm: str) -> frozenset[str]:
    """What tokens may call an algorithm; EdDSA is the older name of Ed25519 and of Ed448 (RFC 9864)."""
    return frozenset({algorithm, "EdDSA"}) if algorithm in ("Ed25519", "Ed448") else frozenset({algorithm})


def algorithm_for(jwk: Mapping[str, object], accepted: Set[str]) -> str:
    """The algorithm of a JWK; `accepted` is MFA_JWT_ALGORITHMS, empty where the app does not say.

    RSA and HMAC keys without `alg` take the only algorithm of their type in `accepted`, else RS256 or HS256.
    Raises BadKey where `alg` does not fit the key, and NotAccepted where it is not in `accepted`.
    """
    possible = _possible(jwk)
    stated = jwk.get("alg")
    if stated is None:
        algorithm = _chosen(possible, accepted)
    elif (algorithm := _canonical(stated, possible)) not in possible:
        raise BadKey(f"its alg does not fit it; such a key is for {', '.join(possible) or 'nothing that is supported'}")
    if accepted and names_of(algorithm).isdisjoint(accepted):
        raise NotAccepted(f"it is for {algorithm}, which is not in MFA_JWT_ALGORITHMS")
    return algorithm


def _possible(jwk: Mapping[str, object]) -> tuple[str, ...]:
    kty = jwk.get("kty")
    if kty == "RSA":
        return _RSA
    if kty == "oct":
        return tuple(MIN_SECRET)
    if kty == "AKP":
        return tuple(name for name in ("ML-DSA-44", "ML-DSA-65") if name == jwk.get("alg"))
    curve = jwk.get("crv")
    return (_BY_CURVE[curve],) if isinstance(curve, str) and curve in _BY_CURVE else ()


def _canonical(stated: object, possible: tuple[str, ...]) -> str:
    if stated == "EdDSA" and possible in (("Ed25519",), ("Ed448",)):
        return possible[0]
    return stated if isinstance(stated, str) else ""


def _chosen(possible: tuple[str, ...], accepted: Set[str]) -> str:
    if not possible:
        raise BadKey("its type or curve is not supported")
    fitting = [name for name in possible if not accepted or not names_of(name).isdisjoint(accepted)]
    if not fitting:
        raise NotAccepted("it goes with no algorithm of MFA_JWT_ALGORITHMS")
    if len(fitting) == 1 or fitting[0] in ("RS256", "HS256"):
        return fitting[0]
    raise BadKey(f"it may be for {' or '.join(fitting)}; write it as a JWK with alg")
