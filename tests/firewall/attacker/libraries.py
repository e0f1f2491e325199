"""Forgeries that the libraries of honest people make too: PyJWT and joserfc, used as their pages say."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping

import jwt
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import segment

__all__ = ["TOKENS"]


def _unsigned(target: Target) -> Iterator[Forged]:
    yield Forged(jwt.encode(target.forged_claims, "", "none").encode(), "PyJWT")


def _weak(target: Target) -> Iterator[Forged]:
    with warnings.catch_warnings(action="ignore"):
        yield Forged(jwt.encode(target.forged_claims, "secret", "HS256").encode(), "PyJWT")


def _embedded(target: Target) -> Iterator[Forged]:
    key = fresh_key("PS256")
    token = jwt.encode(target.forged_claims, key.private, "PS256", headers={"jwk": key.jwk})
    yield Forged(token.encode(), "PyJWT")
    own = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    yield Forged(_compact(header, target, own, "ES256"), "joserfc")


def _compact(header: Mapping[str, object], target: Target, key: object, algorithm: str) -> bytes:
    token: str = jws.serialize_compact(dict(header), _payload(target), key, algorithms=[algorithm])  # type: ignore[arg-type]
    return token.encode()


def _payload(target: Target) -> bytes:
    return json.dumps(target.forged_claims).encode()


def _in_json(target: Target) -> Iterator[Forged]:
    member = {"protected": {"alg": "RS256"}, "header": {"kid": "1"}}
    made = jws.serialize_json([member], _payload(target), _rsa(), algorithms=["RS256"])
    yield Forged(json.dumps(made).encode(), "joserfc")


def _rsa() -> RSAKey:
    return RSAKey.import_key(fresh_key("RS256").private)  # type: ignore[arg-type]


def _encrypted(header: Mapping[str, object], key: object) -> Tokens:
    def tokens(target: Target) -> Iterator[Forged]:
        names = [str(header["alg"]), str(header["enc"])] + (["DEF"] if "zip" in header else [])
        with warnings.catch_warnings(action="ignore"):
            made = jwe.encrypt_compact(dict(header), _payload(target), key, algorithms=names)  # type: ignore[arg-type]
        yield Forged(made.encode(), "joserfc")

    return tokens


def _unencoded(target: Target) -> Iterator[Forged]:
    header = {"alg": "RS256", "b64": False, "crit": ["b64"]}
    made = jws.serialize_compact(header, segment(target.forged_claims), _rsa(), algorithms=["RS256"])
    yield Forged(made.encode(), "joserfc")


_OCT = OctKey.generate_key(256)
TOKENS: Mapping[str, Tokens] = {
    "alg_none": _unsigned,
    "weak_hmac": _weak,
    "embedded_jwk": _embedded,
    "json_serialization": _in_json,
    "unprotected_header": _in_json,
    "unencoded_payload": _unencoded,
    "jwe_for_jws": _encrypted({"alg": "RSA-OAEP", "enc": "A256GCM"}, _rsa()),
    "jwe_symmetric": _encrypted({"alg": "dir", "enc": "A256GCM"}, _OCT),
    "jwe_rsa1_5": _encrypted({"alg": "RSA1_5", "enc": "A128CBC-HS256"}, _rsa()),
    "jwe_pbes2_count": _encrypted({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM"}, _OCT),
    "jwe_zip": _encrypted({"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF"}, _rsa()),
    "jwe_curve": _encrypted({"alg": "ECDH-ES+A128KW", "enc": "A128GCM"}, ECKey.generate_key("P-256")),
}
"""More tokens for some rows."""
