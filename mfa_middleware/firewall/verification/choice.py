"""Which key a token must have been signed with: that of its kid, or the only one that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfa_middleware.firewall.keys import Key, KeySet
from mfa_middleware.firewall.verification.reason import Fault, Reason

__all__ = ["keys_for"]


def keys_for(header: Mapping[str, Any], keyset: KeySet) -> tuple[Key, ...]:
    """The key that a strictly parsed header stands for; two where an old and a new key without a kid both fit.

    Raises Fault. A kid that is known decides alone: no other key is tried.
    """
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in keyset.algorithms:
        raise Fault(Reason.ALGORITHM, "its alg is that of no registered key")
    if "kid" in header and not isinstance(kid, str):
        raise Fault(Reason.KID_TYPE, "its kid is no text")
    if kid is not None and (key := keyset.for_kid(kid)) is not None:
        if algorithm not in key.names:
            raise Fault(Reason.ALGORITHM_OF_KEY, f"{key.label} is for {key.algorithm}, and the token says otherwise")
        return (key,)
    return keyset.unnamed(algorithm) or _only_one(kid, keyset.fitting(algorithm))


def _only_one(kid: str | None, fitting: tuple[Key, ...]) -> tuple[Key, ...]:
    if kid is not None:
        raise Fault(Reason.UNKNOWN_KEY, "its kid is that of no registered key")
    if len(fitting) != 1:
        raise Fault(Reason.AMBIGUOUS_KEY, f"it names no kid, and {len(fitting)} registered keys fit")
    return fitting
