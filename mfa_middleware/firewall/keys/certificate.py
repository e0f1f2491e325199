"""An X.509 certificate, of which only the public key counts here (RFC 5280)."""

from __future__ import annotations

from cryptography import x509

from mfa_middleware.firewall.keys.key import BadKey
from mfa_middleware.jose.jwk import PublicKey

__all__ = ["read_certificate"]


def read_certificate(der: bytes) -> PublicKey:
    """The public key of a certificate in DER. Nothing else of it is checked. Raises BadKey."""
    try:
        return x509.load_der_x509_certificate(der).public_key()
    except Exception:  # what `cryptography` raises or warns of for odd certificates has no common type
        raise BadKey("its certificate cannot be read") from None
