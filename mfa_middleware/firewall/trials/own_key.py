"""A token that was signed with the key which it carries itself: `jwk` or the leaf of `x5c` (RFC 8725 3.10)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from mfa_middleware.firewall.keys import BadKey, KeySet
from mfa_middleware.firewall.keys.certificate import read_certificate
from mfa_middleware.firewall.keys.jwk import public_key_of
from mfa_middleware.firewall.keys.members import members_of
from mfa_middleware.firewall.keys.purpose import algorithm_for
from mfa_middleware.firewall.keys.signature import SUPPORTED
from mfa_middleware.firewall.trials.prekeyed import DIGESTS
from mfa_middleware.firewall.trials.suspect import Confirmed, Suspect
from mfa_middleware.jose.jwk import REQUIRED, PublicKey, thumbprint_of

__all__ = ["OwnKey", "own_jwk", "own_leaf", "own_secret", "told_of_jwk"]

_LONGEST: Final = 8_192
_MAX_BITS: Final = 4_096
_MAX_EXPONENT: Final = 2**32


class OwnKey(NamedTuple):
    """A public key out of a header, and the algorithm that the token can have used with it."""

    public: PublicKey
    algorithm: str
    thumbprint: str


def own_jwk(suspect: Suspect) -> OwnKey | None:
    """The public key in `jwk`, if there is a usable one; private members beside it do not matter."""
    jwk = suspect.header.get("jwk")
    kty = jwk.get("kty") if isinstance(jwk, Mapping) else None
    if not isinstance(jwk, Mapping) or not isinstance(kty, str) or kty not in REQUIRED:
        return None
    members = {name: jwk.get(name) for name in REQUIRED[kty]}
    if not all(isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isascii() for value in members.values()):
        return None
    return _own_key({name: str(value).rstrip("=") for name, value in members.items()}, suspect.algorithm)


def own_leaf(suspect: Suspect) -> OwnKey | None:
    """The public key of the first certificate in `x5c`, if there is a usable one."""
    chain = suspect.header.get("x5c")
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    if not isinstance(leaf, str) or not 0 < len(leaf) <= _LONGEST:
        return None
    try:
        return _own_key(members_of(read_certificate(b64decode(leaf))), suspect.algorithm)
    except ValueError:  # BadKey is one
        return None


def own_secret(suspect: Suspect) -> bool:
    """Whether the HMAC is by the symmetric key that the header itself carries."""
    jwk, digest = suspect.header.get("jwk"), DIGESTS.get(len(suspect.signature))
    secret = jwk.get("k") if isinstance(jwk, Mapping) else None
    if digest is None or not isinstance(secret, str) or len(secret) > _LONGEST or not secret.isascii():
        return False
    for key in _secrets(secret):
        made = hmac.digest(key, suspect.signing_input, getattr(hashlib, digest))
        if hmac.compare_digest(made, suspect.signature):
            return True
    return False


def told_of_jwk(suspect: Suspect, thumbprint: str | None, keyset: KeySet) -> Iterator[Confirmed]:
    """What it means that the signature is by the `jwk` of the header, which is not registered."""
    yield Confirmed("embedded_jwk", "signed with the jwk in its own header, which is not registered")
    jwk = suspect.header.get("jwk")
    for kid in (suspect.kid, jwk.get("kid") if isinstance(jwk, Mapping) else None):
        registered = keyset.for_kid(kid) if isinstance(kid, str) else None
        if registered is not None and registered.thumbprint != thumbprint:
            yield Confirmed("jwk_kid_graft", f"its own jwk claims to be {registered.label}, and is another key")
            return


def _own_key(members: dict[str, str], stated: str | None) -> OwnKey | None:
    try:
        public = _weak_rsa(members) if members["kty"] == "RSA" else public_key_of(members)
        algorithm = _algorithm(members, stated)
        return OwnKey(public, algorithm, thumbprint_of(members)) if algorithm in SUPPORTED else None
    except (ValueError, UnsupportedAlgorithm):
        return None


def _algorithm(members: Mapping[str, Any], stated: str | None) -> str:
    try:
        return algorithm_for({**members, "alg": stated}, frozenset())
    except BadKey:
        return algorithm_for(members, frozenset())


def _weak_rsa(members: Mapping[str, str]) -> rsa.RSAPublicKey:
    """An RSA key of any strength whose use costs little; forgers like short ones."""
    n, e = (int.from_bytes(urlsafe_b64decode(members[name] + "==")) for name in ("n", "e"))
    if n.bit_length() > _MAX_BITS or e >= _MAX_EXPONENT or n % 2 == 0:
        raise BadKey("it is no RSA key, or would cost too much")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _secrets(text: str) -> Iterator[bytes]:
    yield text.encode("ascii")
    try:
        yield urlsafe_b64decode(text.rstrip("=") + "==")
    except ValueError:
        return
