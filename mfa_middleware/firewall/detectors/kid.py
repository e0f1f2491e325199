"""What a `kid` tries to do to the code that looks the key up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.detectors.header_keys import is_internal
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading

__all__ = ["DETECTORS", "concerns"]

_LONGEST: Final = 1_024
_ORDINARY: Final = re.compile(r"(?!/)[A-Za-z0-9_=+/-]{1,256}")
_CLIMBS: Final = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)")
_FILE: Final = re.compile(
    r"/(?:dev|etc|proc|sys|tmp|var|usr|home|root|opt|srv|app|bin|mnt|run)/|[A-Za-z]:[/\\]|\\\\|//\?/|(?:file|jar|php):",
    re.IGNORECASE,
)
_SQL: Final = re.compile(
    r"""['"`)]\s*(?:;|--|\#|/\*|\|\||(?:or|and|union|having|order\s+by|group\s+by)\b)"""
    r"|\bunion\b.{0,64}\bselect\b|;\s*(?:drop|insert|update|delete|select|exec)\b|/\*.*\*/"
    r"|\b(?:sleep|benchmark|pg_sleep|waitfor\s+delay)\s*[('\"]",
    re.IGNORECASE | re.DOTALL,
)
_NOSQL: Final = re.compile(r"\$(?:ne|gte?|lte?|n?in|eq|regex|where|exists|or|and|expr)\b|\[\$\w+\]|\|\|\s*'?1'?\s*==")
_LDAP: Final = re.compile(r"\*\s*\)|\)\s*\(|\(\s*[|&!]\s*\(|\\2[89a]", re.IGNORECASE)
_COMMAND: Final = re.compile(
    r"[`\n]|\$\(|&&|[|;]\s*(?:[\w/.-]+\s|(?:id|whoami|ls|cat|curl|wget|nc|sh|bash|sleep|ping|env|uname)\b)|>\s*/|<\("
)
_TEMPLATE: Final = re.compile(r"\{\{|\$\{|<%|\#\{|\{%")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BENDS: Final = re.compile(r"%[0-9A-Fa-f]{2}|\?|#.*/")


def concerns(reading: Reading, context: Context) -> bool:
    """Whether a key id is there that is more than letters and digits, or one that is not registered."""
    if "kid" not in reading.header:
        return False
    kid = reading.header["kid"]
    if type(kid) is not str or _ORDINARY.fullmatch(kid) is None:
        return True
    return context.keys is not None and context.keys.for_kid(kid) is None


def _text(reading: Reading) -> str:
    """The key id as the last of several decoders sees it."""
    return _unescaped((reading.kid or "")[:_LONGEST])


@lru_cache(maxsize=32)
def _unescaped(text: str) -> str:
    for _ in range(3):
        if "%" not in text:
            break
        text = unquote(text)
    return text


@detects("kid_type")
def no_text(reading: Reading, context: Context) -> Iterator[Finding]:
    kid = reading.header.get("kid")
    if "kid" in reading.header and not isinstance(kid, str):
        yield context.policy("kid_type", "null") if kid is None else context.structural("kid_type", type(kid).__name__)


@detects("kid_traversal", "kid_file")
def files(reading: Reading, context: Context) -> Iterator[Finding]:
    text = _text(reading)
    if _CLIMBS.search(text):
        yield context.structural("kid_traversal")
    if _FILE.match(text):
        yield context.structural("kid_file")


@detects("kid_sql", "kid_ldap")
def queries(reading: Reading, context: Context) -> Iterator[Finding]:
    text = _text(reading)
    if _SQL.search(text):
        yield context.structural("kid_sql")
    if _LDAP.search(text):
        yield context.structural("kid_ldap")


@detects("kid_nosql")
def operators(reading: Reading, context: Context) -> Iterator[Finding]:
    kid = reading.header.get("kid")
    if _NOSQL.search(_text(reading)) or any(name.startswith("$") for name in _names(kid)):
        yield context.structural("kid_nosql")


@detects("kid_command", "kid_template")
def code(reading: Reading, context: Context) -> Iterator[Finding]:
    text = _text(reading)
    if _COMMAND.search(text) and not text.startswith("did:"):  # parameters of a DID URL begin with a semicolon
        yield context.structural("kid_command")
    if _TEMPLATE.search(text):
        yield context.structural("kid_template")


@detects("kid_url")
def addresses(reading: Reading, context: Context) -> Iterator[Finding]:
    kid = reading.kid
    if kid is None or kid.startswith("did:"):
        return
    is_address = kid.startswith(("http://", "https://"))
    if (is_address and is_internal(kid)) or (not is_address and _BENDS.search(kid[:_LONGEST])):
        yield context.policy("kid_url")


@detects("kid_control", "kid_oversize")
def characters(reading: Reading, context: Context) -> Iterator[Finding]:
    if _CONTROL.search(_text(reading)):
        yield context.structural("kid_control")
    if reading.kid is not None and len(reading.kid) > _LONGEST:
        yield context.structural("kid_oversize")


@detects("kid_unknown")
def unknown(reading: Reading, context: Context) -> Iterator[Finding]:
    if context.keys is not None and reading.kid is not None and context.keys.for_kid(reading.kid) is None:
        yield context.policy("kid_unknown")


def _names(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


DETECTORS: Final = (no_text, files, queries, operators, code, addresses, characters, unknown)
