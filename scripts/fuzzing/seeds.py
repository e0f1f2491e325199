"""Where the fuzzer begins: every forgery of a token, and inputs that a reader may take long for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mfa_middleware.cli.probe.forgeries import TOKENS
from mfa_middleware.cli.probe.signing import SigningKey, fresh_key
from mfa_middleware.cli.probe.target import KnownKey, Target
from mfa_middleware.cli.probe.tokens import compact
from scripts.fuzzing.inspectors import MAX_LENGTH, SETTINGS

__all__ = ["write_seeds"]

_EACH: Final = 3
_FULL: Final = 12_000  # bytes of JSON that make a token of about MAX_LENGTH


def write_seeds(folder: Path) -> None:
    """One file for each seed; the first byte chooses the setting."""
    for number, token in enumerate(_tokens()):
        (folder / f"{number:04}").write_bytes(bytes([number % SETTINGS]) + token[: MAX_LENGTH + 1])


def _tokens() -> Iterator[bytes]:
    issuer, other = fresh_key("RS256"), fresh_key("ES256")
    keys = (KnownKey("ES256", "key-1", other.private.public_key()),)
    target = Target("http://127.0.0.1/", issuer=SigningKey("RS256", issuer.private), keys=keys)
    for tokens in TOKENS.values():
        for _, (token, _) in zip(range(_EACH), tokens(target), strict=False):
            yield token
    header = {"alg": "RS256"}
    yield from (compact(header, text, b"x" * 256) for text in _long_texts())
    yield from (compact(text, {}, b"x" * 256) for text in _long_texts())
    yield from (byte * MAX_LENGTH for byte in (b".", b"{", b"[", b"=", b" ", b"A", b'"'))
    yield b"e30." * (MAX_LENGTH // 4)


def _long_texts() -> Iterator[bytes]:
    yield b'{"a":"' + b"\\u00fc" * (_FULL // 6) + b'"}'
    yield b'{"a":' + b"[" * _FULL
    yield b'{"a":' + b"9" * _FULL + b"}"
    yield json.dumps({str(number): number for number in range(900)}).encode()
    yield json.dumps({"alg": "RS256", "kid": "%25" * 3_000}).encode()
    yield json.dumps({"alg": "\uff32" * 1_500, "kid": "' or " * 1_500}).encode()
    yield json.dumps({"iss": "https://" + "a." * 5_000, "aud": ["x"] * 2_000}).encode()
    yield b"{" + b'"a":1,' * 1_900 + b'"a":1}'
