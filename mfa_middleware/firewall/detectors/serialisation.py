"""Bytes that two parsers read as two tokens, and tokens that cost more to read than to send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import UNREAD, Reading

__all__ = ["DETECTORS", "concerns"]

_ORDINARY: Final = frozenset({"alg", "typ", "kid"})
_NAMED: Final = {
    Fault.JSON_FORM: "json_serialization",
    Fault.POLYGLOT: "json_polyglot",
    Fault.NO_SIGNATURES: "empty_signatures",
    Fault.UNPROTECTED: "unprotected_header",
    Fault.BOM: "json_bom",
    Fault.ENCODING: "json_encoding",
    Fault.INVALID_UTF8: "json_invalid_utf8",
    Fault.SURROGATE: "json_surrogate",
    Fault.NUL: "json_nul",
    Fault.CONTROL: "json_control",
    Fault.SURPLUS: "json_prefix",
    Fault.CONSTANT: "json_constant",
    Fault.HUGE_NUMBER: "json_huge_number",
    Fault.DEPTH: "json_depth",
    Fault.OVERSIZE: "oversize_token",
    Fault.DOT_FLOOD: "dot_flood",
    Fault.WHITESPACE: "token_whitespace",
    Fault.NON_ASCII: "token_confusable",
}
_TEXTS: Final = ("iss", "sub", "jti")


def concerns(reading: Reading, _: Context) -> bool:
    """Whether a strict parser objects, or the names of the header need a second look, or a claim has another type."""
    if reading.faults or type(reading.payload) is not dict or not reading.header.keys() <= _ORDINARY:
        return True
    get = reading.payload.get
    return not (type(get("iss", "")) is type(get("sub", "")) is type(get("jti", "")) is str) or (
        type(get("aud", "")) is dict
    )


@detects(*_NAMED.values())
def named(reading: Reading, context: Context) -> Iterator[Finding]:
    for fault, part in reading.faults:
        if fault in _NAMED:
            yield context.structural(_NAMED[fault], part)


@detects("duplicate_header", "duplicate_claim")
def duplicates(reading: Reading, context: Context) -> Iterator[Finding]:
    twice = {part for fault, part in reading.faults if fault is Fault.DUPLICATE}
    if "header" in twice or len({name.casefold() for name in reading.header}) < len(reading.header):
        yield context.structural("duplicate_header")
    if "payload" in twice:
        yield context.structural("duplicate_claim")


@detects("json_big_number")
def numbers(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.has(Fault.BIG_NUMBER):
        yield context.policy("json_big_number")


@detects("header_not_json", "payload_not_object", "payload_not_json")
def other_content(reading: Reading, context: Context) -> Iterator[Finding]:
    for fault, part in reading.faults:
        if fault is Fault.NOT_JSON:
            yield context.policy("header_not_json" if part == "header" else "payload_not_json")
        elif fault is Fault.NOT_OBJECT and part == "payload" and reading.payload is not UNREAD:
            yield context.structural("payload_not_object", type(reading.payload).__name__)


@detects("claim_type")
def claim_types(reading: Reading, context: Context) -> Iterator[Finding]:
    claims: dict[str, Any] = reading.payload if isinstance(reading.payload, dict) else {}
    for name in _TEXTS:
        value = claims.get(name, "")
        if isinstance(value, list | dict):
            yield context.structural("claim_type", f"{name} is a {type(value).__name__}")
        elif not isinstance(value, str):
            yield context.policy("claim_type", f"{name} is a {type(value).__name__}")
    if isinstance(claims.get("aud"), dict):
        yield context.structural("claim_type", "aud is a dict")


@detects("nested_token")
def nested(reading: Reading, context: Context) -> Iterator[Finding]:
    cty = reading.header.get("cty")
    named = isinstance(cty, str) and cty.casefold().removeprefix("application/") == "jwt"
    if named or (reading.has(Fault.NOT_JSON) and len(reading.segments) == 3 and _is_token(reading.segments[1])):
        yield context.policy("nested_token")


def _is_token(segment: bytes) -> bool:
    return segment.startswith(b"ZXlK")  # the base64url of `eyJ`


DETECTORS: Final = (named, duplicates, numbers, other_content, claim_types, nested)
