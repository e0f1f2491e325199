"""Family E: bytes that two parsers read as two tokens."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="serialisation", cwe=("CWE-436", "CWE-347"), attack=("T1606", "T1190"))
_BLOCKED: Final = "Blocked. A client that is yours must send one compact token of strict JSON in UTF-8."
_COSTLY: Final = "Blocked before it was parsed in full. Look for more of them from this address."

ROWS: Final = (
    _row(
        id="json_serialization",
        ref="E1",
        title="JSON form where the compact one is expected",
        what="The token is a JSON object with `payload` and `signature`.",
        how="One library reads the JSON, another finds a compact token inside it.",
        evidence=Evidence.STRUCTURAL,
        bcp="2.13, 3.14",
        advice=_BLOCKED,
    ),
    _row(
        id="json_polyglot",
        ref="E1",
        title="Token that is compact and JSON at once",
        what="A token with braces or quotes around or between its segments.",
        how="The signature is checked over one reading, the claims are taken from the other.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2022-39227",),
        bcp="2.13, 3.14",
        advice=_BLOCKED,
    ),
    _row(
        id="empty_signatures",
        ref="E2",
        title="JSON form without signatures",
        what="A JSON token whose list of signatures is empty or missing.",
        how="All of no signatures are valid.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-102946", "CVE-2026-96760"),
        bcp="3.3",
        advice=_BLOCKED,
    ),
    _row(
        id="unprotected_header",
        ref="E3",
        title="Header that nobody signed",
        what="A JSON token with `alg`, `kid`, `crit` or `b64` in its unprotected `header`.",
        how="The library takes from there what only the signed header may say.",
        evidence=Evidence.STRUCTURAL,
        bcp="3.1",
        advice=_BLOCKED,
    ),
    _row(
        id="duplicate_header",
        ref="E4",
        title="Header member given twice",
        what="The header has one name twice, also in other case.",
        how="One parser takes the first, another the last.",
        evidence=Evidence.STRUCTURAL,
        bcp="3.14",
        advice=_BLOCKED,
    ),
    _row(
        id="duplicate_claim",
        ref="E4",
        title="Claim given twice",
        what="The payload has one name twice.",
        how="One parser takes the first, another the last.",
        evidence=Evidence.STRUCTURAL,
        bcp="3.14",
        advice=_BLOCKED,
    ),
    _row(
        id="oversize_token",
        ref="E10",
        title="Oversize token",
        what="A JWT of more than 16 KiB.",
        how="Decoding and parsing it costs the server more than sending it costs the caller.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2025-61920", "CVE-2026-119284"),
        cwe=("CWE-400", "CWE-770"),
        attack=("T1499.004",),
        advice=_COSTLY,
    ),
    _row(
        id="dot_flood",
        ref="E10",
        title="Flood of separators",
        what="A token with more than sixteen dots.",
        how="Splitting it makes as many strings.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2025-27144",),
        cwe=("CWE-400", "CWE-405"),
        attack=("T1499.004",),
        advice=_COSTLY,
    ),
    _row(
        id="token_whitespace",
        ref="E11",
        title="White space in a token",
        what="Spaces, tabs or line breaks stand in, before or after the segments.",
        how="Trimming differs, so a filter and the app see two tokens.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-102269",),
        cwe=("CWE-180", "CWE-436"),
        bcp="3.14",
        advice=_BLOCKED,
    ),
    _row(
        id="token_confusable",
        ref="E11",
        title="Look-alike characters in a token",
        what="A token with non-ASCII characters, such as a full-width dot or a zero-width space.",
        how="Normalisation turns them into separators after the filter has looked.",
        evidence=Evidence.STRUCTURAL,
        cwe=("CWE-176", "CWE-436"),
        advice=_BLOCKED,
    ),
    _row(
        id="nested_token",
        ref="E12",
        title="Token inside a token",
        what="`cty` says JWT, or the payload is a token itself.",
        how="The outer one is verified, and the claims come from an inner one that is not.",
        evidence=Evidence.POLICY,
        action=Action.REPORT,
        bcp="2.3, 3.3",
        advice="Honest where nesting was agreed (RFC 7519 5.2); else refuse it in the app.",
    ),
)
