"""Verify one compact JWS with one key and one algorithm (RFC 7515 5.2): strict, closed, no options."""

from __future__ import annotations

from collections.abc import Mapping

from mfa_middleware.jose.algorithms import InvalidSignature, same_algorithm, verifier
from mfa_middleware.jose.strict import Malformed, decode_segment, parse_object, split_compact

__all__ = ["verify_compact"]


def verify_compact(token: bytes, jwk: Mapping[str, str], algorithm: str) -> bytes:
    """The payload of a JWS that was signed by `jwk` under exactly `algorithm`.

    Raises Malformed where the token has no strict reading, names another algorithm or has `crit`, and
    InvalidSignature where the signature is not of this key.
    """
    compact = split_compact(token)
    header = parse_object(decode_segment(compact.header))
    if not isinstance(alg := header.get("alg"), str) or not same_algorithm(alg, algorithm):
        raise Malformed("the token names another algorithm")
    if "crit" in header or "b64" in header:
        raise Malformed("the token has critical or unencoded parts, which are not supported")
    verifier(jwk, algorithm)(decode_segment(compact.signature), compact.signing_input)
    return decode_segment(compact.payload)


__all__ += ["InvalidSignature", "Malformed"]
