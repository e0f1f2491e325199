"""Family I, second part: when a proof counts, and that it counts once."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="possession", cwe=("CWE-294",), attack=("T1550.001",), evidence=Evidence.STRUCTURAL)
_honest: Final = partial(_row, evidence=Evidence.POLICY)
_unseen: Final = partial(_row, evidence=None, action=Action.UNSEEABLE)
_STOLEN: Final = "Refused. The credential is probably stolen: replace it, and find out where it leaked."
_CLIENT: Final = "Refused. Honest where a client is wrong; the answer tells an enrolled machine what to mend."
_KEY: Final = ("CWE-347",)

ROWS: Final = (
    _honest(
        id="proof_stale",
        ref="I13",
        title="Old proof",
        what="`iat` is more than a minute past.",
        how="A captured proof is used later.",
        advice=_CLIENT,
    ),
    _honest(
        id="proof_from_future",
        ref="I13",
        title="Proof made in advance",
        what="`iat` is ahead of the clock.",
        how="Proofs are made in stock while the key is at hand; they also outlive the memory of used ones.",
        advice=_CLIENT,
    ),
    _row(
        id="proof_replay",
        ref="I15",
        title="Used proof",
        what="The same proof comes again, to any worker or host, also in another spelling.",
        how="Nobody remembers used proofs, or each worker remembers its own.",
        evidence=Evidence.CONFIRMED,
        advice="Refused. A retry by a client without our signer looks the same; else somebody listens.",
    ),
    _honest(
        id="replay_flood",
        ref="I16",
        title="Flood of proofs",
        what="One machine, or all of them, fill the memory of used proofs.",
        how="A bounded memory forgets old proofs, and they are played again.",
        cves=("CVE-2026-41707",),
        cwe=("CWE-770", "CWE-294"),
        attack=("T1499.003",),
        advice="Refused; nothing live is ever forgotten. Look at the machine, or raise MFA_CAPACITY.",
    ),
    _unseen(
        id="replay_window",
        ref="I17",
        title="Memory that ends too early",
        what="A proof is played again just when its memory ends.",
        how="The entry expires before the proof does.",
        cwe=("CWE-193", "CWE-294"),
        advice="Nothing to do: memory outlives every proof by the sum of all clock errors.",
        reason="It is a fault of the memory. With ours, such a proof is either `proof_replay` or `proof_stale`.",
    ),
    _unseen(
        id="replay_preburn",
        ref="I18",
        title="Somebody else's `jti` spent first",
        what="The attacker sends the `jti` of a victim under a key of his own.",
        how="Used proofs are remembered by `jti` alone, so the victim's is refused.",
        advice="Nothing to do: a proof is spent by key and `jti`, after its signature has verified.",
        reason="Two machines may use the same `jti` honestly, so it says nothing about either.",
    ),
    _unseen(
        id="replay_spelling",
        ref="I19",
        title="Used proof in another spelling",
        what="The same proof comes again with another text that verifies.",
        how="Used proofs are remembered by their text, or by claims before normalisation.",
        advice="Nothing to do: what is remembered is the key and the parsed `jti`.",
        reason="With this memory it is no trick of its own: it is found as `proof_replay`, or by its encoding.",
    ),
    _honest(
        id="proof_nonce",
        ref="I23",
        title="Nonce that is not ours",
        what="The proof carries a nonce that this server did not issue to this key, or that has expired.",
        how="A nonce of another client, or an invented one, is tried.",
        advice="Refused with a new nonce. The first one after a restart is honest.",
    ),
)
