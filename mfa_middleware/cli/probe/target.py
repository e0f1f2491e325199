"""What is attacked, and what an attacker knows of it."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from mfa_middleware.cli.probe.call import Call, Line
from mfa_middleware.cli.probe.signing import SigningKey, fresh_key
from mfa_middleware.cli.probe.tokens import Json, joined, segment
from mfa_middleware.client.keys import Key
from mfa_middleware.firewall import base64_text
from mfa_middleware.jose.jwk import b64url

__all__ = ["KnownKey", "Target"]

_GET: Final = "GET"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key of the app that anybody may read. `texts`: the forms in which it is published, by their name."""

    algorithm: str
    kid: str | None
    public: Any = field(repr=False)
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Target:
    """A route of an app, and what the attacker has.

    `token`: an honest bearer token, stolen; empty where there is none. `keys`: the public keys of the app. `machine`:
    the key of an enrolled machine, so that nothing but the token is wrong. `issuer`, `neighbour`: the private key of
    the issuer, and one that is registered for somebody else; only who tests his own app has these.
    """

    url: str
    token: str = field(default="", repr=False)
    keys: tuple[KnownKey, ...] = ()
    machine: Key | None = None
    issuer: SigningKey | None = None
    neighbour: SigningKey | None = None
    clock: Callable[[], float] = time.time

    @property
    def host(self) -> str:
        """Host and port as the Host header has them."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """Path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @cached_property
    def header(self) -> dict[str, Any]:
        """The header of the honest token, or of an ordinary one."""
        return _object(self.token, 0) or {"alg": "RS256", "typ": "JWT"}

    @cached_property
    def claims(self) -> dict[str, Any]:
        """The claims of the honest token, or those of an ordinary one."""
        now = int(self.clock())
        return _object(self.token, 1) or {"iss": "https://issuer.example", "sub": "depot", "iat": now, "exp": now + 600}

    @property
    def forged_claims(self) -> dict[str, Any]:
        """The claims of the honest token under another name."""
        return {**self.claims, "sub": "admin"}

    def key(self, algorithm: str) -> KnownKey | None:
        """The first known key of an algorithm."""
        return next((key for key in self.keys if key.algorithm == algorithm), None)

    def header_for(self, algorithm: str, **more: object) -> dict[str, Any]:
        """A header for an algorithm, with the `kid` of a known key of it; a member that is None is left out."""
        known = self.key(algorithm)
        header = {"alg": algorithm, "typ": "JWT", "kid": known.kid if known is not None else None, **more}
        return {name: value for name, value in header.items() if value is not None}

    def signed(self, header: Mapping[str, object] | None = None, claims: Json | None = None) -> bytes:
        """A token whose header and claims are changed, signed by the issuer, or else by an unknown key."""
        key = self.issuer or fresh_key("RS256" if self.header.get("alg") == "RS256" else "ES256")
        return key.token({**self.header, "alg": key.algorithm, **(header or {})}, claims or self.claims)

    def lines(self, token: bytes, scheme: str = "Bearer") -> tuple[Line, ...]:
        """The credential, and a proof by the machine where there is one."""
        credential: Line = ("Authorization", scheme.encode("ascii") + b" " + token)
        return (credential, *(("DPoP", self.proof(token)) for _ in [self.machine] if self.machine is not None))

    def call(self, token: bytes, *more: Line, scheme: str = "Bearer") -> Call:
        """A request with a token in its usual place."""
        return Call(_GET, self.path.encode("ascii"), (*self.lines(token, scheme), *more))

    def honest(self) -> Call:
        """A request that is right in everything."""
        return self.call(self.token.encode("ascii"))

    def proof_claims(self, token: bytes, **changed: object) -> dict[str, Any]:
        """The claims of a good proof for a request with a token, with changes; None leaves a claim out."""
        htu, _, query = self.url.partition("?")
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": _GET,
            "htu": htu,
            "iat": int(self.clock()),
            "ath": b64url(hashlib.sha256(token).digest()),
            "htq": b64url(hashlib.sha256(query.encode("ascii")).digest()),
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def proof(
        self, token: bytes, header: Mapping[str, object] | None = None, by: Key | None = None, **changed: object
    ) -> bytes:
        """A proof by the machine, or by another key, with a changed header and changed claims."""
        signer = by or self.machine
        if signer is None:
            return b""
        members = {"typ": "dpop+jwt", "alg": signer.alg, "jwk": dict(signer.public_jwk), **(header or {})}
        signing_input = joined(
            {name: value for name, value in members.items() if value is not None}, self.proof_claims(token, **changed)
        )
        return signing_input + b"." + segment(signer.sign(signing_input))


def _object(token: str, number: int) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        value = json.loads(base64_text.decode(parts[number].encode("ascii", "replace"))[0])
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
