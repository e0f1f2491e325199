"""Tokens of any shape, and what the firewall says of them; no code is shared with the package's parsers."""

from __future__ import annotations

import json
from typing import Any, Final

from mfa_middleware.firewall import Finding, Inspector, Policy, Verdict
from mfa_middleware.firewall.context import Context
from mfa_middleware.firewall.detectors import FAMILIES
from mfa_middleware.firewall.reading import read
from tests.helpers.keys import b64

NOW: Final = 1_800_000_000.0
CLAIMS: Final = {"iss": "https://idp.example.com", "sub": "press-4", "iat": int(NOW) - 60, "exp": int(NOW) + 600}
ASYMMETRIC: Final = frozenset({"RS256", "ES256"})
SIGNATURES: Final = {
    "ES256": bytes(range(1, 65)), "ES384": bytes(range(1, 97)), "ES512": b"\0" + bytes(range(1, 132)),
    "EdDSA": bytes(range(1, 64)) + b"\1", "Ed25519": bytes(range(1, 64)) + b"\1", "HS256": bytes(range(1, 33)),
}  # fmt: skip
SIGNATURES["ES512"] = (b"\0" + bytes(range(1, 66))) * 2


def segment(value: Any) -> str:
    """A segment of raw bytes, or of JSON."""
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def token(header: Any = None, payload: Any = None, signature: bytes | str | None = None) -> bytes:
    """A compact token: an honest one, with what is given put in its place."""
    members = {"alg": "RS256", "typ": "JWT"} | header if isinstance(header, dict) else header or {"alg": "RS256"}
    alg = members.get("alg") if isinstance(members, dict) else None
    made = SIGNATURES.get(alg, bytes(range(1, 129)) * 2) if isinstance(alg, str) else bytes(range(1, 129)) * 2
    tail = signature if isinstance(signature, str) else b64(made if signature is None else signature)
    return f"{segment(members)}.{segment(CLAIMS if payload is None else payload)}.{tail}".encode()


def verdict(presented: bytes, **policy: Any) -> Verdict:
    """What an inspector with this policy says, in the Authorization header, now."""
    return Inspector(Policy(**policy)).inspect(presented, "authorization", NOW)


def findings(presented: bytes, **policy: Any) -> tuple[Finding, ...]:
    """The findings; no detector that was passed over has one to add."""
    found = verdict(presented, **policy).findings
    assert {finding.id for finding in found} == ungated(presented, Policy(**policy))
    return found


def ungated(presented: bytes, policy: Policy) -> set[str]:
    """What the detectors find if none is passed over because its family has nothing to say."""
    reading = read(presented)
    if reading is None:
        return set()
    context = Context("authorization", policy.algorithms, None, policy.issuers, policy.audiences, NOW)
    detectors = [detector for family in FAMILIES for detector in family.detectors]
    return {finding.id for detector in detectors for finding in detector.run(reading, context)}


def ids(presented: bytes, **policy: Any) -> list[str]:
    """The ids of all findings."""
    return [finding.id for finding in findings(presented, **policy)]


def attacks(presented: bytes, **policy: Any) -> set[str]:
    """The ids that are called an attack."""
    return {finding.id for finding in findings(presented, **policy) if finding.is_attack}
