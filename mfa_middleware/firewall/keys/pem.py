"""PEM text as keys: public keys, and the first certificate of a chain (RFC 7468)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Set
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mfa_middleware.firewall.keys.certificate import read_certificate
from mfa_middleware.firewall.keys.jwk import key_of
from mfa_middleware.firewall.keys.key import BadKey, Key
from mfa_middleware.firewall.keys.members import members_of

__all__ = ["is_pem", "pem_keys"]

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([^-]+)-----END \1-----")
_PUBLIC: Final = ("PUBLIC KEY", "RSA PUBLIC KEY")
_CERTIFICATE: Final = "CERTIFICATE"


def is_pem(text: str) -> bool:
    """Whether a text has the beginning of a PEM block in it."""
    return "-----BEGIN " in text


def pem_keys(text: str, accepted: Set[str], *, origin: str) -> Iterator[Key]:
    """The keys of a PEM text. Of several certificates, the first is the key and the others are its chain.

    The dates of a certificate and who issued it are not checked. Raises BadKey.
    """
    if "PRIVATE KEY-----" in text:
        raise BadKey("it holds a private key; write the public one only: openssl pkey -in key.pem -pubout")
    blocks = list(_BLOCK.finditer(text))
    certificates = [block for block in blocks if block[1] == _CERTIFICATE]
    wanted = [block for block in blocks if block[1] in _PUBLIC] + certificates[:1]
    if not wanted:
        raise BadKey("it has no complete PUBLIC KEY or CERTIFICATE in PEM")
    for block in wanted:
        yield _key_in(block, accepted, origin, text)


def _key_in(block: re.Match[str], accepted: Set[str], origin: str, text: str) -> Key:
    public, certificate = _loaded(block)
    jwk: dict[str, Any] = members_of(public)
    if certificate is not None:
        jwk["x5c"] = [b64encode(certificate).decode("ascii")]
    served = tuple(dict.fromkeys(form.encode() for form in (text, text.strip(), block[0])))
    return key_of(jwk, accepted, origin=origin, served=served)


def _loaded(block: re.Match[str]) -> tuple[object, bytes | None]:
    try:
        if block[1] == _CERTIFICATE:
            der = b64decode(block[2])
            return read_certificate(der), der
        return load_pem_public_key(block[0].encode() + b"\n"), None
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"its {block[1].lower()} cannot be read") from None
