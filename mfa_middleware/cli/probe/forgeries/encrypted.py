"""Family G: encrypted tokens where signed ones are expected. Anybody can encrypt to a public key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import compact, segment
from mfa_middleware.jose.jwk import b64url

__all__ = ["TOKENS"]

_TAG: Final = 16


def _encrypted(header: Mapping[str, Any], plain: bytes, *, wrapped: bytes | None = None, key: bytes | None = None,
               tag: int = _TAG) -> bytes:  # fmt: skip
    """A JWE in compact form (RFC 7516 3.1); `wrapped`: its encrypted key, `tag`: how much of the tag is kept."""
    protected = segment(header)
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key or secrets.token_bytes(32)).encrypt(nonce, plain, protected)
    parts = (secrets.token_bytes(40) if wrapped is None else wrapped, nonce, sealed[:-_TAG], sealed[-_TAG:][:tag])
    return b".".join((protected, *map(segment, parts)))


def _wrapping(target: Target) -> Iterator[Forged]:
    """An unsigned token, encrypted to the public key of the app, which is why a careless verifier believes it."""
    known = target.key("RS256")
    public = known.public if known is not None else fresh_key("RS256").private.public_key()
    secret = secrets.token_bytes(32)
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303 - RSA-OAEP is defined with SHA-1
    header = {"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"}
    plain = compact({"alg": "none"}, target.forged_claims)
    token = _encrypted(header, plain, wrapped=_sealed(public, secret, oaep), key=secret)
    yield Forged(token, "an unsigned token inside")


def _sealed(public: rsa.RSAPublicKey, secret: bytes, scheme: padding.AsymmetricPadding) -> bytes:
    return public.encrypt(secret, scheme)


def _with(*headers: Mapping[str, Any]) -> Tokens:
    """Encrypted claims under these headers."""

    def tokens(target: Target) -> Iterator[Forged]:
        for header in headers:
            wrapped = b"" if header["alg"] in ("dir", "ECDH-ES") else None
            plain = segment(target.forged_claims)
            yield Forged(_encrypted({"enc": "A256GCM", **header}, plain, wrapped=wrapped), str(header["alg"]))

    return tokens


def _short(target: Target) -> Iterator[Forged]:
    plain = segment(target.forged_claims)
    for length in (0, 4, 8):
        header = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
        yield Forged(_encrypted(header, plain, tag=length), f"a tag of {length} bytes")
    yield Forged(_encrypted({"alg": "RSA-OAEP-256", "enc": "A256GCM"}, plain, wrapped=b""), "no encrypted key")


_POINT: Final = {"kty": "EC", "crv": "P-256", "x": b64url(b"\5" * 32), "y": b64url(b"\5" * 32)}
TOKENS: Final[Mapping[str, Tokens]] = {
    "jwe_for_jws": _wrapping,
    "jwe_symmetric": _with({"alg": "dir"}, {"alg": "A256KW"}, {"alg": "A128GCMKW", "iv": "AA", "tag": "AA"}),
    "jwe_rsa1_5": _with({"alg": "RSA1_5"}),
    "jwe_pbes2_count": _with({"alg": "PBES2-HS256+A128KW", "p2c": 2**31 - 1, "p2s": "AAAA"}),
    "jwe_zip": _with({"alg": "RSA-OAEP", "zip": "DEF"}),
    "jwe_curve": _with({"alg": "ECDH-ES", "epk": _POINT}, {"alg": "ECDH-ES+A256KW", "epk": _POINT}),
    "jwe_short_tag": _short,
}
