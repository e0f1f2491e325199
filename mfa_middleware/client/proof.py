"""Make a DPoP proof (RFC 9449 4.2): one compact JWS for one request."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence

from mfa_middleware.client.keys import Key
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import b64url, public_jwk, thumbprint
from mfa_middleware.jose.strict import Malformed

__all__ = ["ProofMaker", "claims_of", "content_digest", "query_digest"]

_JTI_BYTES = 16


class ProofMaker:
    """Signs claims with one key. The header, the same in each proof, is encoded once.

    Raises ConfigurationError where the public JWK of the key is not valid or `alg` does not fit it.
    """

    __slots__ = ("_header", "_key", "thumbprint")

    def __init__(self, key: Key) -> None:
        try:
            jwk = public_jwk(key.public_jwk)
        except Malformed as error:
            raise ConfigurationError(f"public_jwk of the key: {error}") from None
        algorithm = ALGORITHMS.get(key.alg)
        if algorithm is None or not algorithm.fits(jwk):
            raise ConfigurationError(f"alg of the key is {key.alg!r}, which does not fit its public_jwk")
        self._key, self.thumbprint = key, thumbprint(jwk)
        self._header = _segment({"typ": "dpop+jwt", "alg": key.alg, "jwk": jwk})

    def sign(self, claims: Mapping[str, object]) -> str:
        """The compact JWS of these claims."""
        signing_input = f"{self._header}.{_segment(claims)}"
        return f"{signing_input}.{b64url(self._key.sign(signing_input.encode('ascii')))}"


def _segment(value: Mapping[str, object]) -> str:
    return b64url(json.dumps(value, separators=(",", ":")).encode("utf-8"))


def claims_of(method: str, htu: str, iat: int, credentials: Sequence[tuple[str, str]]) -> dict[str, object]:
    """The claims of a proof with a new jti, bound to the credentials at their places (`ath`, `oth`)."""
    jti = secrets.token_urlsafe(_JTI_BYTES)
    claims: dict[str, object] = {"jti": jti, "htm": method, "htu": htu, "iat": iat}
    if credentials:
        claims["ath"] = credentials[0][1]
    if credentials[1:]:
        claims["oth"] = dict(credentials[1:])
    return claims


def query_digest(query: str) -> str:
    """`htq`: base64url(SHA-256) of the query as it is on the wire (latin-1), without the question mark."""
    return b64url(hashlib.sha256(query.encode("latin-1")).digest())


def content_digest(body: bytes) -> str:
    """`htd`: the Content-Digest of a body (RFC 9530 2)."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"
