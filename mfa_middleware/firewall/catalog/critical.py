"""Family F: `crit`, `b64`, `typ`, and headers that do not belong there."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="critical", cwe=("CWE-347",), attack=("T1606", "T1190"))
_BLOCKED: Final = "Blocked. Update the JWT library of the app, and of every service without a firewall."
_TYPE: Final = "Have each kind of token issued with its own `typ`, and let the app accept only one (RFC 8725 3.11)."

ROWS: Final = (
    _row(
        id="crit_unknown",
        ref="F1",
        title="Extension that must be understood",
        what="`crit` names an extension that this app does not know.",
        how="The library ignores `crit`, and with it what the extension would restrict.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2025-59420", "CVE-2026-32597", "CVE-2026-35042"),
        cwe=("CWE-347", "CWE-358"),
        advice=_BLOCKED,
    ),
    _row(
        id="crit_malformed",
        ref="F2",
        title="Malformed `crit`",
        what="`crit` is empty, no list, has a name twice, a registered name, or a name that is not in the header.",
        how="A check that loops over the list finds nothing to complain about.",
        evidence=Evidence.STRUCTURAL,
        cwe=("CWE-347", "CWE-20"),
        advice=_BLOCKED,
    ),
    _row(
        id="unencoded_payload",
        ref="F3",
        title="Payload that is not encoded",
        what="The header has `b64` (RFC 7797), with or without `crit`.",
        how="Signer and verifier disagree on the bytes that were signed.",
        evidence=Evidence.STRUCTURAL,
        cwe=("CWE-347", "CWE-436"),
        advice=_BLOCKED,
    ),
    _row(
        id="detached_payload",
        ref="F4",
        title="Payload that is somewhere else",
        what="The middle segment is empty.",
        how="The signature covers a payload that the caller supplies elsewhere, or nothing at all.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-48525", "CVE-2026-48990"),
        cwe=("CWE-347", "CWE-436"),
        advice=_BLOCKED,
    ),
    _row(
        id="proof_as_token",
        ref="F5",
        title="Proof sent as a token",
        what="A DPoP proof, or another proof of possession, stands where an access token is expected.",
        how="It is a valid JWT of a key that the client chose itself.",
        evidence=Evidence.STRUCTURAL,
        bcp="2.8, 3.11, 3.12",
        advice="Blocked. The app must accept only the `typ` of access tokens.",
    ),
    _row(
        id="foreign_typ",
        ref="F5",
        title="Token of another kind",
        what="`typ` names a logout token, a security event, a credential, a request object, or is no text.",
        how="It is signed by a trusted issuer, only for another purpose.",
        evidence=Evidence.POLICY,
        action=Action.REPORT,
        cves=("CVE-2026-41164",),
        bcp="2.8, 3.11, 3.12",
        advice=_TYPE,
    ),
    _row(
        id="id_token_as_access_token",
        ref="F5",
        title="ID token sent as an access token",
        what="The token has claims of an OpenID ID token: `at_hash`, `c_hash` or `nonce`.",
        how="It is signed by the same issuer, but meant for the client and not for the API.",
        evidence=Evidence.POLICY,
        action=Action.REPORT,
        bcp="2.8, 3.12",
        advice=_TYPE,
    ),
    _row(
        id="foreign_header",
        ref="F6",
        title="Header of an encrypted token",
        what="A signed token has `enc`, `zip`, `epk`, `p2c` or another member that only encryption uses.",
        how="A library that decides by members takes the token down the path of decryption.",
        evidence=Evidence.POLICY,
        action=Action.REPORT,
        cwe=("CWE-436",),
        advice="Look at the client that makes these tokens. Other unknown members are legal and never flagged.",
    ),
)
