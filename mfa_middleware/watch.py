"""What the check of a request asks the firewall: what stands in its tokens, around them, and behind a refusal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from mfa_middleware.bearer import Bearer, BearerReader
from mfa_middleware.clock import Clock
from mfa_middleware.credentials import Credential, Places, hash_of
from mfa_middleware.errors import Code, Refusal
from mfa_middleware.firewall.detectors import possession, transport
from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.firewall.inspector import Inspector, Mode, refusing
from mfa_middleware.firewall.trials.allowance import Allowance, Rate
from mfa_middleware.http import Headers, Request, matches_exactly
from mfa_middleware.settings import Settings
from mfa_middleware.trail import Trail

__all__ = ["Watch"]

_SCHEME: Final = re.compile(rb"^(?:bearer|dpop)[ \t]+", re.IGNORECASE)
_FORM: Final = b"application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 1_000
_MOST: Final = 8  # values, or parts of one, that are read where a place has no single reading
_EACH: Final = Rate(burst=100, per_second=2)
_TOGETHER: Final = Rate(burst=400, per_second=20)
_NOTHING: Final[tuple[Finding, ...]] = ()
_ATTACKS: Final = "the bearer token is forged: {}"
_UNVERIFIED: Final = "the bearer token does not verify: {}"
_AROUND: Final = "the request is built to be read in two ways: {}"


class Watch:
    """The firewall of one app, as the check of a request uses it."""

    def __init__(self, settings: Settings, inspector: Inspector, places: Places, clock: Clock) -> None:
        self._policy = inspector.policy
        self._places = places
        self._bearers = BearerReader(inspector)
        security_headers = places.header_names - {b"cookie"} | {b"dpop"}
        self._about = transport.Surroundings(_hosts(settings.origins), security_headers, settings.trusted_proxies > 0)
        self._algorithms = settings.algorithms
        self._allowance = Allowance(_EACH, _TOGETHER, clock=clock)
        self._is_off = self._policy.mode is Mode.OFF
        self._told_only = settings.firewall_report
        self._form_fields = frozenset(name.encode("ascii") for name in settings.form_tokens)

    def read(self, headers: Headers, trail: Trail) -> None:
        """Read the tokens in the credentials. Raises Refusal (forged_token)."""
        trail.bearers = tuple([self._bearers.read(one, trail.now, trail.client) for one in trail.credentials])
        if not self._is_off and trail.bearers[0].is_token and _scheme(headers) == "dpop":
            trail.findings += _unbound(trail.bearers[0])
        self._take(trail, trail.bearers)

    def read_ambiguous(self, request: Request, headers: Headers, trail: Trail) -> None:
        """Read every token of a request whose credentials have no single reading. Raises Refusal (forged_token)."""
        if self._is_off:
            return
        around = transport.inspect(request, headers, self._about)
        trail.findings = tuple(dict.fromkeys((*trail.findings, *around)))
        values = [*self._places.values(headers, request.query)][:_MOST]
        found = [Credential(place, hash_of(part), part) for place, value in values for part in _parts(value)]
        self._take(trail, [self._bearers.read(one, trail.now, trail.client) for one in found])

    def look_around(self, request: Request, headers: Headers, trail: Trail) -> None:
        """Find what is wrong with the request around its tokens. An attack is noted, to be answered in its turn."""
        trail.told_only = bool(self._told_only) and matches_exactly(request, self._told_only)
        if self._is_off or not transport.concerns(request, headers, self._about):
            return
        trail.findings = transport.inspect(request, headers, self._about)
        ids = refusing(trail.findings, self._policy.allowed) if self._policy.mode is Mode.ENFORCE else ()
        if ids and not trail.told_only:
            trail.noted = Refusal(Code.FORGED_TOKEN, _AROUND.format(", ".join(ids)))

    def wants_form(self, request: Request, headers: Headers) -> bool:
        """Whether the body is a form that may hold a token (RFC 6750 2.2)."""
        if not self._form_fields or self._is_off or request.websocket:
            return False
        return headers.last.get(b"content-type", b"").partition(b";")[0].strip().lower() == _FORM

    def read_form(self, body: bytes, trail: Trail) -> None:
        """Read the tokens in a form. Raises Refusal (forged_token)."""
        found = []
        for part in body.split(b"&", _MOST_FIELDS)[:_MOST_FIELDS]:
            name, _, value = part.partition(b"=")
            if unquote_to_bytes(name) in self._form_fields:
                token = unquote_to_bytes(value.replace(b"+", b" ")).strip()
                found.append(Credential(f"form:{name.decode('latin-1')[:64]}", hash_of(token), token))
        self._take(trail, [self._bearers.read(one, trail.now, trail.client) for one in found[:_MOST]])

    def explain(self, refusal: Refusal, headers: Headers, trail: Trail) -> None:
        """Name the tricks that a refusal of a proof answers."""
        if self._is_off:
            return
        proof, code = trail.proof, refusal.code
        bound_to = [one.jkt for one in trail.bearers if one.jkt is not None]
        if code in possession.AT_ONCE and not (bound_to and code is Code.UNKNOWN_MACHINE):
            trail.findings += possession.AT_ONCE[code]
            return
        attempt = possession.Attempt(
            refusal,
            headers.all(b"dpop"),
            bound_to,
            lambda: _scheme(headers),
            self._algorithms,
            trail.now,
            proof.thumbprint if proof is not None else None,
            proof.claims if proof is not None else {},
            trail.ambiguous,
            lambda: self._allowance.take(str(trail.client)),
        )
        trail.findings += possession.explain(attempt)

    def _take(self, trail: Trail, bearers: Sequence[Bearer]) -> None:
        refused_for: tuple[str, ...] = ()
        for bearer in bearers:
            trail.findings += bearer.findings
            refused_for += bearer.refused_for
        if refused_for and not trail.told_only:
            is_attack = any(finding.is_attack for finding in trail.findings)
            text = _ATTACKS if is_attack else _UNVERIFIED
            raise Refusal(Code.FORGED_TOKEN, text.format(", ".join(dict.fromkeys(refused_for))))


def _hosts(origins: Sequence[str]) -> frozenset[bytes]:
    """The Host values that name an origin, with and without its default port."""
    hosts = set()
    for origin in origins:
        scheme, _, authority = origin.partition("://")
        hosts |= {authority, f"{authority}:{443 if scheme == 'https' else 80}"}
    return frozenset(host.encode("latin-1") for host in hosts)


def _parts(value: bytes) -> list[bytes]:
    """The credentials in a value that may hold several; JSON is one."""
    bare = _SCHEME.sub(b"", value, 1)
    if bare.startswith(b"{"):
        return [bare]
    return [_SCHEME.sub(b"", part.strip(), 1) for part in value.split(b",", _MOST)]


def _scheme(headers: Headers) -> str:
    lines = headers.all(b"authorization")
    return lines[0].partition(b" ")[0].decode("latin-1").lower() if lines else ""


def _unbound(bearer: Bearer) -> tuple[Finding, ...]:
    if bearer.jkt is not None:
        return _NOTHING
    return (Finding("unbound_upgrade", Evidence.POLICY, "authorization"),)
