"""Family H: claims, and tokens that were issued for somebody else."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="claims", cwe=("CWE-345",), attack=("T1550.001", "T1606"))
_REPORT: Final = partial(_row, evidence=Evidence.POLICY, action=Action.REPORT)
_ISSUER: Final = "Find out who issued it. An issuer that is yours belongs into MFA_JWT_ISSUERS."

ROWS: Final = (
    _row(
        id="issuer_partial_match",
        ref="H",
        title="Issuer that almost matches",
        what="`iss` begins or ends like a configured issuer, or differs from it in case only.",
        how="The app compares a beginning, a part, or a pattern with an unescaped dot.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2024-53861",),
        cwe=("CWE-345", "CWE-187"),
        bcp="3.8",
        needs="MFA_JWT_ISSUERS",
        advice="Blocked. The app must compare the whole issuer.",
    ),
    _REPORT(
        id="issuer_unknown",
        ref="H",
        title="Issuer that is not configured",
        what="`iss` is missing, or none of the configured issuers.",
        how="A token of another tenant, or of a test system, is taken as one of ours.",
        bcp="3.8",
        needs="MFA_JWT_ISSUERS",
        advice=_ISSUER,
    ),
    _row(
        id="audience_injection",
        ref="H",
        title="Audience that almost matches",
        what="`aud` holds our audience inside a longer text, or in other case.",
        how="The app looks for a part of the text.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2025-27370", "CVE-2025-27371"),
        cwe=("CWE-345", "CWE-187"),
        bcp="3.9",
        needs="MFA_JWT_AUDIENCES",
        advice="Blocked. The app must compare whole audiences.",
    ),
    _REPORT(
        id="audience_ambiguous",
        ref="H",
        title="Token for several audiences",
        what="`aud` names us and others.",
        how="Each of the others can use the token here.",
        cves=("CVE-2025-27370", "CVE-2025-27371"),
        bcp="3.9",
        needs="MFA_JWT_AUDIENCES",
        advice="Honest with some issuers; ask for tokens of one audience.",
    ),
    _REPORT(
        id="audience_mismatch",
        ref="H",
        title="Token for somebody else",
        what="`aud` is missing, or does not name us.",
        how="A token that another service received is used here.",
        cves=("CVE-2026-114618",),
        bcp="3.9",
        needs="MFA_JWT_AUDIENCES",
        advice="Ask the owner of the client which audience it asks tokens for.",
    ),
    _REPORT(
        id="hash_binding_open",
        ref="H",
        title="Hash that nobody can check",
        what="`at_hash` or `c_hash` is no text, or of a length that no hash of its algorithm has.",
        how="Where the algorithm is unknown, the check of the hash is skipped.",
        cves=("CVE-2026-28498",),
        advice="Look at the issuer; the app must refuse a hash that it cannot check.",
    ),
    _REPORT(
        id="exp_missing",
        ref="H",
        title="Token without an end",
        what="The token has no `exp`.",
        how="It is good for ever, for whoever finds it.",
        cwe=("CWE-613",),
        advice="Have the issuer set an end.",
    ),
    _REPORT(
        id="exp_far_future",
        ref="H",
        title="End in the far future",
        what="`exp` is more than twenty years ahead.",
        how="It is good for ever in practice; milliseconds for seconds do the same.",
        cwe=("CWE-613",),
        advice="Have the issuer set a nearer end.",
    ),
    _REPORT(
        id="expired_token",
        ref="H",
        title="Expired token",
        what="`exp` is more than a day past; with MFA_JWT_KEYS, past at all.",
        how="An old token is found and tried.",
        cwe=("CWE-613",),
        advice="Honest where a client forgot to renew; many from one address are an attempt.",
    ),
    _REPORT(
        id="nbf_future",
        ref="H",
        title="Token of tomorrow",
        what="`nbf` or `iat` is more than a day ahead; with MFA_JWT_KEYS, ahead at all.",
        how="A token is made in advance by somebody who has the key for a short time.",
        cwe=("CWE-613",),
        advice="Look at the clock of the issuer.",
    ),
    _row(
        id="numeric_date_type",
        ref="H",
        title="Date that is no number",
        what="`exp`, `nbf` or `iat` is a text, a boolean, a list or an object.",
        how="A date that cannot be compared counts as absent.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-25537",),
        cwe=("CWE-843", "CWE-613"),
        advice="Blocked. An issuer that is yours must write numbers (RFC 7519 2).",
    ),
    _REPORT(
        id="cnf_malformed",
        ref="I22",
        title="Binding that binds nothing",
        what="`cnf` is no object, is empty, or its `jkt` is no text.",
        how="Code that finds no usable key treats the token as unbound.",
        cwe=("CWE-345", "CWE-843"),
        advice="A `jkt` that is no text fits no proof. An issuer that is yours must write `cnf` as RFC 9449 6.1 says.",
    ),
    _row(
        id="library_state",
        ref="H",
        title="State that one call leaves to the next",
        what="A verifier changes its options, or finds the claims of another token in its cache.",
        how="Options are shared between calls; a cache is keyed by a part of the token; a secret is chosen by it.",
        evidence=None,
        action=Action.UNSEEABLE,
        cves=("CVE-2025-65945", "CVE-2026-102275", "CVE-2026-103001", "CVE-2026-35039"),
        cwe=("CWE-488",),
        advice="Update the JWT library of the app.",
        reason="It is in the memory of the app's library; each single token is an ordinary one. What this package "
        "caches is keyed by the whole token.",
    ),
)
