"""One key that verifies bearer tokens, with the one algorithm that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mfa_middleware.jose.jwk import PublicKey

__all__ = ["BadKey", "Key", "NotAccepted"]


class BadKey(ValueError):  # noqa: N818 - named for what the key is
    """A key that cannot be used. The message says why, and never holds the key."""


class NotAccepted(BadKey):
    """A good key, for an algorithm that MFA_JWT_ALGORITHMS does not name."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key of MFA_JWT_KEYS.

    `algorithm`: its only algorithm; `names`: what tokens may call it (RFC 9864 gave EdDSA further names).
    `public`: the key object of `cryptography`; for an HMAC key, its secret bytes. `members`: the required members
    of its public JWK, empty for an HMAC key. `thumbprint`: RFC 7638. `certificate`: in DER. `served`: the very texts
    it came in, which a careless verifier may take for a secret. `origin`: where it came from, for the operator.
    """

    algorithm: str
    names: frozenset[str]
    kty: str
    kid: str | None
    thumbprint: str
    public: PublicKey = field(repr=False)
    members: Mapping[str, str] = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    served: tuple[bytes, ...] = field(default=(), repr=False)
    origin: str = ""

    @property
    def is_symmetric(self) -> bool:
        """Whether this is an HMAC key."""
        return self.kty == "oct"

    @property
    def label(self) -> str:
        """What to call the key in an event: its kid, else the beginning of its thumbprint."""
        if self.kid is not None:
            return f"kid {self.kid[:64]!r}"
        return f"the {self.algorithm} key" + ("" if self.is_symmetric else f" {self.thumbprint[:12]}")

    @property
    def identity(self) -> tuple[str, str]:
        """The same key for the same algorithm has the same identity."""
        return self.thumbprint, self.algorithm
