"""Why a token did not verify."""

from __future__ import annotations

import enum

__all__ = ["Fault", "Reason"]


class Reason(enum.StrEnum):
    """The first check that a token failed. From `payload` on, a registered key did sign it."""

    MALFORMED = "malformed"
    CRITICAL = "critical"
    NO_KEYS = "no_keys"
    ALGORITHM = "algorithm"
    ALGORITHM_OF_KEY = "algorithm_of_key"
    KID_TYPE = "kid_type"
    UNKNOWN_KEY = "unknown_key"
    AMBIGUOUS_KEY = "ambiguous_key"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    CLAIM_TYPE = "claim_type"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    ISSUER = "issuer"
    AUDIENCE = "audience"


class Fault(Exception):  # noqa: N818 - named for what the token has
    """A check failed. `detail` is for the operator, and holds nothing that the token says."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
