"""What the firewall makes of one token: every trick in it, and whether it may pass."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Final, NamedTuple

from mfa_middleware.firewall.context import Context, Keys, Trials, Verification, Verify
from mfa_middleware.firewall.detectors import FAMILIES
from mfa_middleware.firewall.detectors.algorithm import KNOWN
from mfa_middleware.firewall.detectors.claims import settled_until
from mfa_middleware.firewall.detectors.signature import is_ordinary_signature
from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.firewall.ordinary import is_ordinary_payload
from mfa_middleware.firewall.reading import Reading, read
from mfa_middleware.http import Address

__all__ = ["OPAQUE", "Inspector", "Mode", "Policy", "Verdict", "detect", "refusing"]

_NEVER: Final = float("inf")
_NOT_TRIED: Final = Verification(None)
_SETTLED: Final = frozenset({"detached_payload", "payload_not_object"})  # the signer chose this payload
_SEGMENTS: Final = re.compile(rb"[A-Za-z0-9_=-]*+(?:\.[A-Za-z0-9_=-]*+)++")
_STRENGTH: Final = (Evidence.POLICY, Evidence.STRUCTURAL, Evidence.CONFIRMED)


class Mode(enum.StrEnum):
    """What the firewall does with an attack (MFA_FIREWALL)."""

    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


class Policy(NamedTuple):
    """What the firewall is told to do: its mode, the ids that it only reports, and what the app accepts."""

    mode: Mode = Mode.ENFORCE
    allowed: Set[str] = frozenset()
    algorithms: Set[str] = frozenset()
    issuers: Set[str] = frozenset()
    audiences: Set[str] = frozenset()


class Verdict(NamedTuple):
    """What came of one inspection.

    `claims`: where every parser reads the same, verified only if `verified` is True; it is None where no key is
    registered. `refused_for`: the ids for which the token may not pass. `is_token`: False for an opaque credential.
    `unsure_claims`: the claims as some parser reads them, for rules that only tighten.
    """

    findings: tuple[Finding, ...] = ()
    refused_for: tuple[str, ...] = ()
    claims: Mapping[str, Any] | None = None
    verified: bool | None = None
    is_token: bool = False
    until: float = _NEVER
    unsure_claims: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<Verdict {', '.join(finding.id for finding in self.findings) or 'clean'}>"


OPAQUE: Final = Verdict()


class Inspector:
    """Inspects tokens. `keys`: the registered keys of the moment; `verify`, `trials`: what is done with them."""

    __slots__ = ("_is_plain", "_keys", "_trials", "_verify", "policy")

    def __init__(
        self,
        policy: Policy,
        *,
        keys: Callable[[], Keys | None] | None = None,
        verify: Verify | None = None,
        trials: Trials | None = None,
    ) -> None:
        self.policy = policy
        self._keys = keys
        self._verify = verify
        self._trials = trials
        self._is_plain = not (keys or verify or trials or policy.issuers or policy.audiences)

    def keys(self) -> Keys | None:
        """The registered keys of the moment; a verdict holds for these only."""
        return self._keys() if self._keys is not None else None

    def inspect(self, token: bytes, place: str, now: float, source: Address | None = None) -> Verdict:
        """The verdict on a token; `now` in unix seconds, `source`: who presented it. Never raises."""
        reading = read(token)
        if reading is None:
            return self._opaque(token, place, now)
        if self.policy.mode is Mode.OFF:
            return Verdict(claims=reading.claims, unsure_claims=_any_claims(reading), is_token=True)
        if reading.has_ordinary_header and self._is_plain and self._is_ordinary(reading, now):
            return Verdict((), (), reading.payload, None, True, reading.payload["exp"], reading.payload)
        context = self._context(place, now, source)
        findings = detect(reading, context)
        outcome = self._verify(reading, context) if self._verify is not None else _NOT_TRIED
        findings += outcome.findings
        if self._trials is not None and not (outcome.verified or outcome.signed):
            findings += self._trials(reading, context)
        if outcome.verified is False and not findings:
            findings = [context.policy("signature_invalid")]
        return self._verdict(reading, findings, outcome, now)

    def _is_ordinary(self, reading: Reading, now: float) -> bool:
        """Whether no detector finds anything; most tokens are of this kind, and all of these cost little."""
        alg: str = reading.header["alg"]
        if alg not in (self.policy.algorithms or KNOWN) or not is_ordinary_signature(alg, reading.signature):
            return False
        return is_ordinary_payload(reading.payload, now)

    def _opaque(self, token: bytes, place: str, now: float) -> Verdict:
        """What has no header is no token; but where tokens are verified, segments without one are a broken token."""
        is_expected = place == "authorization" and self.policy.mode is not Mode.OFF and self.keys() is not None
        if not is_expected or _SEGMENTS.fullmatch(token) is None:
            return OPAQUE
        found = (self._context(place, now, None).structural("missing_separator", "no header"),)
        return Verdict(found, self._refused_for(found, None), None, False, True)

    def _verdict(self, reading: Reading, findings: list[Finding], outcome: Verification, now: float) -> Verdict:
        if outcome.verified and findings:
            findings = [one._replace(evidence=Evidence.POLICY) if one.id in _SETTLED else one for one in findings]
        strongest = _strongest(findings) if findings else ()
        refused_for = self._refused_for(strongest, outcome.verified) if strongest else ()
        claims = reading.claims
        until = min(outcome.until, settled_until(claims, now)) if claims else outcome.until
        return Verdict(
            strongest, refused_for, outcome.claims or claims, outcome.verified, True, until, _any_claims(reading)
        )

    def _context(self, place: str, now: float, source: Address | None) -> Context:
        policy, keys = self.policy, self.keys()
        accepted = policy.algorithms or (keys.algorithms if keys is not None else frozenset())
        return Context(place, accepted, keys, policy.issuers, policy.audiences, now, source)

    def _refused_for(self, findings: tuple[Finding, ...], verified: bool | None) -> tuple[str, ...]:
        if self.policy.mode is not Mode.ENFORCE:
            return ()
        ids = refusing(findings, self.policy.allowed)
        return ids or (tuple(finding.id for finding in findings) if verified is False else ())


def detect(reading: Reading, context: Context) -> list[Finding]:
    """What all detectors find."""
    found: list[Finding] = []
    for concerns, detectors in FAMILIES:
        if concerns(reading, context):
            for detector in detectors:
                found += detector.run(reading, context)
    return found


def refusing(findings: Iterable[Finding], allowed: Set[str]) -> tuple[str, ...]:
    """The ids of the attacks among some findings that are not allowed, each once."""
    return tuple(dict.fromkeys(one.id for one in findings if one.is_attack and one.id not in allowed))


def _strongest(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each id and detail once, and each id with its strongest evidence only."""
    best: dict[str, Evidence] = {}
    listed = list(dict.fromkeys(findings))
    for finding in listed:
        best[finding.id] = max(best.get(finding.id, finding.evidence), finding.evidence, key=_STRENGTH.index)
    return tuple(finding for finding in listed if finding.evidence is best[finding.id])


def _any_claims(reading: Reading) -> Mapping[str, Any] | None:
    return reading.payload if isinstance(reading.payload, dict) else None
