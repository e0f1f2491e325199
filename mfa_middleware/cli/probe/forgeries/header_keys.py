"""Family B: keys that the token brings along or points to. The addresses lead nowhere, and nobody here serves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens, by_stranger
from mfa_middleware.cli.probe.signing import SigningKey, certificate_of, fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import hmac_signed
from mfa_middleware.jose.jwk import b64url

__all__ = ["TOKENS"]

_ELSEWHERE: Final = "https://attacker.example/jwks.json"
_SECRET: Final = b"of-the-attacker-alone-0123456789"
_DISGUISED: Final = (
    "https://issuer.example@attacker.example/jwks.json",
    "https://issuer.example\\@attacker.example/",
    "https://issuer.example/login?redirect_uri=https://attacker.example/",
    "https://attacker.example/%2fissuer.example",
)
_INTERNAL: Final = (
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:8080/jwks.json",
    "http://0x7f000001/jwks.json",
    "http://[::1]/jwks.json",
    "data:application/json,{}",
)
_ISSUERS: Final = (
    "https://issuer.example@attacker.example/",
    "https://attacker.example\\issuer.example",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
)


def _own(target: Target, key: SigningKey, **more: object) -> bytes:
    header = {"alg": key.algorithm, "typ": "JWT", "jwk": key.jwk, **more}
    return key.token(header, target.forged_claims)


def _embedded(target: Target) -> Iterator[Forged]:
    for algorithm in ("RS256", "ES256", "EdDSA"):
        yield Forged(_own(target, fresh_key(algorithm)), f"signed with its own {algorithm} key")


def _graft(target: Target) -> Iterator[Forged]:
    for known in target.keys:
        if known.kid is not None and known.algorithm in ("ES256", "RS256"):
            key = fresh_key(known.algorithm)
            grafted = {**key.jwk, "kid": known.kid}
            yield Forged(_own(target, key, jwk=grafted, kid=known.kid), f"kid of the {known.algorithm} key")


def _addresses(member: str, addresses: Iterable[str]) -> Tokens:
    return lambda target: (by_stranger(target, {member: address}, address) for address in addresses)


def _x5c(target: Target) -> Iterator[Forged]:
    for algorithm in ("ES256", "RS256"):
        key = fresh_key(algorithm)
        header = {"alg": algorithm, "typ": "JWT", "x5c": [certificate_of(key, target.clock())]}
        yield Forged(key.token(header, target.forged_claims), f"{algorithm} certificate of its own")


def _x5t(target: Target) -> Iterator[Forged]:
    yield by_stranger(target, {"x5t": b64url(b"\1" * 20)}, "SHA-1")
    yield by_stranger(target, {"x5t#S256": b64url(b"\1" * 32)}, "SHA-256")


def _private(target: Target) -> Iterator[Forged]:
    key = fresh_key("ES256")
    number = key.private.private_numbers().private_value
    jwk = {**key.jwk, "d": b64url(number.to_bytes(32))}
    yield Forged(_own(target, key, jwk=jwk), "with d")


def _symmetric(target: Target) -> Iterator[Forged]:
    header = {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": b64url(_SECRET)}}
    yield Forged(hmac_signed(header, target.forged_claims, _SECRET), "signed with the secret in its header")


def _issuer(target: Target) -> Iterator[Forged]:
    for issuer in _ISSUERS:
        yield Forged(target.signed(claims={**target.claims, "iss": issuer}), issuer)


TOKENS: Final[Mapping[str, Tokens]] = {
    "embedded_jwk": _embedded,
    "jwk_kid_graft": _graft,
    "jku_spoof": _addresses("jku", [_ELSEWHERE]),
    "jku_disguised": _addresses("jku", _DISGUISED),
    "jku_internal": _addresses("jku", _INTERNAL),
    "x5u_spoof": _addresses("x5u", ["https://attacker.example/cert.pem", *_INTERNAL[:2]]),
    "x5c_injection": _x5c,
    "x5t_mismatch": _x5t,
    "private_jwk": _private,
    "symmetric_jwk": _symmetric,
    "issuer_url_trick": _issuer,
}
