"""The public keys of an app out of a file, as anybody can read them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mfa_middleware.cli.errors import CommandError
from mfa_middleware.cli.probe.target import KnownKey
from mfa_middleware.cli.sources import read_bytes
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.keys import open_keys

__all__ = ["known_keys"]

_EDWARDS: Final = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}  # libraries know the older name


def known_keys(path: str) -> tuple[KnownKey, ...]:
    """The keys of a file of PEM, a certificate, a JWK or a JWK Set. Raises CommandError or OSError."""
    text = read_bytes(path)
    try:
        keys = open_keys([str(Path(path).absolute())], background=False).current().keys
    except ConfigurationError as error:
        raise CommandError(str(error).replace("MFA_JWT_KEYS: item 1", path)) from None
    public = [key for key in keys if not key.is_symmetric]
    texts = {"the file": text, "the file without its last line end": text.rstrip(b"\n")}
    return tuple(KnownKey(_EDWARDS.get(key.algorithm, key.algorithm), key.kid, key.public, texts) for key in public)
