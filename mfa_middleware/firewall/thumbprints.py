"""The thumbprints of certificates (RFC 7515 4.1.7, 4.1.8)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mfa_middleware.jose.jwk import b64url

__all__ = ["certificate_thumbprints"]


def certificate_thumbprints(certificates: Iterable[bytes | None]) -> frozenset[str]:
    """`x5t` and `x5t#S256` of each certificate (DER) that is there."""
    present = [certificate for certificate in certificates if certificate is not None]
    old = (hashlib.sha1(certificate, usedforsecurity=False) for certificate in present)
    new = (hashlib.sha256(certificate) for certificate in present)
    return frozenset(b64url(digest.digest()) for digests in (old, new) for digest in digests)
