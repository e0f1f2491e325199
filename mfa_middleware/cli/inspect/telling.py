"""A token in words. Its signature is never shown, and nothing that a terminal would obey."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mfa_middleware.cli.catalog import references
from mfa_middleware.cli.console import Console, clean
from mfa_middleware.cli.inspect.examined import Examined
from mfa_middleware.cli.times import shown
from mfa_middleware.firewall import CATALOG, Evidence, Finding
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.jose.jwk import PRIVATE, b64url

__all__ = ["tell", "to_json"]

_COLOURS: Final = {Evidence.CONFIRMED: "red", Evidence.STRUCTURAL: "red", Evidence.POLICY: "yellow"}
_LONGEST: Final = 400
_DIGEST: Final = 12  # characters, as in events
_DATES: Final = ("iat", "nbf", "exp")
_SEGMENTS: Final = {3: "a signed token (JWS, RFC 7515)", 5: "an encrypted token (JWE, RFC 7516)"}


def tell(examined: Examined, console: Console) -> None:
    """The facts, then each finding with what it means."""
    console.facts(dict(_facts(examined)))
    findings = examined.verdict.findings
    console.say(f"\n{_summary(findings)}")
    for finding in findings:
        trick = CATALOG[finding.id]
        detail = f", {finding.detail}" if finding.detail else ""
        console.say()
        console.say(f"{console.paint(finding.id, _COLOURS[finding.evidence])} ({finding.evidence}{detail})")
        facts = {"  is": f"{trick.title}: {trick.what}", "  works": trick.how, "  to do": trick.advice}
        console.facts({**facts, "  read": references(trick)})


def to_json(examined: Examined) -> dict[str, object]:
    """The same for programs."""
    verdict, reading = examined.verdict, examined.reading
    return {
        "kind": _kind(reading),
        "digest": _digest(examined.token),
        "header": _shown(reading.header) if reading is not None else None,
        "claims": _shown(_claims(reading)),
        "verified": verdict.verified,
        "faults": [f"{noted.fault} ({noted.part})" for noted in reading.faults] if reading is not None else [],
        "findings": [
            {"id": one.id, "evidence": one.evidence, "detail": one.detail, "references": references(CATALOG[one.id])}
            for one in verdict.findings
        ],
        "attack": any(finding.is_attack for finding in verdict.findings),
    }


def _facts(examined: Examined) -> Iterator[tuple[str, str]]:
    reading, verdict = examined.reading, examined.verdict
    yield "what", _kind(reading)
    yield "length", f"{len(examined.token)} bytes"
    yield "digest", f"{_digest(examined.token)} (the credential in events)"
    if reading is None:
        return
    for name, value in reading.header.items():
        yield f"header {clean(name)}", _text(value)
    claims = _claims(reading)
    for name, value in (claims or {}).items():
        yield f"claim {clean(name)}", _date(value, examined.now) if name in _DATES else _text(value)
    if reading.faults:
        yield "faults", ", ".join(f"{noted.fault} ({noted.part})" for noted in reading.faults)
    yield "verified", _verified(verdict.verified, has_keys=examined.has_keys)


def _kind(reading: Reading | None) -> str:
    if reading is None:
        return "no token that says anything: an opaque credential, such as an API key"
    if reading.token.lstrip()[:1] == b"{":
        return "a token in JSON, where the compact form is expected"
    if reading.has(Fault.EMPTY_SIGNATURE):
        return "a token without a signature"
    count = len(reading.segments)
    return _SEGMENTS.get(count, f"a broken token of {count} segments")


def _verified(verified: bool | None, *, has_keys: bool) -> str:
    if verified is None:
        return "not tried" if has_keys else "not tried: no keys were given (--keys FILE)"
    return "yes, by one of the keys" if verified else "NO: none of the keys stands for it"


def _summary(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "no trick was found in it"
    attacks = sum(finding.is_attack for finding in findings)
    rest = len(findings) - attacks
    return f"{attacks} findings that no honest client causes, {rest} that one may cause"


def _claims(reading: Reading | None) -> Mapping[str, Any] | None:
    return reading.payload if reading is not None and isinstance(reading.payload, dict) else None


def _digest(token: bytes) -> str:
    return b64url(hashlib.sha256(token).digest())[:_DIGEST]


def _shown(value: Any) -> Any:
    """A value without private keys, and without numbers that JSON does not have."""
    if isinstance(value, dict):
        private = PRIVATE if "kty" in value else frozenset()
        return {name: "(private)" if name in private else _shown(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _date(value: Any, now: float) -> str:
    if type(value) not in (int, float) or not 0 <= value < 2**38:
        return _text(value)
    hours = abs(value - now) / 3_600
    span = f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h" if hours < 96 else f"{hours / 24:.0f} d"
    return f"{shown(value)} ({'in ' + span if value > now else span + ' ago'})"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(_shown(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
