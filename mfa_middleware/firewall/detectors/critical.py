"""`crit`, `b64`, `typ`, and headers that do not belong to a signed token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading

__all__ = ["DETECTORS", "concerns"]

_REGISTERED: Final = frozenset(
    {"alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit"}
)
_OF_ENCRYPTION: Final = frozenset({"zip", "epk", "apu", "apv", "p2s", "p2c", "tag"})
_LOOKED_AT: Final = frozenset({"crit", "b64"}) | _OF_ENCRYPTION
_ORDINARY_TYPES: Final = frozenset({None, "JWT", "at+jwt", "jwt", "application/at+jwt"})
_PROOFS: Final = frozenset(
    {"dpop+jwt", "kb+jwt", "oauth-client-attestation-pop+jwt", "wpt+jwt", "openid4vci-proof+jwt"}
)
_OTHERS: Final = frozenset(
    {
        "logout+jwt", "secevent+jwt", "vc+jwt", "vp+jwt", "vc+sd-jwt", "dc+sd-jwt", "oauth-authz-req+jwt",
        "client-authentication+jwt", "entity-statement+jwt", "token-introspection+jwt", "jwk-set+jwt",
        "oauth-client-attestation+jwt", "jarm+jwt", "trust-mark+jwt", "statuslist+jwt",
    }
)  # fmt: skip
_OF_ID_TOKENS: Final = frozenset({"at_hash", "c_hash", "nonce", "s_hash"})
_CLAIMS: Final = _OF_ID_TOKENS | {"htm"}


def concerns(reading: Reading, _: Context) -> bool:
    """Whether anything but an ordinary access token may be here."""
    typ = reading.header.get("typ")
    if (
        reading.faults
        or type(reading.payload) is not dict
        or not (typ is None or (type(typ) is str and typ in _ORDINARY_TYPES))
    ):
        return True
    return not (_LOOKED_AT.isdisjoint(reading.header) and _CLAIMS.isdisjoint(reading.payload))


@detects("crit_unknown", "crit_malformed")
def crit(reading: Reading, context: Context) -> Iterator[Finding]:
    if "crit" not in reading.header:
        return
    names = reading.header["crit"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        yield context.structural("crit_malformed", "no list of names")
        return
    if len(set(names)) < len(names) or not _REGISTERED.isdisjoint(names) or not reading.header.keys() >= set(names):
        yield context.structural("crit_malformed", "names that may not be there")
    if unknown := set(names) - _REGISTERED:
        yield context.structural("crit_unknown", f"{len(unknown)} names")


@detects("unencoded_payload")
def unencoded(reading: Reading, context: Context) -> Iterator[Finding]:
    if "b64" in reading.header:
        yield context.structural("unencoded_payload")


@detects("detached_payload")
def detached(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.has(Fault.EMPTY_PAYLOAD):
        yield context.structural("detached_payload")


@detects("proof_as_token", "foreign_typ", "id_token_as_access_token")
def purpose(reading: Reading, context: Context) -> Iterator[Finding]:
    if context.as_proof:
        return
    typ = reading.header.get("typ")
    name = typ.casefold().strip().removeprefix("application/") if isinstance(typ, str) else None
    claims: dict[str, Any] = reading.payload if isinstance(reading.payload, dict) else {}
    if name in _PROOFS or {"htm", "htu", "jti"} <= claims.keys():
        yield context.structural("proof_as_token")
    elif name in _OTHERS or (typ is not None and name is None):
        yield context.policy("foreign_typ")
    if not _OF_ID_TOKENS.isdisjoint(claims):
        yield context.policy("id_token_as_access_token")


@detects("foreign_header")
def foreign(reading: Reading, context: Context) -> Iterator[Finding]:
    if not reading.is_encrypted and (names := sorted(_OF_ENCRYPTION & reading.header.keys())):
        yield context.policy("foreign_header", " ".join(names))


DETECTORS: Final = (crit, unencoded, detached, purpose, foreign)
