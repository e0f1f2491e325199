"""What to do about each code before enforcing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mfa_middleware.errors import Code

__all__ = ["ADVICE"]

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        Code.MISSING_CREDENTIAL: "the caller sends no credential in MFA_CREDENTIALS; exempt the path if it is public",
        Code.MISSING_PROOF: "the caller signs nothing yet: give it a key (mfa-middleware keygen) and the client",
        Code.MALFORMED_PROOF: "the caller's proofs are not RFC 9449 DPoP; see the detail of the events",
        Code.UNSUPPORTED_ALG: "use another key, or add the algorithm to MFA_ALGORITHMS",
        Code.UNKNOWN_MACHINE: "the caller signs with a key that is not enrolled: mfa-middleware machines add",
        Code.STALE_PROOF: "the caller's clock is off, or it reuses proofs; MFA_NONCE=recover mends the clock",
        Code.WRONG_TARGET: "the signed URL differs from the one expected here: MFA_ORIGINS, MFA_PATH_PREFIX",
        Code.WRONG_BINDING: "the proof names another credential than the one sent; see MFA_CREDENTIALS on both sides",
        Code.BAD_SIGNATURE: "a forged proof, or a client that signs with another key than it shows",
        Code.WRONG_DIGEST: "the body was changed on its way, or the route demands that the proof binds it",
        Code.REPLAYED: "a used proof came again, late or from elsewhere: find out who has captured it",
        Code.RETRIED: "a client or a proxy sends requests twice: sign each attempt anew, or let the proxy not repeat",
        Code.FORGED_TOKEN: "somebody plays tricks with bearer tokens; see the findings of the events",
        Code.USE_DPOP_NONCE: "the caller must answer a nonce challenge (RFC 9449 8); one refusal each is normal",
        Code.MACHINE_INACTIVE: "paused, revoked, expired or outside its networks: mfa-middleware machines show",
        Code.SCOPE_DENIED: "the machine lacks a scope or a permit: mfa-middleware machines change",
        Code.BODY_TOO_LARGE: "raise MFA_BODY_LIMIT, or do not bind such bodies",
        Code.MACHINE_QUOTA: "one machine makes very many requests; raise MFA_MACHINE_QUOTA if it may",
        Code.STORE_UNAVAILABLE: "the replay store could not answer: mfa-middleware check-config",
        Code.STORE_FULL: "raise MFA_CAPACITY",
    }
)
"""One line for each code."""
