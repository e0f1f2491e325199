"""Tricks with `alg`: none in every spelling, no signature, an HMAC where only public keys are in use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from mfa_middleware.firewall.context import Context, KnownKey, detects
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading

__all__ = ["DETECTORS", "KNOWN", "concerns"]

_MAX_ALG: Final = 64
_NOT_WORD: Final = re.compile(r"[\W_]+")
_HMAC: Final = frozenset({"hs256", "hs384", "hs512"})
KNOWN: Final = frozenset(
    {
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "ES256K", "EdDSA", "Ed25519", "Ed448", "ESP256", "ESP384", "ESP512", "ML-DSA-44", "ML-DSA-65",
        "ML-DSA-87",
    }
)  # fmt: skip
"""The signature algorithms of the IANA registry."""
_FOLDED: Final = {_NOT_WORD.sub("", name).casefold() for name in KNOWN}


def concerns(reading: Reading, context: Context) -> bool:
    """Whether a token is anything but a signed one of an algorithm that is accepted."""
    alg = reading.header.get("alg")
    if type(alg) is not str or alg not in (context.accepted or KNOWN) or context.keys is not None:
        return True
    return bool(reading.faults)


@detects("alg_none", "alg_none_obfuscated")
def none(reading: Reading, context: Context) -> Iterator[Finding]:
    alg = reading.header.get("alg")
    if folded(alg) == "none":
        yield context.structural("alg_none" if alg == "none" else "alg_none_obfuscated")


@detects("null_signature")
def no_signature(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.has(Fault.EMPTY_SIGNATURE) and folded(reading.header.get("alg")) != "none":
        yield context.structural("null_signature")


@detects("missing_separator", "extra_segments")
def segments(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.has(Fault.FEW_SEGMENTS):
        yield context.structural("missing_separator")
    if reading.has(Fault.MANY_SEGMENTS):
        yield context.structural("extra_segments")


@detects("key_confusion", "alg_not_accepted", "alg_key_mismatch")
def other_algorithm(reading: Reading, context: Context) -> Iterator[Finding]:
    alg, key = reading.alg, _key(reading, context)
    name = folded(reading.header.get("alg"))
    if name == "none" or reading.is_encrypted:
        return
    if name in _HMAC and _is_asymmetric(context, key):
        yield context.structural("key_confusion")
    elif context.accepted and alg in KNOWN and alg not in context.accepted and not context.as_proof:
        yield context.policy("alg_not_accepted")
    elif key is not None and alg in KNOWN and alg not in key.names:
        yield context.policy("alg_key_mismatch")


@detects("alg_missing", "alg_wrong_type", "alg_obfuscated", "alg_unknown")
def strange_name(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.is_encrypted:
        return
    alg = reading.header.get("alg")
    if "alg" not in reading.header:
        yield context.policy("alg_missing")
    elif not isinstance(alg, str):
        yield context.policy("alg_wrong_type", type(alg).__name__)
    elif alg not in KNOWN and (name := folded(alg)) != "none":
        yield context.policy("alg_obfuscated" if name in _FOLDED else "alg_unknown")


def folded(alg: Any) -> str:
    """`alg` as a careless verifier may read it: the only item of a list, compatibility forms, no white space."""
    if isinstance(alg, list) and len(alg) == 1:
        alg = alg[0]
    text = unicodedata.normalize("NFKC", alg.strip()[:_MAX_ALG]) if isinstance(alg, str) else ""
    return _NOT_WORD.sub("", text).casefold()


def _key(reading: Reading, context: Context) -> KnownKey | None:
    return context.keys.for_kid(reading.kid) if context.keys is not None and reading.kid is not None else None


def _is_asymmetric(context: Context, key: KnownKey | None) -> bool:
    """Whether no shared secret can be meant: not by this key, or not anywhere in this app."""
    if key is not None:
        return not key.is_symmetric
    return bool(context.accepted) and not any(name.startswith("HS") for name in context.accepted)


DETECTORS: Final = (none, no_signature, segments, other_algorithm, strange_name)
