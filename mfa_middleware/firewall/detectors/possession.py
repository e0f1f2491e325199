"""What a proof was refused for, by the name of its trick. Nothing here refuses: the checks of proofs have done so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.firewall.context import Context
from mfa_middleware.firewall.detectors import algorithm, encrypted, header_keys, serialisation, signature
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import MAX_LENGTH, Reading, read
from mfa_middleware.jose.jwk import required_members
from mfa_middleware.jose.strict import Malformed
from mfa_middleware.uri import InvalidURI, normalise

__all__ = ["AT_ONCE", "IDS", "Attempt", "explain"]

_AHEAD: Final = 15.0
_AGE: Final = 60.0
_FITTING: Final = {"ES": "EC", "PS": "RSA", "RS": "RSA", "Ed": "OKP", "ML": "AKP"}
_DPOP: Final = Context("dpop", as_proof=True)
_UNKNOWN_KEY: Final = _DPOP.policy("proof_key_unknown")
_MAX_JTI: Final = 256
_DETECTORS: Final = (
    algorithm.none, algorithm.no_signature, algorithm.segments, algorithm.other_algorithm, header_keys.exposed,
    signature.ecdsa, signature.eddsa, signature.rsa, signature.encoding, serialisation.named,
    serialisation.duplicates, encrypted.encrypted,
)  # fmt: skip


class Attempt(NamedTuple):
    """One refused request: its DPoP lines, the keys that its tokens are bound to, its scheme, and the refusal.

    `thumbprint`, `claims`: of the proof; None and empty where it could not be read. `now`: unix seconds.
    `may_read`: asked before one that could not be read strictly is read at length, as a flood of them must cost little.
    """

    refusal: Refusal
    lines: Sequence[bytes]
    bound_to: Sequence[str]
    scheme: Callable[[], str]
    algorithms: Set[str]
    now: float
    thumbprint: str | None = None
    claims: Mapping[str, Any] = MappingProxyType({})
    ambiguous: bool = False
    may_read: Callable[[], bool] = bool


def explain(attempt: Attempt) -> tuple[Finding, ...]:
    """The names of the tricks that a refusal answers; none where honest clients do not know better."""
    if len(attempt.lines) > 1 or (attempt.lines and b"," in attempt.lines[0]):
        return (_DPOP.structural("multiple_proofs"),)
    namer = _NAMERS.get(attempt.refusal.code)
    return tuple(dict.fromkeys(namer(attempt))) if namer is not None else ()


def _missing(attempt: Attempt) -> Iterator[Finding]:
    if attempt.bound_to and attempt.scheme() == "bearer":
        yield _DPOP.structural("bearer_downgrade")
    elif attempt.bound_to:
        yield _DPOP.policy("bound_token_without_proof")


def _malformed(attempt: Attempt) -> Iterator[Finding]:
    """Why a proof could not be read, or is of an algorithm that its machine does not use."""
    line = attempt.lines[0].strip()
    if len(line) > MAX_LENGTH or line.count(b".") != 2:
        yield from _form(line)
    elif attempt.may_read():
        yield from _content(attempt, read(line, forced=True))


def _form(line: bytes) -> Iterator[Finding]:
    """What is wrong is seen without reading it."""
    if len(line) > MAX_LENGTH:
        yield _DPOP.structural("oversize_token")
    elif line.startswith(b"{"):
        yield _DPOP.structural("json_serialization")
    else:
        yield _DPOP.structural("missing_separator" if line.count(b".") < 2 else "extra_segments")


def _content(attempt: Attempt, reading: Reading | None) -> Iterator[Finding]:
    if reading is None:
        return
    context = Context("dpop", attempt.algorithms, now=attempt.now, as_proof=True)
    for detector in _DETECTORS:
        yield from detector.run(reading, context)
    typ = reading.header.get("typ")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") != "dpop+jwt":
        yield _DPOP.policy("proof_typ")
    if not {"crit", "b64"}.isdisjoint(reading.header):
        yield _DPOP.structural("proof_critical_header")
    if attempt.refusal.code is Code.UNSUPPORTED_ALG:
        yield _DPOP.policy("proof_algorithm")
    yield from _key(reading)
    yield from _claims(reading)


def _key(reading: Reading) -> Iterator[Finding]:
    if not reading.header:
        return
    try:
        members = required_members(reading.header.get("jwk"))
    except Malformed:
        yield _DPOP.structural("proof_key_malformed")
        return
    if _FITTING.get(reading.alg[:2], members["kty"]) != members["kty"]:
        yield _DPOP.structural("proof_key_type")


def _claims(reading: Reading) -> Iterator[Finding]:
    if not isinstance(reading.payload, dict):
        return
    jti, iat = reading.payload.get("jti"), reading.payload.get("iat")
    wrong = [name for name in ("htm", "htu") if not isinstance(reading.payload.get(name), str)]
    if not isinstance(jti, str) or not 1 <= len(jti.encode("utf-8", "replace")) <= _MAX_JTI:
        wrong.append("jti")
    if not isinstance(iat, int | float) or isinstance(iat, bool):
        wrong.append("iat")
    if wrong:
        yield _DPOP.structural("proof_claims", " ".join(wrong))


def _unknown(attempt: Attempt) -> Iterator[Finding]:
    yield _DPOP.structural("proof_key_mismatch") if _is_of_another_key(attempt) else _UNKNOWN_KEY


def _is_of_another_key(attempt: Attempt) -> bool:
    return any(jkt != attempt.thumbprint for jkt in attempt.bound_to)


def _signature(attempt: Attempt) -> Iterator[Finding]:
    yield _DPOP.policy("proof_signature")
    reading = read(attempt.lines[0].strip(), forced=True)
    if reading is not None:
        for detector in (signature.ecdsa, signature.eddsa, signature.rsa):
            yield from detector.run(reading, _DPOP)


def _target(attempt: Attempt) -> Iterator[Finding]:
    hints = attempt.refusal.hints
    wrong = hints.get("wrong_claim")
    if wrong in ("htm", "htq"):
        yield _DPOP.policy("proof_method" if wrong == "htm" else "proof_query")
    elif _is_obfuscated(attempt.claims.get("htu")):
        yield _DPOP.structural("proof_url_obfuscated")
    elif "signed_htu" in hints:
        yield _DPOP.policy("proof_url")


def _is_obfuscated(htu: object) -> bool:
    try:
        return isinstance(htu, str) and not normalise(htu, websocket=True)
    except InvalidURI:
        return True


def _binding(attempt: Attempt) -> Iterator[Finding]:
    if _is_of_another_key(attempt):
        yield _DPOP.structural("proof_key_mismatch")
    elif not attempt.ambiguous:
        yield _DPOP.policy("proof_binding")


def _time(attempt: Attempt) -> Iterator[Finding]:
    """A first proof without a nonce is honest; one with a nonce that is not ours, or out of time, has a name."""
    iat = attempt.claims.get("iat")
    if "nonce" in attempt.claims:
        yield _DPOP.policy("proof_nonce")
    elif isinstance(iat, int | float) and attempt.now - iat > _AGE:
        yield _DPOP.policy("proof_stale")
    elif isinstance(iat, int | float) and iat - attempt.now > _AHEAD:
        yield _DPOP.policy("proof_from_future")


def _body(attempt: Attempt) -> Iterator[Finding]:
    if attempt.refusal.hints.get("wrong_claim") == "htd":
        yield _DPOP.policy("proof_body")


_NAMERS: Final[Mapping[Code, Callable[[Attempt], Iterator[Finding]]]] = {
    Code.MISSING_PROOF: _missing,
    Code.MALFORMED_PROOF: _malformed,
    Code.UNSUPPORTED_ALG: _malformed,
    Code.UNKNOWN_MACHINE: _unknown,
    Code.BAD_SIGNATURE: _signature,
    Code.WRONG_TARGET: _target,
    Code.WRONG_BINDING: _binding,
    Code.STALE_PROOF: _time,
    Code.USE_DPOP_NONCE: _time,
    Code.WRONG_DIGEST: _body,
}
AT_ONCE: Final[Mapping[Code, tuple[Finding, ...]]] = {
    Code.UNKNOWN_MACHINE: (_UNKNOWN_KEY,),
    Code.REPLAYED: (_DPOP.confirmed("proof_replay"),),
    Code.MACHINE_QUOTA: (_DPOP.policy("replay_flood"),),
    Code.STORE_FULL: (_DPOP.policy("replay_flood"),),
}
"""Refusals of a single proof that have one name, unless a token is bound to a key."""
IDS: Final = frozenset(
    {
        "multiple_proofs", "bearer_downgrade", "bound_token_without_proof", "proof_typ", "proof_critical_header",
        "proof_algorithm", "proof_key_malformed", "proof_key_type", "proof_claims", "proof_key_mismatch",
        "proof_key_unknown", "proof_signature", "proof_method", "proof_query", "proof_url_obfuscated", "proof_url",
        "proof_binding", "proof_nonce", "proof_stale", "proof_from_future", "proof_body", "proof_replay",
        "replay_flood",
    }
)  # fmt: skip
"""The tricks that are named here."""
