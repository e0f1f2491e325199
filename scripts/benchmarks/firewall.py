"""The cost of inspecting bearer tokens: honest ones, and those made to be costly."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from mfa_middleware.bearer import BearerReader
from mfa_middleware.credentials import Credential, hash_of
from mfa_middleware.firewall import Inspector, Policy
from scripts.benchmarks.setting import best, cpu

_COUNT: Final = 300
_ISSUED: Final = 1_760_000_000
_POLICY: Final = Policy(algorithms=frozenset({"RS256"}))
_ROOM: Final = 12_000  # bytes of JSON in a token of 16 KiB


def _segment(value: object) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _token(number: int, **further: object) -> bytes:
    """A bearer JWT as identity providers make them; its signature is for the app to verify."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "2026-01"}
    claims = {
        "iss": "https://idp.example.com/", "sub": f"client-{number}", "aud": ["https://api.example.com"],
        "iat": _ISSUED, "exp": _ISSUED + 3_600, "scope": "orders:read orders:write", "azp": f"client-{number}",
    }  # fmt: skip
    signature = hashlib.sha256(b"%d" % number).digest() * 8
    return b".".join((_segment(header), _segment(claims | further), _segment(signature)))


def _credentials(**further: object) -> list[Credential]:
    tokens = [_token(number, **further) for number in range(_COUNT)]
    return [Credential("authorization", hash_of(token), token) for token in tokens]


def hostile() -> Iterator[bytes]:
    """Tokens of 16 KiB that make parsers and detectors work."""
    header = _segment({"alg": "RS256"})
    for payload in (
        b'{"a":[' + b"1," * (_ROOM // 2) + b"1]}",
        b'{"a":[' + b'{"a":1,"a":2},' * (_ROOM // 14) + b"1]}",
        b'{"a":[' + b"1e9," * (_ROOM // 4) + b"1]}",
        b"{" + b",".join(b'"%x":1' % number for number in range(_ROOM // 8)) + b"}",
        b'{"a":' * (_ROOM // 5),
        b'{"a":"' + b"\\ud800" * (_ROOM // 6) + b'"}',
        b'{"a":' + b"9" * _ROOM + b"}",
    ):
        yield header + b"." + _segment(payload) + b"." + b"A" * 342
    yield _segment({"alg": "\ufdfa" * 2_000}) + b".e30.AAAA"
    yield _segment({"alg": "RS256", "kid": "%25" * 3_600}) + b".e30.AAAA"
    yield b'{"payload":"' + b"A" * 8_000 + b'","signatures":[' + b"{}," * 2_000 + b"{}]}"
    yield header + b"." + "\ufdfa".encode() * 5_400


def firewall(rounds: int) -> Iterator[dict[str, Any]]:
    """CPU per token: honest ones seen for the first time and again, and the costliest of the hostile ones."""
    inspector, plain = Inspector(_POLICY), _credentials()

    def first_seen(credentials: list[Credential]) -> float:
        reader = BearerReader(inspector)
        return cpu(lambda one: reader.read(one, _ISSUED + 1.0), credentials)

    def inspect(token: bytes) -> float:
        return cpu(lambda one: inspector.inspect(one, "authorization", _ISSUED + 1.0), [token] * 5)

    bound = _credentials(cnf={"jkt": "A" * 43})
    yield {"name": "firewall, an honest bearer, first seen", "us": best([first_seen(plain) for _ in range(rounds)])}
    yield {"name": "firewall, one bound to a key, first seen", "us": best([first_seen(bound) for _ in range(rounds)])}
    yield {"name": "firewall, seen before", "us": best([first_seen(plain[:1] * _COUNT) for _ in range(rounds)])}
    yield {
        "name": "firewall, the costliest hostile bearer",
        "us": max(best([inspect(token) for _ in range(rounds)]) for token in hostile()),
    }
