"""Family I: proofs of possession (RFC 9449). What a proof is refused for, by the name of its trick."""

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
        id="bound_token_without_proof",
        ref="I1",
        title="Bound token without its proof",
        what="A token with `cnf.jkt` comes under the DPoP scheme, and without a proof.",
        how="A server that checks proofs only where there are some accepts it.",
        advice=_STOLEN,
    ),
    _row(
        id="bearer_downgrade",
        ref="I21",
        title="Bound token sent as a plain one",
        what="A token with `cnf.jkt` comes under the Bearer scheme, and without a proof.",
        how="The server forgets that the token is bound (RFC 9449 7.2).",
        advice=_STOLEN,
    ),
    _row(
        id="multiple_proofs",
        ref="I2",
        title="Several proofs",
        what="The DPoP header is there twice, or has a comma.",
        how="One proof is checked, and another one counts.",
        cwe=("CWE-436", "CWE-294"),
        advice="Refused. No honest client sends two.",
    ),
    _honest(
        id="proof_typ",
        ref="I3",
        title="Another token sent as a proof",
        what="`typ` of the proof is missing, or not `dpop+jwt`.",
        how="A token that was signed for another purpose is taken as a proof.",
        cwe=_KEY,
        advice=_CLIENT,
    ),
    _honest(
        id="proof_algorithm",
        ref="I4",
        title="Proof under another algorithm",
        what="`alg` of the proof is not one of MFA_ALGORITHMS, or not that of the machine.",
        how="A weak or symmetric algorithm is chosen by the caller.",
        cwe=_KEY,
        advice=_CLIENT,
    ),
    _row(
        id="proof_key_malformed",
        ref="I5",
        title="Proof without a usable key",
        what="`jwk` of the proof is missing, no object, or not a public key.",
        how="Code that finds no key checks no signature.",
        cwe=_KEY,
        advice=_CLIENT,
    ),
    _row(
        id="proof_key_type",
        ref="I6",
        title="Key that does not fit the algorithm",
        what="The type or curve of the proof's `jwk` is not that of its `alg`.",
        how="The verifier follows one of the two.",
        cwe=_KEY,
        advice=_CLIENT,
    ),
    _honest(
        id="proof_signature",
        ref="I7",
        title="Proof that does not verify",
        what="The proof names an enrolled key, and was not signed by it.",
        how="The public key of a machine is known to many, its private key is not.",
        cwe=_KEY,
        advice=_STOLEN,
    ),
    _row(
        id="proof_key_mismatch",
        ref="I8",
        title="Stolen token with a proof of one's own",
        what="The proof is good, but its key is not the one that the token is bound to.",
        how="The thumbprint is computed and never compared.",
        cwe=("CWE-290", "CWE-294"),
        advice=_STOLEN,
    ),
    _honest(
        id="proof_key_unknown",
        ref="I8",
        title="Proof by a key that nobody enrolled",
        what="The proof is well formed, and its key is not in the registry.",
        how="Anybody can make a key.",
        cwe=("CWE-290",),
        advice="Refused. Enrol the machine if it is yours; else the credential is probably stolen.",
    ),
    _honest(
        id="proof_method",
        ref="I9",
        title="Proof for another method",
        what="`htm` is not the method of the request.",
        how="A proof of a harmless request is used for another one.",
        advice=_CLIENT,
    ),
    _honest(
        id="proof_url",
        ref="I10",
        title="Proof for another address",
        what="`htu` is not the address of the request.",
        how="A proof that another server received is used here.",
        advice=_CLIENT,
    ),
    _row(
        id="proof_url_obfuscated",
        ref="I11",
        title="Proof for an address in disguise",
        what="`htu` has non-ASCII or control characters, spaces, a backslash, user information or a bad host.",
        how="URL parsers repair it, each to another host.",
        cwe=("CWE-436", "CWE-20"),
        advice="Refused. No honest client writes such an address.",
    ),
    _row(
        id="proof_claims",
        ref="I14",
        title="Proof without its claims",
        what="`jti`, `htm`, `htu` or `iat` is missing, empty, oversize, or of another type.",
        how="A check of what is not there is skipped; a long `jti` fills the memory of used proofs.",
        cwe=("CWE-20", "CWE-294"),
        advice=_CLIENT,
    ),
    _honest(
        id="proof_binding",
        ref="I20",
        title="Proof for another credential",
        what="`ath` or `oth` is missing, or names another credential than the request carries.",
        how="A proof that was made with one token is used with a better one.",
        advice=_CLIENT,
    ),
    _honest(
        id="unbound_upgrade",
        ref="I22",
        title="Unbound token under the DPoP scheme",
        what="A JWT without `cnf.jkt` comes under the DPoP scheme, or bound in two ways at once.",
        how="The scheme makes the server believe that the token is bound.",
        action=Action.REPORT,
        advice="Ask the issuer for bound tokens; the registry of machines protects the request meanwhile.",
    ),
    _honest(
        id="proof_elsewhere",
        ref="I24",
        title="Proof in the query or a cookie",
        what="A parameter or a cookie named `dpop` holds a token.",
        how="Code behind the check reads the proof from another place than the check.",
        action=Action.REPORT,
        advice="Correct the client: the proof belongs into the DPoP header alone.",
    ),
    _row(
        id="proof_critical_header",
        ref="I25",
        title="Proof with `crit` or `b64`",
        what="The header of the proof has `crit` or `b64`.",
        how="As with tokens: what must be understood is ignored.",
        cwe=_KEY,
        advice="Refused. Other unknown members are legal and never flagged.",
    ),
    _honest(
        id="proof_query",
        ref="I10",
        title="Proof for another query",
        what="`htq` is not the hash of the query.",
        how="The query is changed under a good proof; `htu` does not cover it.",
        advice=_CLIENT,
    ),
    _honest(
        id="proof_body",
        ref="I20",
        title="Proof for another body",
        what="`htd` is not the digest of the body.",
        how="The body is changed under a good proof.",
        advice=_CLIENT,
    ),
)
