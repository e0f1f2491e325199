"""Family A: the algorithm, and the type of the key that it is used with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens
from mfa_middleware.cli.probe.forms import forms_of
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import compact, hmac_signed

__all__ = ["TOKENS"]

_DISGUISED: Final = ("nOnE", "None", "NONE", "none ", " none", "none\0", "\uff4e\uff4f\uff4e\uff45", "n\u200bone")
_OTHERS: Final = ("ES512", "PS512", "ES256K", "PS384")


def _none(target: Target) -> Iterator[Forged]:
    header = {"alg": "none", "typ": "JWT"}
    yield Forged(compact(header, target.forged_claims), "no signature")
    yield Forged(compact(header, target.forged_claims, b"anything"), "any signature")


def _none_obfuscated(target: Target) -> Iterator[Forged]:
    for name in _DISGUISED:
        yield Forged(compact({"alg": name, "typ": "JWT"}, target.forged_claims), ascii(name))
    yield Forged(compact({"alg": ["none"], "typ": "JWT"}, target.forged_claims), "in a list")


def _null_signature(target: Target) -> Iterator[Forged]:
    for algorithm in ("RS256", "ES256", "HS256"):
        yield Forged(compact(target.header_for(algorithm), target.forged_claims), algorithm)


def _missing_separator(target: Target) -> Iterator[Forged]:
    header, payload, signature = target.signed().split(b".")
    yield Forged(b".".join((header, payload)), "two segments")
    yield Forged(b"." + payload + b".", "payload alone")
    yield Forged(b"." + payload + b"." + signature, "no header")


def _extra_segments(target: Target) -> Iterator[Forged]:
    token = target.signed()
    yield Forged(token + b".", "an empty one at the end")
    yield Forged(token + b"." + token.rpartition(b".")[2], "the signature twice")
    yield Forged(compact({"alg": "none"}, target.forged_claims) + b"." + token, "an unsigned token before a good one")


def _key_confusion(target: Target) -> Iterator[Forged]:
    for key in target.keys:
        for name, secret in forms_of(key):
            header = {"alg": "HS256", "typ": "JWT"} | ({"kid": key.kid} if key.kid is not None else {})
            yield Forged(hmac_signed(header, target.forged_claims, secret), f"{name} of the {key.algorithm} key")


def _blank_hmac(target: Target) -> Iterator[Forged]:
    for algorithm in ("HS256", "HS384", "HS512"):
        header = {"alg": algorithm, "typ": "JWT"}
        yield Forged(hmac_signed(header, target.forged_claims, b"", algorithm), f"{algorithm}, empty key")
    yield Forged(hmac_signed({"alg": "HS256"}, target.forged_claims, b"\0" * 32), "NUL bytes")


def _weak_hmac(target: Target) -> Iterator[Forged]:
    for secret in ("secret", "your-256-bit-secret", "changeme"):
        yield Forged(hmac_signed({"alg": "HS256", "typ": "JWT"}, target.forged_claims, secret.encode()), secret)


def _not_accepted(target: Target) -> Iterator[Forged]:
    used = {key.algorithm for key in target.keys} | {target.header.get("alg")}
    algorithm = next(name for name in _OTHERS if name not in used)
    key = fresh_key(algorithm)
    yield Forged(key.token({"alg": algorithm, "typ": "JWT"}, target.claims), algorithm)


def _key_mismatch(target: Target) -> Iterator[Forged]:
    named = [key for key in target.keys if key.kid is not None]
    for key in named[:1]:
        for other in target.keys:
            if other.algorithm not in (key.algorithm, "EdDSA"):
                header = {"alg": other.algorithm, "typ": "JWT", "kid": key.kid}
                signed = fresh_key(other.algorithm).token(header, target.forged_claims)
                yield Forged(signed, f"{other.algorithm} with the {key.algorithm} key")


def _unknown(target: Target) -> Iterator[Forged]:
    for name in ("XX999", "HS", "RS256x"):
        yield Forged(compact({"alg": name, "typ": "JWT"}, target.forged_claims, b"x" * 32), name)


def _obfuscated(target: Target) -> Iterator[Forged]:
    for name in ("rs256", "RS256 ", "Rs-256", "\uff32\uff33\uff12\uff15\uff16"):
        yield Forged(target.signed({"alg": name}), ascii(name))


def _wrong_type(target: Target) -> Iterator[Forged]:
    for value in (None, 1, True, ["RS256"], {"a": "RS256"}):
        yield Forged(target.signed({"alg": value}), ascii(value))


def _missing(target: Target) -> Iterator[Forged]:
    yield Forged(compact({"typ": "JWT"}, target.forged_claims, b"x" * 32), "only typ")
    yield Forged(compact({"typ": "JWT", "kid": "1"}, target.forged_claims, b"x" * 32), "typ and kid")


TOKENS: Final[Mapping[str, Tokens]] = {
    "alg_none": _none,
    "alg_none_obfuscated": _none_obfuscated,
    "null_signature": _null_signature,
    "missing_separator": _missing_separator,
    "extra_segments": _extra_segments,
    "key_confusion": _key_confusion,
    "blank_hmac": _blank_hmac,
    "weak_hmac": _weak_hmac,
    "alg_not_accepted": _not_accepted,
    "alg_key_mismatch": _key_mismatch,
    "alg_unknown": _unknown,
    "alg_obfuscated": _obfuscated,
    "alg_wrong_type": _wrong_type,
    "alg_missing": _missing,
}
