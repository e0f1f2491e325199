"""Encrypted tokens (RFC 7516) where signed ones are expected. Nothing is ever decrypted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading

__all__ = ["DETECTORS", "concerns"]

_SYMMETRIC: Final = re.compile(r"dir|A(?:128|192|256)(?:GCM)?KW|PBES2-.*", re.IGNORECASE)
_WITHOUT_KEY: Final = re.compile(r"dir|ECDH-ES", re.IGNORECASE)
_TAG_LENGTHS: Final = frozenset({22, 32, 43})  # characters of 16, 24 and 32 bytes


def concerns(reading: Reading, _: Context) -> bool:
    """Whether this is an encrypted token, or has its count of password rounds."""
    return reading.is_encrypted or "p2c" in reading.header


@detects("jwe_for_jws")
def encrypted(reading: Reading, context: Context) -> Iterator[Finding]:
    if reading.is_encrypted:
        yield context.structural("jwe_for_jws")


@detects("jwe_symmetric", "jwe_rsa1_5", "jwe_curve")
def algorithms(reading: Reading, context: Context) -> Iterator[Finding]:
    if not reading.is_encrypted:
        return
    if _SYMMETRIC.fullmatch(reading.alg):
        yield context.structural("jwe_symmetric")
    if reading.alg.upper() == "RSA1_5":
        yield context.structural("jwe_rsa1_5")
    if reading.alg.upper().startswith("ECDH-") or "epk" in reading.header:
        yield context.structural("jwe_curve")


@detects("jwe_pbes2_count", "jwe_zip")
def costs(reading: Reading, context: Context) -> Iterator[Finding]:
    if "p2c" in reading.header:
        yield context.structural("jwe_pbes2_count")
    if "zip" in reading.header and reading.is_encrypted:
        yield context.structural("jwe_zip")


@detects("jwe_short_tag")
def parts(reading: Reading, context: Context) -> Iterator[Finding]:
    if len(reading.segments) != 5:
        return
    if len(reading.segments[4].rstrip(b"=")) not in _TAG_LENGTHS:
        yield context.structural("jwe_short_tag", "tag")
    if not reading.segments[1] and not _WITHOUT_KEY.fullmatch(reading.alg):
        yield context.structural("jwe_short_tag", "no encrypted key")


DETECTORS: Final = (encrypted, algorithms, costs, parts)
