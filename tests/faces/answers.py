"""What every refusal looks like on the wire (RFC 9449 7.1, RFC 9457)."""

from __future__ import annotations

from typing import Any

from mfa_middleware.errors import REFUSALS, Code
from tests.helpers.rawhttp import Response

__all__ = ["assert_refused"]

_ALGS = 'algs="ES256 Ed25519 EdDSA PS256"'
_CHALLENGES = {
    Code.MISSING_CREDENTIAL: f"DPoP {_ALGS}",
    Code.USE_DPOP_NONCE: f'DPoP error="use_dpop_nonce", {_ALGS}',
    Code.FORGED_TOKEN: f'DPoP error="invalid_token", {_ALGS}',
    Code.SCOPE_DENIED: f'DPoP error="insufficient_scope", {_ALGS}',
}
_RETRY_AFTER = {Code.MACHINE_QUOTA: ["5"], Code.STORE_FULL: ["5"], Code.STORE_UNAVAILABLE: ["1"]}
_MEMBERS = {"type", "title", "status", "code", "detail"}
# What only a caller whose signature has verified may be told beside these.
_BEFORE_SIGNATURE = {
    Code.MISSING_CREDENTIAL,
    Code.MISSING_PROOF,
    Code.MALFORMED_PROOF,
    Code.UNSUPPORTED_ALG,
    Code.UNKNOWN_MACHINE,
    Code.BAD_SIGNATURE,
    Code.FORGED_TOKEN,
}


def assert_refused(answer: Response, code: Code, *, empty: bool = False, nothing_sent: bool = False) -> Any:
    """The answer is this refusal in every detail; its problem document.

    `empty`: an answer to HEAD. `nothing_sent`: to a request without credential and proof (RFC 6750 3.1).
    """
    assert answer.status == REFUSALS[code].status, (answer, code)
    assert answer.all("content-type") == ["application/problem+json"], answer
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("www-authenticate") == _challenge(code, nothing_sent=nothing_sent)
    assert answer.all("retry-after") == _RETRY_AFTER.get(code, [])
    assert len(answer.all("dpop-nonce")) == (1 if code is Code.USE_DPOP_NONCE else 0)
    if empty:
        assert answer.body == b""
        return None
    assert answer.all("content-length") in ([str(len(answer.body))], [])
    document = answer.json
    kind = REFUSALS[code]
    expected = {"type": "about:blank", "status": kind.status, "code": code.value, "detail": kind.text}
    assert {name: document[name] for name in expected} == expected, document
    assert document.keys() >= _MEMBERS
    assert code not in _BEFORE_SIGNATURE or document.keys() == _MEMBERS, document
    return document


def _challenge(code: Code, *, nothing_sent: bool) -> list[str]:
    if nothing_sent:
        return [f"DPoP {_ALGS}"]
    if code in _CHALLENGES:
        return [_CHALLENGES[code]]
    return [f'DPoP error="invalid_dpop_proof", {_ALGS}'] if REFUSALS[code].status == 401 else []
