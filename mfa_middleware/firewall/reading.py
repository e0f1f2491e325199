"""One reading of a presented string, made once: strict where it can be, else as the most lenient library reads it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mfa_middleware.firewall import base64_text, json_form, json_text
from mfa_middleware.firewall.faults import HARMLESS, Fault, Noted
from mfa_middleware.firewall.json_text import UNREAD
from mfa_middleware.firewall.ordinary import is_ordinary_header
from mfa_middleware.jose.strict import TOKEN, Malformed, decode_checked, parse_object, split_compact

__all__ = ["MAX_LENGTH", "UNREAD", "Reading", "read"]

MAX_LENGTH: Final = 16_384
"""How much of a token is read, in bytes."""

_LONG: Final = 4_096  # bytes; beyond, one lenient reading costs less than a strict one and a second
_LONGEST_TEXT: Final = 2_048  # bytes of a token that is no ASCII
_MAX_DOTS: Final = 16
_MOST_SEGMENTS: Final = 6
_ENCRYPTED: Final = 5
_SPACE: Final = b" \t\r\n\v\f"
_BRACES: Final = b'{}"'
_LOOKS_LIKE_JSON: Final = b"eyJ"  # the base64url of `{"`
_NUL_ESCAPE: Final = b"\\u0000"
_OF_JOSE: Final = frozenset(
    {"alg", "enc", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#s256", "crit", "b64", "epk", "p2c"}
)  # fmt: skip


class Reading(NamedTuple):
    """What a token says, unverified.

    `header` is empty and `payload` UNREAD where nobody reads any. `signed`: the bytes under the signature.
    `faults`: what a strict parser objects to; empty for a token in the strict form.
    """

    token: bytes
    header: dict[str, Any]
    payload: Any
    signature: bytes
    signed: bytes
    segments: tuple[bytes, ...]
    faults: tuple[Noted, ...] = ()
    has_ordinary_header: bool = False

    def __repr__(self) -> str:
        return f"<Reading of {len(self.token)} bytes>"

    @property
    def claims(self) -> dict[str, Any] | None:
        """The claims where every parser reads the same; None elsewhere."""
        if self.faults and any(noted.fault not in HARMLESS for noted in self.faults):
            return None
        return self.payload if isinstance(self.payload, dict) else None

    @property
    def alg(self) -> str:
        """The algorithm that the header names; empty where it names none in text."""
        alg = self.header.get("alg")
        return alg if isinstance(alg, str) else ""

    @property
    def kid(self) -> str | None:
        """The key id, where it is text."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    @property
    def is_encrypted(self) -> bool:
        """Whether this is a JWE, by its segments or its header (RFC 7516 9)."""
        return len(self.segments) == _ENCRYPTED or "enc" in self.header

    def has(self, fault: Fault) -> bool:
        """Whether any part has a fault."""
        return any(noted.fault is fault for noted in self.faults)


def read(token: bytes, *, forced: bool = False) -> Reading | None:
    """The reading of a token; None for what is no JWT, unless `forced`. Never raises."""
    return _strict(token) or _lenient(token, forced)


def _strict(token: bytes) -> Reading | None:
    if len(token) > _LONG:
        return None
    try:
        header, payload, signature, signed = split_compact(token)
        members, is_token, is_ordinary = _strict_header(header)
        if not is_token:
            return None
        claims, segments = _strict_object(payload), (header, payload, signature)
    except Malformed:
        return None
    return Reading(token, members, claims, decode_checked(signature), signed, segments, (), is_ordinary)


def _strict_object(segment: bytes) -> dict[str, Any]:
    raw = decode_checked(segment)
    if _NUL_ESCAPE in raw:
        raise Malformed("NUL in JSON")
    return parse_object(raw, TOKEN)


@lru_cache(maxsize=256)  # all tokens of an issuer begin with the same header
def _strict_header(segment: bytes) -> tuple[dict[str, Any], bool, bool]:
    header = _strict_object(segment)
    return header, _is_jose(header), is_ordinary_header(header)


def _is_jose(header: dict[str, Any]) -> bool:
    """Whether a JSON object is the header of a token, and not the first part of a signed cookie."""
    typ = header.get("typ")
    if isinstance(typ, str) and typ.lower().endswith("jwt"):
        return True
    return not _OF_JOSE.isdisjoint(name.casefold().strip() for name in header)


def _lenient(token: bytes, forced: bool) -> Reading | None:
    if b"." not in token and not forced and token.lstrip(_SPACE)[:1] != b"{" and token.isascii():
        return None
    faults = [Noted(Fault.OVERSIZE, "token")] if len(token) > MAX_LENGTH else []
    if token.lstrip(_SPACE)[:1] == b"{" and (form := json_form.read(token[:MAX_LENGTH])) is not None:
        return _in_json(token, form, faults)
    plain = _plain(token[:MAX_LENGTH], faults)
    return _compact(token, plain, faults, forced)


def _plain(token: bytes, faults: list[Noted]) -> bytes:
    """The token in ASCII and without white space, as it is after somebody has normalised it."""
    if not token.isascii():
        faults.append(Noted(Fault.NON_ASCII, "token"))
        text = unicodedata.normalize("NFKC", token[:_LONGEST_TEXT].decode("utf-8", "replace"))
        token = text.encode("ascii", "ignore")
    plain = token.translate(None, _SPACE)
    if len(plain) != len(token):
        faults.append(Noted(Fault.WHITESPACE, "token"))
    return plain


def _in_json(token: bytes, form: json_form.Form, faults: list[Noted]) -> Reading:
    header, noted = _object(form.protected, "header")
    payload, more = _payload(form.payload)
    signature, _ = base64_text.decode(form.signature)
    noted = [*faults, *(Noted(fault, "token") for fault in form.faults), *noted, *more]
    segments = (form.protected, form.payload, form.signature)
    merged = {**form.unprotected, **header}
    return Reading(token, merged, payload, signature, b".".join(segments[:2]), segments, tuple(noted))


def _compact(token: bytes, plain: bytes, faults: list[Noted], forced: bool) -> Reading | None:
    dots = plain.count(b".")
    segments = tuple(plain.split(b".", _MOST_SEGMENTS))
    if plain.translate(None, _BRACES) != plain:
        faults.append(Noted(Fault.POLYGLOT, "token"))
        segments = tuple(segment.translate(None, _BRACES) for segment in segments)
    header, noted = _object(segments[0], "header") if segments[0] else ({}, [])
    if not forced and not _is_token(header, segments, noted, len(token) > MAX_LENGTH):
        return None
    if len(token) > MAX_LENGTH:  # the rest is cut, and says nothing
        return Reading(token, header, UNREAD, b"", b"", segments[:1], (*faults, *(noted if dots else ())))
    faults += [*noted, *_of_form(segments, dots)]
    if len(segments) == _ENCRYPTED or "enc" in header:
        return Reading(token, header, UNREAD, b"", b"", segments, tuple(faults))
    payload, noted = _payload(segments[1] if len(segments) > 1 else b"")
    signature, wrong = base64_text.decode(segments[2]) if len(segments) > 2 else (b"", ())
    faults += [*noted, *(Noted(fault, "signature") for fault in wrong)]
    return Reading(token, header, payload, signature, b".".join(segments[:2]), segments, tuple(faults))


def _is_token(header: dict[str, Any], segments: tuple[bytes, ...], noted: list[Noted], oversize: bool) -> bool:
    if not segments[1:]:
        return oversize and segments[0].startswith(_LOOKS_LIKE_JSON)
    if Noted(Fault.NOT_JSON, "header") in noted or Noted(Fault.DEPTH, "header") in noted:
        return segments[0].startswith(_LOOKS_LIKE_JSON)
    return _is_jose(header) or (not segments[0] and segments[1].startswith(_LOOKS_LIKE_JSON))


def _of_form(segments: tuple[bytes, ...], dots: int) -> list[Noted]:
    faults = []
    if dots > _MAX_DOTS:
        faults.append(Fault.DOT_FLOOD)
    if dots < 2 or not segments[0]:
        faults.append(Fault.FEW_SEGMENTS)
    elif len(segments) not in (3, _ENCRYPTED):
        faults.append(Fault.MANY_SEGMENTS)
    elif len(segments) == 3 and not segments[1]:
        faults.append(Fault.EMPTY_PAYLOAD)
    if len(segments) == 3 and not segments[2].strip(b"="):
        faults.append(Fault.EMPTY_SIGNATURE)
    return [Noted(fault, "token") for fault in faults]


def _object(segment: bytes, part: str) -> tuple[dict[str, Any], list[Noted]]:
    raw, wrong = base64_text.decode(segment)
    value, more = json_text.parse(raw)
    faults = [Noted(fault, part) for fault in (*wrong, *more)]
    return (value if isinstance(value, dict) else {}), faults


def _payload(segment: bytes) -> tuple[Any, list[Noted]]:
    if not segment:
        return UNREAD, []
    raw, wrong = base64_text.decode(segment)
    value, more = json_text.parse(raw)
    return value, [Noted(fault, "payload") for fault in (*wrong, *more)]
