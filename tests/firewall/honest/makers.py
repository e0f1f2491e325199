"""The libraries, each as its pages say, and by hand what is legal and no library writes."""

from __future__ import annotations

import importlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

from mfa_middleware.cli.probe.signing import SigningKey, certificate_of
from mfa_middleware.jose.jwk import b64url
from tests.firewall.honest.contents import CONTENTS, PLAIN
from tests.firewall.honest.keys import ALGORITHMS, key_for

__all__ = ["Honest", "by_hand", "by_library"]

with warnings.catch_warnings(action="ignore"):
    importlib.import_module("authlib.deprecate")  # sets a filter of its own

with warnings.catch_warnings(action="ignore"):
    from authlib import jose as authlib_jose  # its successor is joserfc, which is here too

_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_EDWARDS = ("EdDSA", "Ed25519", "Ed448")


class Honest(NamedTuple):
    """A token, what made it, and its algorithm."""

    token: bytes
    maker: str
    algorithm: str
    content: str


Encode = Callable[[str, Mapping[str, Any], Mapping[str, Any]], str]


def _pyjwt(algorithm: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), key_for(algorithm).private, algorithm, headers=dict(header))


def _joserfc(algorithm: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    named = {"typ": "JWT", **header, "alg": algorithm}
    return joserfc_jwt.encode(named, dict(claims), _joserfc_key(algorithm), registry=registry)


@cache
def _joserfc_key(algorithm: str) -> Any:
    kind = {"H": OctKey, "R": RSAKey, "P": RSAKey}.get(algorithm[0], OKPKey if algorithm in _EDWARDS else ECKey)
    return kind.import_key(key_for(algorithm).jwk)


def _authlib(algorithm: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    encoder = authlib_jose.JsonWebToken([algorithm])
    made: bytes = encoder.encode({"typ": "JWT", **header, "alg": algorithm}, dict(claims), _authlib_key(algorithm))
    return made.decode()


@cache
def _authlib_key(algorithm: str) -> Any:
    return authlib_jose.JsonWebKey.import_key(key_for(algorithm).jwk)


def _jwcrypto(algorithm: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    token = jwcrypto_jwt.JWT(header={"typ": "JWT", **header, "alg": algorithm}, claims=dict(claims), algs=[algorithm])
    token.make_signed_token(_jwcrypto_key(algorithm))
    made: str = token.serialize()
    return made


@cache
def _jwcrypto_key(algorithm: str) -> Any:
    return jwcrypto_jwk.JWK(**key_for(algorithm).jwk)


LIBRARIES: Mapping[str, Encode] = {"PyJWT": _pyjwt, "joserfc": _joserfc, "Authlib": _authlib, "jwcrypto": _jwcrypto}
UNKNOWN: Mapping[str, tuple[str, ...]] = {"PyJWT": ("Ed25519", "Ed448"), "Authlib": ("Ed25519", "Ed448")}
"""The algorithms that a library does not know by their name."""


def by_library(name: str, rounds: int) -> Iterator[Honest]:
    """Every content under every algorithm of a library, so many times."""
    for algorithm in ALGORITHMS:
        if algorithm in UNKNOWN.get(name, ()):
            continue
        for number in range(rounds):
            for content in CONTENTS:
                claims = {**content.claims, "n": number} if number else content.claims
                with warnings.catch_warnings(action="ignore"):
                    token = LIBRARIES[name](algorithm, content.header, claims)
                yield Honest(token.encode("ascii"), name, algorithm, content.name)


def by_hand() -> Iterator[Honest]:
    """What is legal, and no library writes: high and low s, white space and escapes in JSON, padding."""
    es256 = SigningKey("ES256", key_for("ES256").private)
    header = {"alg": "ES256", "typ": "JWT"}
    for number in range(200):
        head, _, _ = es256.token(header, {**PLAIN, "n": number}).rpartition(b".")
        yield Honest(head + b"." + _with_high_s(es256.sign(head)), "by hand", "ES256", "high s")
    for name, text in _texts():
        yield Honest(es256.token(header, text), "by hand", "ES256", name)
    chain = {"x5c": [certificate_of(es256, time.time())]}
    yield Honest(es256.token({**header, **chain}, PLAIN), "by hand", "ES256", "a certificate of its key")
    yield Honest(es256.token(b'{"\\u0061lg":"ES256"}', PLAIN), "by hand", "ES256", "an escaped name")
    yield Honest(es256.token(b'{ "alg" : "ES256",\n "typ":"JWT" }', PLAIN), "by hand", "ES256", "space in the header")


def _with_high_s(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:])
    return b64url(signature[:32] + max(s, _P256 - s).to_bytes(32)).encode("ascii")


def _texts() -> Iterator[tuple[str, bytes]]:
    text = json.dumps(PLAIN)
    yield "indented", json.dumps(PLAIN, indent=2).encode()
    yield "indented with CRLF", json.dumps(PLAIN, indent=2).replace("\n", "\r\n").encode()
    yield "space around", f"\r\n\t {text} \n".encode()
    yield "UTF-8 unescaped", json.dumps({**PLAIN, "name": "\u00fc\u4e2d\U0001f600"}, ensure_ascii=False).encode()
    yield "escaped pairs", (text[:-1] + ', "name": "\\ud83d\\ude00\\u00fc\\/"}').encode()
    yield "numbers", (text[:-1] + ', "a": 1.5E3, "b": -0, "c": 1e-3, "d": 0.1}').encode()
