"""Nonces of this server (RFC 9449 8, 9): stateless, bound to one machine and one life of the store."""

from __future__ import annotations

import hmac
from struct import Struct
from typing import Final, NamedTuple

from mfa_middleware.jose.jwk import b64url
from mfa_middleware.jose.strict import Malformed, decode_segment
from mfa_middleware.replay import StoreState

__all__ = ["LIFE", "Issued", "NonceMint"]

LIFE: Final = 120.0
"""How long a nonce is good, in seconds."""
_SKEW: Final = 5.0
_MAC: Final = 16
_TIME: Final = Struct(">Q")
_LENGTH: Final = 32  # characters of base64url for 8 + 16 bytes


class Issued(NamedTuple):
    """When a nonce was minted, in unix seconds, and the store's epoch that it holds for."""

    at: float
    epoch: bytes


class NonceMint:
    """Mints and reads nonces: the server's time and an HMAC over it, the thumbprint and the store's epoch.

    `secret` is MFA_SECRET; without it the store's own secret is the key, so that all workers agree.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes | None) -> None:
        self._secret = secret

    def mint(self, state: StoreState, thumbprint: str, now: float) -> str:
        """A nonce for one machine in this state of the store, good for LIFE seconds from `now` (unix seconds)."""
        issued = _TIME.pack(int(now))
        return b64url(issued + self._mac(issued, thumbprint, state))

    def issued(self, state: StoreState, nonce: object, thumbprint: str, now: float) -> Issued | None:
        """When this server minted `nonce` for this machine; None where it did not, or too long ago."""
        if not isinstance(nonce, str) or len(nonce) != _LENGTH or not nonce.isascii():
            return None
        try:
            raw = decode_segment(nonce.encode("ascii"))
        except Malformed:
            return None
        issued = float(_TIME.unpack_from(raw)[0])
        if not hmac.compare_digest(raw[_TIME.size :], self._mac(raw[: _TIME.size], thumbprint, state)):
            return self.issued(state.other, nonce, thumbprint, now) if state.other is not None else None
        return Issued(issued, state.epoch) if -_SKEW <= now - issued <= LIFE else None

    def _mac(self, issued: bytes, thumbprint: str, state: StoreState) -> bytes:
        message = b"mfa nonce" + issued + state.epoch + thumbprint.encode("ascii")
        return hmac.digest(self._secret or state.secret, message, "sha256")[:_MAC]
