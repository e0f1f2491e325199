"""Family E: bytes that two parsers read as two tokens, and tokens that cost more to read than to send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import Json, compact, segment

__all__ = ["TOKENS"]


def _parts(target: Target) -> dict[str, str]:
    header, payload, signature = target.signed().decode("ascii").split(".")
    return {"protected": header, "payload": payload, "signature": signature}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _in_json(target: Target) -> Iterator[Forged]:
    parts = _parts(target)
    payload = parts["payload"]
    yield Forged(_json(parts), "flattened")
    signature = {"protected": parts["protected"], "signature": parts["signature"]}
    yield Forged(_json({"payload": payload, "signatures": [signature]}), "general")


def _polyglot(target: Target) -> Iterator[Forged]:
    token, forged = target.signed().decode("ascii"), segment(target.forged_claims).decode("ascii")
    header, payload, signature = token.split(".")
    inner = {"protected": header, "payload": payload, "signature": signature}
    around = '{"' + header + "." + forged + '.":"",' + json.dumps(inner, separators=(",", ":"))[1:]
    yield Forged(around.encode("ascii"), "a compact token as a member name")
    yield Forged(("{" + token + "}").encode("ascii"), "braces around a token")


def _no_signatures(target: Target) -> Iterator[Forged]:
    payload = segment(target.forged_claims).decode("ascii")
    yield Forged(_json({"payload": payload, "signatures": []}), "an empty list")
    yield Forged(_json({"payload": payload, "protected": segment({"alg": "RS256"}).decode("ascii")}), "none at all")


def _unprotected(target: Target) -> Iterator[Forged]:
    parts = _parts(target)
    yield Forged(_json({**parts, "header": {"alg": "none"}}), "alg")
    yield Forged(_json({**parts, "header": {"kid": "other", "b64": False}}), "kid and b64")


def _raw_header(*texts: bytes) -> Tokens:
    """Headers by their bytes, signed by whom there is."""
    return lambda target: (Forged(_signed_raw(target, text, target.claims), ascii(text)[:60]) for text in texts)


def _raw_payload(*texts: bytes) -> Tokens:
    """Payloads by their bytes."""
    return lambda target: (Forged(target.signed(claims=text), ascii(text)[:60]) for text in texts)


def _by_stranger(*texts: bytes) -> Tokens:
    """Payloads by their bytes under a key that nobody knows: an issuer may sign what it likes."""
    return lambda target: (
        Forged(fresh_key("RS256").token({**target.header, "alg": "RS256"}, text), ascii(text)) for text in texts
    )


def _signed_raw(target: Target, header: bytes, claims: Json) -> bytes:
    return target.issuer.token(header, claims) if target.issuer is not None else compact(header, claims, b"x" * 256)


def _encoded(encoding: str) -> Tokens:
    def tokens(target: Target) -> Iterator[Forged]:
        header = json.dumps({"alg": "RS256", "typ": "JWT"}).encode(encoding)
        yield Forged(_signed_raw(target, header, target.claims), f"{encoding} header")
        yield Forged(target.signed(claims=json.dumps(target.claims).encode(encoding)), f"{encoding} payload")

    return tokens


def _payload_with(*members: bytes) -> Tokens:
    """The claims of the honest token, and members by their bytes."""

    def tokens(target: Target) -> Iterator[Forged]:
        for member in members:
            text = json.dumps(target.claims).encode("ascii")[:-1] + b"," + member + b"}"
            yield Forged(target.signed(claims=text), ascii(member)[:60])

    return tokens


def _claims_with(**choices: tuple[object, ...]) -> Tokens:
    """The claims of the honest token, with one changed at a time."""

    def tokens(target: Target) -> Iterator[Forged]:
        for name, values in choices.items():
            for value in values:
                yield Forged(target.signed(claims={**target.claims, name: value}), f"{name}: {ascii(value)[:40]}")

    return tokens


def _oversize(target: Target) -> Iterator[Forged]:
    yield Forged(target.signed(claims={**target.claims, "pad": "a" * 13_000}), "a long payload")


def _dots(target: Target) -> Iterator[Forged]:
    yield Forged(target.signed() + b"." * 200, "200 at the end")


def _whitespace(target: Target) -> Iterator[Forged]:
    header, payload, signature = target.signed().split(b".")
    for note, space in (("a space", b" "), ("a tab", b"\t")):
        yield Forged(header + b"." + payload[:5] + space + payload[5:] + b"." + signature, f"{note} in the payload")


def _confusable(target: Target) -> Iterator[Forged]:
    token = target.signed()
    header, payload, signature = token.split(b".")
    yield Forged(header + "\uff0e".encode() + payload + "\uff0e".encode() + signature, "full-width dots")
    yield Forged(header + b"." + payload + b"." + "\u200b".encode() + signature, "a space of no width")


def _nested(target: Target) -> Iterator[Forged]:
    yield Forged(target.signed({"cty": "JWT"}), "cty")
    yield Forged(target.signed({"cty": "JWT"}, claims=target.signed()), "a token as the payload")


def _depth(target: Target) -> Iterator[Forged]:
    yield from _payload_with(b'"a":' + b"[" * 2_000 + b"]" * 2_000)(target)
    yield Forged(_signed_raw(target, b'{"alg":"RS256","a":' + b"[" * 500 + b"]" * 500 + b"}", target.claims), "header")


_RS256: Final = b'{"alg":"RS256","typ":"JWT"'
TOKENS: Final[Mapping[str, Tokens]] = {
    "json_serialization": _in_json,
    "json_polyglot": _polyglot,
    "empty_signatures": _no_signatures,
    "unprotected_header": _unprotected,
    "duplicate_header": _raw_header(b'{"alg":"none","typ":"JWT","alg":"RS256"}', b'{"alg":"RS256","ALG":"none"}'),
    "duplicate_claim": _payload_with(b'"sub":"admin"', b'"exp":99999999999'),
    "oversize_token": _oversize,
    "dot_flood": _dots,
    "token_whitespace": _whitespace,
    "token_confusable": _confusable,
    "nested_token": _nested,
    "json_bom": _encoded("utf-8-sig"),
    "json_encoding": _encoded("utf-16"),
    "json_invalid_utf8": _payload_with(b'"name":"\xc0\xae"', b'"name":"\xff"'),
    "json_surrogate": _payload_with(b'"name":"\\ud800"'),
    "json_nul": _payload_with(b'"sub\\u0000":"admin"'),
    "json_control": _payload_with(b'"name":"a\nb"', b'"name":"a\x01b"'),
    "json_prefix": _raw_payload(b'/* */ {"sub":"admin"}', b'{"sub":"a"} {"sub":"admin"}'),
    "json_constant": _payload_with(b'"nbf":NaN', b'"exp":Infinity', b'"exp":1e400'),
    "json_huge_number": _payload_with(b'"n":' + b"9" * 2_000),
    "json_big_number": _payload_with(b'"n":9007199254740993'),
    "payload_not_object": _by_stranger(b'["admin"]', b'"admin"', b"1", b"null", b"true"),
    "payload_not_json": _raw_payload(b"hello", b"\x01\x02\x03"),
    "header_not_json": _raw_header(b'{"alg":"RS256",', b'{"alg":RS256}'),
    "claim_type": _claims_with(iss=(["a"],), sub=(["admin"], {"a": 1}), jti=([1],), aud=({"a": 1},)),
    "json_depth": _depth,
}  # fmt: skip
