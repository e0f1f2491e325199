"""What an answer tells a client: a nonce (RFC 9449 9), a challenge to use it, a clock offset (RFC 9457)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mfa_middleware.jose.strict import Malformed, parse_object

__all__ = ["MAX_PROBLEM", "clock_offset", "demands_nonce", "given_nonce", "has_problem"]

MAX_PROBLEM: Final = 8_192
"""How many bytes of a problem document are read."""

_MAX_NONCE: Final = 1_024
_MAX_CHALLENGE: Final = 4_096
_NONCE: Final = re.compile(rb"[!#-\[\]-~]+")
_LENGTH: Final = re.compile(rb"[0-9]{1,6}")
_DEMAND: Final = re.compile(rb'(?:^|[\s,])dpop\s[^\n]*?\berror\s*=\s*"?use_dpop_nonce\b', re.IGNORECASE)
_Lines = Sequence[tuple[bytes, bytes]]


def _all(lines: _Lines, name: bytes) -> list[bytes]:
    return [value.strip(b" \t") for key, value in lines if key == name]


def given_nonce(lines: _Lines) -> str | None:
    """The DPoP-Nonce of an answer, None where there is not exactly one that is well formed (RFC 9449 8.1)."""
    nonces = _all(lines, b"dpop-nonce")
    if len(nonces) != 1 or len(nonces[0]) > _MAX_NONCE or _NONCE.fullmatch(nonces[0]) is None:
        return None
    return nonces[0].decode("ascii")


def demands_nonce(status: int, lines: _Lines) -> bool:
    """Whether an answer is a DPoP challenge with the error use_dpop_nonce."""
    return status == 401 and any(_DEMAND.search(value[:_MAX_CHALLENGE]) for value in _all(lines, b"www-authenticate"))


def has_problem(status: int, lines: _Lines) -> bool:
    """Whether the body is a refusal worth reading: a 401 problem document of a stated, small length, not encoded."""
    if status != 401 or any(value.lower() != b"identity" for value in _all(lines, b"content-encoding")):
        return False
    types, lengths = _all(lines, b"content-type"), _all(lines, b"content-length")
    if len(types) != 1 or types[0].partition(b";")[0].strip().lower() != b"application/problem+json":
        return False
    return len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]) is not None and int(lengths[0]) <= MAX_PROBLEM


def clock_offset(body: bytes) -> float | None:
    """The seconds to add to this clock, from a problem document with the code stale_proof; None from any other."""
    if len(body) > MAX_PROBLEM:
        return None
    try:
        problem = parse_object(body.strip())
    except Malformed:
        return None
    offset = problem.get("clock_offset")
    if problem.get("code") != "stale_proof" or isinstance(offset, bool) or not isinstance(offset, int | float):
        return None
    return float(offset)
