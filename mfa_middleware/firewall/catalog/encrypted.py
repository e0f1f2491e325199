"""Family G: encrypted tokens (JWE) where signed ones are expected."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="encrypted", cwe=("CWE-347",), attack=("T1606", "T1190"))
_BLOCKED: Final = "Blocked. Where your app really takes encrypted tokens, name these ids in MFA_FIREWALL_ALLOW."
_COSTLY: Final = "Blocked before any decryption. Look for more of them from this address."

ROWS: Final = (
    _row(
        id="jwe_for_jws",
        ref="G1",
        title="Encrypted where signed is expected",
        what="A token of five segments, or with `enc` in its header.",
        how="Anybody can encrypt to a public key; a library that decrypts first takes the content as authentic.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2022-3102", "CVE-2023-51774", "CVE-2026-29000", "CVE-2026-9793"),
        cwe=("CWE-347", "CWE-290"),
        bcp="2.3, 3.3",
        advice=_BLOCKED,
    ),
    _row(
        id="jwe_symmetric",
        ref="G2",
        title="Encryption under a shared key",
        what="`alg` is `dir`, a key wrap or PBES2: the key is a secret, or a public key taken for one.",
        how="As key confusion, with encryption.",
        evidence=Evidence.STRUCTURAL,
        bcp="3.1",
        advice=_BLOCKED,
    ),
    _row(
        id="jwe_rsa1_5",
        ref="G3",
        title="RSA encryption of the old kind",
        what="`alg` is RSA1_5.",
        how="Answers tell whether the padding was right, and so decrypt step by step (Bleichenbacher).",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-28490",),
        cwe=("CWE-327", "CWE-203"),
        bcp="3.2",
        advice=_BLOCKED,
    ),
    _row(
        id="jwe_pbes2_count",
        ref="G4",
        title="Password hashing at will",
        what="The header has `p2c`, the number of rounds of PBES2.",
        how="A huge number keeps the server busy, a small one makes guessing cheap.",
        evidence=Evidence.STRUCTURAL,
        cves=(
            "CVE-2022-36083", "CVE-2023-31582", "CVE-2023-49290", "CVE-2023-50966", "CVE-2023-50967", "CVE-2023-6681",
            "CVE-2026-33204",
        ),
        cwe=("CWE-400", "CWE-916"),
        bcp="2.10, 3.13",
        attack=("T1499.004",),
        advice=_COSTLY,
    ),
    _row(
        id="jwe_zip",
        ref="G5",
        title="Compressed content",
        what="The header of an encrypted token has `zip`.",
        how="A few bytes inflate to gigabytes.",
        evidence=Evidence.STRUCTURAL,
        cves=(
            "CVE-2024-21319", "CVE-2024-28102", "CVE-2024-28122", "CVE-2024-28176", "CVE-2024-28180", "CVE-2024-33664",
            "CVE-2025-63811",
        ),
        cwe=("CWE-409",),
        bcp="2.12, 3.15",
        attack=("T1499.004",),
        advice=_COSTLY,
    ),
    _row(
        id="jwe_curve",
        ref="G6",
        title="Key agreement on a wrong curve",
        what="`alg` is ECDH-ES, with a point of the attacker's choice in `epk`.",
        how="Points off the curve make the server's private key leak bit by bit.",
        evidence=Evidence.STRUCTURAL,
        cwe=("CWE-354", "CWE-347"),
        bcp="2.5, 3.4",
        advice=_BLOCKED,
    ),
    _row(
        id="jwe_short_tag",
        ref="G7",
        title="Short tag, or no key",
        what="The tag of an encrypted token is not 16, 24 or 32 bytes, or its encrypted key is missing.",
        how="A cut tag can be guessed; a missing key becomes a key of zeros.",
        evidence=Evidence.STRUCTURAL,
        cves=("CVE-2026-34986", "CVE-2026-53939"),
        cwe=("CWE-354", "CWE-347"),
        bcp="3.3",
        advice=_BLOCKED,
    ),
    _row(
        id="jwe_key_reuse",
        ref="G8",
        title="Key used with another algorithm",
        what="An encryption key is used with another algorithm than it was made for.",
        how="A key for one purpose decrypts for another.",
        evidence=None,
        action=Action.UNSEEABLE,
        cwe=("CWE-327",),
        bcp="3.1",
        advice="Bind each key to one algorithm where the app decrypts.",
        reason="It takes the decryption key to see, and the firewall holds none. Every such token is an encrypted "
        "one, and blocked as `jwe_for_jws`.",
    ),
)  # fmt: skip
