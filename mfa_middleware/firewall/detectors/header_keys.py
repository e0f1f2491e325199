"""Keys that a token brings along or points to. No address of a token is ever fetched."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.firewall.thumbprints import certificate_thumbprints
from mfa_middleware.jose.jwk import PRIVATE, thumbprint
from mfa_middleware.jose.strict import Malformed

__all__ = ["DETECTORS", "concerns", "is_internal"]

_MEMBERS: Final = frozenset({"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"})
_HONEST_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]++(?::[0-9]++)?(?:/[A-Za-z0-9._~/-]*+)?|[A-Za-z0-9._~ -]*+")
_HIDDEN: Final = re.compile(  # no case folding outside: among the non-ASCII characters are some that fold to ASCII
    r"[\\@\s\x00-\x1f\x7f-\U0010ffff]|(?i:%(?:2f|40|5c|00|0d|0a)|[?&](?:url|uri|redirect\w*|next)=)"
)
_ASTRAY: Final = re.compile(r"[\\\x00-\x1f\x7f]|^[a-z]+://[^/?#]*(?:[@\s]|%[0-9a-f]{2})", re.IGNORECASE)
_LONGEST: Final = 1_024
_OLD_ADDRESS: Final = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.IGNORECASE)
_SCHEMES: Final = frozenset({"http", "https"})
_INTERNAL_ZONES: Final = (".internal", ".local", ".localhost")
_INTERNAL_NAMES: Final = frozenset({"localhost", "metadata", "metadata.google.internal", "kubernetes.default.svc"})


def concerns(reading: Reading, _: Context) -> bool:
    """Whether the header names a key, or the issuer is no plain name or address."""
    if not _MEMBERS.isdisjoint(reading.header):
        return True
    issuer = reading.payload.get("iss") if type(reading.payload) is dict else None
    return type(issuer) is str and _HONEST_ISSUER.fullmatch(issuer) is None


@detects("embedded_jwk", "jwk_kid_graft")
def embedded(reading: Reading, context: Context) -> Iterator[Finding]:
    if "jwk" not in reading.header or context.as_proof:
        return
    yield context.structural("embedded_jwk")
    known = context.keys.for_kid(reading.kid) if context.keys is not None and reading.kid is not None else None
    if known is not None and _thumbprint(reading.header["jwk"]) != known.thumbprint:
        yield context.structural("jwk_kid_graft")


@detects("private_jwk", "symmetric_jwk")
def exposed(reading: Reading, context: Context) -> Iterator[Finding]:
    jwk = reading.header.get("jwk")
    if not isinstance(jwk, dict):
        return
    if private := sorted((PRIVATE - {"k"}) & jwk.keys()):
        yield context.structural("private_jwk", " ".join(private))
    if jwk.get("kty") == "oct" or "k" in jwk:
        yield context.structural("symmetric_jwk")


@detects("jku_spoof", "x5u_spoof", "jku_disguised", "jku_internal")
def addresses(reading: Reading, context: Context) -> Iterator[Finding]:
    for member, trick in (("jku", "jku_spoof"), ("x5u", "x5u_spoof")):
        if member not in reading.header:
            continue
        yield context.structural(trick)
        address = reading.header[member]
        if isinstance(address, str) and _HIDDEN.search(address):
            yield context.structural("jku_disguised", member)
        if isinstance(address, str) and is_internal(address):
            yield context.structural("jku_internal", member)


@detects("x5c_injection")
def certificates(reading: Reading, context: Context) -> Iterator[Finding]:
    """A certificate in the header proves nothing; whether the token is signed with it, is for the trials."""
    if "x5c" not in reading.header:
        return
    known = {key.certificate for key in context.keys.keys} if context.keys is not None else set()
    if _leaf(reading.header["x5c"]) not in known - {None}:
        yield context.policy("x5c_injection")


@detects("x5t_mismatch")
def certificate_names(reading: Reading, context: Context) -> Iterator[Finding]:
    named = [reading.header[member] for member in ("x5t", "x5t#S256") if member in reading.header]
    if context.keys is None or not named:
        return
    known = certificate_thumbprints(key.certificate for key in context.keys.keys)
    if known and not all(isinstance(name, str) and name.rstrip("=") in known for name in named):
        yield context.structural("x5t_mismatch")


@detects("issuer_url_trick")
def issuer(reading: Reading, context: Context) -> Iterator[Finding]:
    issuer = reading.payload.get("iss") if isinstance(reading.payload, dict) else None
    if not isinstance(issuer, str) or _HONEST_ISSUER.fullmatch(issuer):
        return
    if _ASTRAY.search(issuer[:_LONGEST]):
        yield context.structural("issuer_url_trick", "disguised")
    elif issuer.startswith(("file:", "data:", "ftp:", "gopher:", "jar:")) or "169.254.169.254" in issuer:
        yield context.structural("issuer_url_trick", "internal")


def is_internal(address: str) -> bool:
    """Whether an address is no web address at all, or one that only this server reaches."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return True
    if parts.scheme.lower() not in _SCHEMES:
        return bool(parts.scheme)
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host in _INTERNAL_NAMES or host.endswith(_INTERNAL_ZONES) or _OLD_ADDRESS.fullmatch(host) is not None


def _thumbprint(jwk: Any) -> str | None:
    try:
        return thumbprint({name: value for name, value in jwk.items() if name not in PRIVATE})
    except (Malformed, AttributeError):
        return None


def _leaf(chain: Any) -> bytes | None:
    first = chain[0] if isinstance(chain, list) and chain else None
    try:
        return b64decode(first) if isinstance(first, str) else None
    except ValueError:
        return None


DETECTORS: Final = (embedded, exposed, addresses, certificates, certificate_names, issuer)
