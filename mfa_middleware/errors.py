"""What can go wrong, once: the refusals a caller sees, and the errors that stop a start."""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["REFUSALS", "Code", "ConfigurationError", "Refusal", "RefusalKind", "StoreError"]


class Code(enum.StrEnum):
    """The stable code of a refusal, as it stands in events and, but for RETRIED, in the problem document."""

    MISSING_CREDENTIAL = "missing_credential"
    MISSING_PROOF = "missing_proof"
    MALFORMED_PROOF = "malformed_proof"
    UNSUPPORTED_ALG = "unsupported_alg"
    UNKNOWN_MACHINE = "unknown_machine"
    STALE_PROOF = "stale_proof"
    WRONG_TARGET = "wrong_target"
    WRONG_BINDING = "wrong_binding"
    BAD_SIGNATURE = "bad_signature"
    WRONG_DIGEST = "wrong_digest"
    REPLAYED = "replayed"
    RETRIED = "retried"
    FORGED_TOKEN = "forged_token"  # noqa: S105 - a code, not a secret
    USE_DPOP_NONCE = "use_dpop_nonce"
    MACHINE_INACTIVE = "machine_inactive"
    SCOPE_DENIED = "scope_denied"
    BODY_TOO_LARGE = "body_too_large"
    MACHINE_QUOTA = "machine_quota"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_FULL = "store_full"


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """How a code is answered: HTTP status, `error` of the challenge (RFC 6750 3.1, RFC 9449 7.1), generic text.

    `told`: the code that the caller reads, where it is not this one. `level`: the logging level of the event.
    """

    status: int
    error: str | None
    text: str
    told: Code | None = None
    level: int = logging.WARNING


_PROOF: Final = "invalid_dpop_proof"
_USED: Final = "The DPoP proof was used before."

REFUSALS: Final[Mapping[Code, RefusalKind]] = MappingProxyType(
    {
        Code.MISSING_CREDENTIAL: RefusalKind(401, None, "This request needs a credential and a DPoP proof."),
        Code.MISSING_PROOF: RefusalKind(401, _PROOF, "This request needs a DPoP proof by an enrolled machine."),
        Code.MALFORMED_PROOF: RefusalKind(401, _PROOF, "The DPoP proof is not well formed."),
        Code.UNSUPPORTED_ALG: RefusalKind(401, _PROOF, "The DPoP proof uses an algorithm that is not accepted."),
        Code.UNKNOWN_MACHINE: RefusalKind(401, _PROOF, "The key of the DPoP proof is not enrolled."),
        Code.STALE_PROOF: RefusalKind(401, _PROOF, "The DPoP proof is outside its time window."),
        Code.WRONG_TARGET: RefusalKind(401, _PROOF, "The DPoP proof was made for another request."),
        Code.WRONG_BINDING: RefusalKind(401, _PROOF, "The DPoP proof was made for another credential."),
        Code.BAD_SIGNATURE: RefusalKind(401, _PROOF, "The signature of the DPoP proof does not verify."),
        Code.WRONG_DIGEST: RefusalKind(401, _PROOF, "The DPoP proof was made for another body."),
        Code.REPLAYED: RefusalKind(401, _PROOF, _USED),
        Code.RETRIED: RefusalKind(401, _PROOF, _USED, told=Code.REPLAYED, level=logging.INFO),
        Code.FORGED_TOKEN: RefusalKind(401, "invalid_token", "The bearer token is not acceptable."),
        Code.USE_DPOP_NONCE: RefusalKind(401, "use_dpop_nonce", "The DPoP proof must carry the nonce given here."),
        Code.MACHINE_INACTIVE: RefusalKind(403, None, "This machine may not act here and now."),
        Code.SCOPE_DENIED: RefusalKind(403, "insufficient_scope", "This machine may not do this."),
        Code.BODY_TOO_LARGE: RefusalKind(413, None, "The body is too large to be bound to a proof."),
        Code.MACHINE_QUOTA: RefusalKind(429, None, "This machine made too many requests."),
        Code.STORE_UNAVAILABLE: RefusalKind(503, None, "Single use cannot be checked at the moment."),
        Code.STORE_FULL: RefusalKind(503, None, "Single use cannot be recorded at the moment."),
    }
)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A request is refused.

    `detail` is for the operator and goes into the event only. `hints` are told to the caller, and only once
    the signature has verified with an enrolled key. `nothing_sent`: the caller gave no authentication at all, so
    the challenge names no error (RFC 6750 3.1).
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        hints: Mapping[str, str | int | float] | None = None,
        nothing_sent: bool = False,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.error = None if nothing_sent else REFUSALS[code].error
        self.hints: Mapping[str, str | int | float] = hints or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"

    @property
    def kind(self) -> RefusalKind:
        """Status, challenge error and generic text of this refusal."""
        return REFUSALS[self.code]

    @property
    def told(self) -> Code:
        """The code that the caller reads: a thief does not learn whether a replay raised an alarm."""
        return self.kind.told or self.code


class ConfigurationError(Exception):
    """A setting is wrong: the app must not start. The message is one line that says what to write instead."""


class StoreError(Exception):
    """A replay store cannot answer, so nothing can be accepted."""
