"""What can be wrong with the encoding of a token, before anybody asks what it says."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

__all__ = ["HARMLESS", "Fault", "Noted"]


class Fault(enum.StrEnum):
    """One way in which a token is not the strict compact form of strict JSON (RFC 7515 3.1, RFC 8259)."""

    OVERSIZE = "oversize"
    DOT_FLOOD = "dot_flood"
    FEW_SEGMENTS = "few_segments"
    MANY_SEGMENTS = "many_segments"
    EMPTY_PAYLOAD = "empty_payload"
    EMPTY_SIGNATURE = "empty_signature"
    WHITESPACE = "whitespace"
    NON_ASCII = "non_ascii"
    PADDING = "padding"
    ALPHABET = "alphabet"
    UNUSED_BITS = "unused_bits"
    IMPOSSIBLE_LENGTH = "impossible_length"
    JSON_FORM = "json_form"
    POLYGLOT = "polyglot"
    NO_SIGNATURES = "no_signatures"
    UNPROTECTED = "unprotected"
    BOM = "bom"
    ENCODING = "encoding"
    INVALID_UTF8 = "invalid_utf8"
    SURROGATE = "surrogate"
    NUL = "nul"
    CONTROL = "control"
    SURPLUS = "surplus"
    DUPLICATE = "duplicate"
    CONSTANT = "constant"
    HUGE_NUMBER = "huge_number"
    BIG_NUMBER = "big_number"
    DEPTH = "depth"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"


class Noted(NamedTuple):
    """A fault, and the part that has it: token, header, payload or signature."""

    fault: Fault
    part: str


HARMLESS: Final = frozenset({Fault.PADDING, Fault.BIG_NUMBER})
"""Faults that honest issuers make, and under which every parser reads the same claims."""
