"""The JSON form of a JWS or JWE (RFC 7515 7.2, RFC 7516 7.2), where only the compact one is expected."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.json_text import UNREAD, parse

__all__ = ["Form", "read"]


class Form(NamedTuple):
    """The parts of the first signature, still encoded, and the unprotected header."""

    protected: bytes
    payload: bytes
    signature: bytes
    unprotected: dict[str, Any]
    faults: tuple[Fault, ...]


_BROKEN: Final = Form(b"", b"", b"", {}, (Fault.JSON_FORM,))


def read(text: bytes) -> Form | None:
    """The parts of a token in JSON; None for what is no token. Never raises."""
    value, faults = parse(text)
    if value is UNREAD or Fault.SURPLUS in faults:
        return _BROKEN if b'"payload"' in text and b'"signature' in text else None
    if not isinstance(value, dict) or not (_is_signed(value) or _is_compact_inside(value)):
        return None
    signatures = value.get("signatures")
    first = signatures[0] if isinstance(signatures, list) and signatures and isinstance(signatures[0], dict) else value
    unprotected = first.get("header")
    return Form(
        _text(first.get("protected")),
        _text(value.get("payload", value.get("ciphertext"))),
        _text(first.get("signature")),
        unprotected if isinstance(unprotected, dict) else {},
        tuple(_faults(value, first)),
    )


def _is_signed(value: dict[str, Any]) -> bool:
    return ("payload" in value and not {"protected", "header", "signature", "signatures"}.isdisjoint(value)) or (
        "ciphertext" in value
    )


def _is_compact_inside(value: dict[str, Any]) -> bool:
    return any(name.count(".") >= 2 and "eyJ" in name for name in value)


def _faults(value: dict[str, Any], first: dict[str, Any]) -> list[Fault]:
    faults = [Fault.JSON_FORM]
    if _is_compact_inside(value):
        faults.append(Fault.POLYGLOT)
    if not first.get("signature") and "ciphertext" not in value:
        faults.append(Fault.NO_SIGNATURES)
    if isinstance(first.get("header"), dict) and not {"alg", "kid", "crit", "b64", "jwk"}.isdisjoint(first["header"]):
        faults.append(Fault.UNPROTECTED)
    return faults


def _text(value: Any) -> bytes:
    return value.encode("ascii", "ignore") if isinstance(value, str) else b""
