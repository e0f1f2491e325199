"""The HTTP request around the token: what two parties may read as two requests, or as two credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Final, NamedTuple

from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.firewall.sources import authorization_tokens, strays
from mfa_middleware.http import Headers, Request
from mfa_middleware.uri import is_ambiguous_path

__all__ = ["HEADERS", "IDS", "Surroundings", "concerns", "inspect"]

_OVERRIDES: Final = frozenset({b"x-http-method-override", b"x-http-method", b"x-method-override"})
_UNUSUAL: Final = _OVERRIDES | {b"transfer-encoding", b"x-forwarded-host", b"forwarded"}
HEADERS: Final = _UNUSUAL | {b"authorization", b"connection", b"content-length", b"content-type", b"cookie", b"host"}
"""What is read beside the credential places."""
_ORDINARY_CONNECTIONS: Final = frozenset({None, b"keep-alive", b"close", b"Keep-Alive", b"Upgrade", b"upgrade"})
_NEVER_DROPPED: Final = frozenset({b"dpop", b"authorization", b"cookie", b"host", b"content-digest", b"signature"})
_TOKEN_IN: Final = re.compile(rb"token|eyJ|dpop|jwt", re.IGNORECASE)
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
_CREDENTIAL: Final = re.compile(rb"(?:bearer|dpop)(?=[ \t\xa0,])", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f-\xff]")
_TWO: Final = re.compile(
    rb",[ \t]*(?:(?:bearer|dpop|basic)[ \t]|[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.)|,[^=]*$", re.IGNORECASE
)
_FORWARDED: Final = re.compile(rb'host="?([^;," ]*)', re.IGNORECASE)
_PLACE: Final = "request"


class Surroundings(NamedTuple):
    """What is known of an app: the authorities of its origins (empty: not told), and its headers of credentials.

    `behind_proxy`: a trusted proxy makes the Host header, and may write the name of its upstream there.
    """

    hosts: Set[bytes] = frozenset()
    security_headers: Set[bytes] = frozenset({b"authorization", b"dpop"})
    behind_proxy: bool = False


def concerns(request: Request, headers: Headers, about: Surroundings) -> bool:
    """Whether anything is unusual; the honest request is told apart in a few comparisons.

    Credentials that have no single reading are not looked for: they are refused, and inspected then.
    """
    if headers.has_repeated or headers.twins or not request.method.isupper():
        return True
    last, path, query = headers.last, request.raw_path, request.query
    if not _UNUSUAL.isdisjoint(last) or last.get(b"connection") not in _ORDINARY_CONNECTIONS:
        return True
    if path[:1] != "/" or ";" in path or is_ambiguous_path(path):
        return True
    host = last.get(b"host")
    if host is not None and host not in about.hosts and (_is_told(about) or _HOST.fullmatch(host) is None):
        return True
    if b"  " in last.get(b"authorization", b""):
        return True
    cookie = last.get(b"cookie")
    return bool((query and _TOKEN_IN.search(query)) or (cookie and _TOKEN_IN.search(cookie)))


class _Seen(NamedTuple):
    request: Request
    headers: Headers
    about: Surroundings


def _is_told(about: Surroundings) -> bool:
    """Whether Host must name one of the origins."""
    return bool(about.hosts) and not about.behind_proxy


def inspect(request: Request, headers: Headers, about: Surroundings) -> tuple[Finding, ...]:
    """Every trick in a request that `concerns`."""
    seen = _Seen(request, headers, about)
    return tuple(dict.fromkeys(finding for detector in _DETECTORS for finding in detector(seen)))


def _structural(trick: str, detail: str = "") -> Finding:
    return Finding(trick, Evidence.STRUCTURAL, _PLACE, detail)


def _policy(trick: str, detail: str = "") -> Finding:
    return Finding(trick, Evidence.POLICY, _PLACE, detail)


def _authorization(seen: _Seen) -> Iterator[Finding]:
    """Credentials of Bearer and DPoP; those of other schemes have commas and spaces of their own."""
    lines = seen.headers.all(b"authorization")
    if len(lines) > 1:
        yield _structural("multiple_authorization")
    for line in lines:
        if (match := _CREDENTIAL.match(line)) is None:
            continue
        rest = line[match.end() :]
        if _TWO.search(rest):
            yield _structural("multiple_authorization")
        elif b" " in rest.strip() or b"\t" in rest:
            yield _structural("folded_header")
        if _FORBIDDEN.search(rest):
            yield _structural("credential_bytes")
        if rest.startswith(b"  "):
            yield _policy("scheme_spacing")


def _header_names(seen: _Seen) -> Iterator[Finding]:
    for name in sorted(seen.headers.twins):
        found = _structural if name in seen.about.security_headers else _policy
        yield found("underscore_header", name.decode("latin-1"))
    named = {token.strip().lower() for line in seen.headers.all(b"connection") for token in line.split(b",")[:32]}
    if dropped := named & (_NEVER_DROPPED | seen.about.security_headers):
        yield _structural("hop_by_hop", " ".join(sorted(name.decode("latin-1") for name in dropped)))
    if any(seen.headers.all(name) for name in _OVERRIDES):
        yield _policy("method_override")


def _length(seen: _Seen) -> Iterator[Finding]:
    lengths = {part.strip() for line in seen.headers.all(b"content-length") for part in line.split(b",")[:8]}
    if len(lengths) > 1 or (lengths and seen.headers.all(b"transfer-encoding")):
        yield _structural("request_smuggling")


def _hosts(seen: _Seen) -> Iterator[Finding]:
    lines = seen.headers.all(b"host")
    if len(lines) > 1 or any(_HOST.fullmatch(line) is None for line in lines):
        yield _structural("host_malformed")
    elif _is_told(seen.about) and lines and lines[0].lower() not in seen.about.hosts:
        yield _policy("host_untrusted")
    told = [name.strip() for line in seen.headers.all(b"x-forwarded-host") for name in line.split(b",")[:8]]
    told += [name for line in seen.headers.all(b"forwarded") for name in _FORWARDED.findall(line[:1_024])]
    if seen.about.hosts and any(name.lower() not in seen.about.hosts for name in told):
        yield _policy("forwarded_host")


def _line(seen: _Seen) -> Iterator[Finding]:
    path, method = seen.request.raw_path, seen.request.method
    if path and not path.startswith("/") and not (path == "*" and method == "OPTIONS"):
        yield _structural("absolute_target")
    elif ";" in path or is_ambiguous_path(path):
        yield _policy("path_ambiguous")
    if not method.isupper():
        yield _policy("method_case")


def _sources(seen: _Seen) -> Iterator[Finding]:
    presented = authorization_tokens(seen.headers)
    for stray in strays(seen.headers, seen.request.query):
        if stray.is_proof:
            yield _policy("proof_elsewhere", stray.kind)
        elif stray.kind == "query" and (stray.is_access_token or stray.is_token):
            yield _policy("token_in_query")
        if stray.is_access_token and presented and stray.text not in presented:
            found = _structural if stray.kind == "query" else _policy
            yield found("source_mismatch", stray.kind)


_DETECTORS: Final = (_authorization, _header_names, _length, _hosts, _line, _sources)
IDS: Final = frozenset(
    {
        "multiple_authorization", "folded_header", "credential_bytes", "scheme_spacing", "underscore_header",
        "hop_by_hop", "method_override", "request_smuggling", "host_malformed", "host_untrusted", "forwarded_host",
        "absolute_target", "path_ambiguous", "method_case", "proof_elsewhere", "token_in_query", "source_mismatch",
    }
)  # fmt: skip
"""The tricks that are found here."""
