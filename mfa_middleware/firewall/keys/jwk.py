"""A JWK as a key that verifies (RFC 7517): complete, strong, on its curve, for signatures, for one algorithm."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Set
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.firewall.keys.certificate import read_certificate
from mfa_middleware.firewall.keys.key import BadKey, Key
from mfa_middleware.firewall.keys.purpose import MIN_SECRET, algorithm_for, names_of
from mfa_middleware.firewall.keys.roca import is_roca
from mfa_middleware.jose.jwk import PRIVATE, REQUIRED, PublicKey, b64url, load_public_key, thumbprint_of
from mfa_middleware.jose.strict import Malformed, decode_segment

__all__ = ["is_for_signatures", "key_of", "public_key_of"]

_LONGEST_KID: Final = 256
_LONGEST_MEMBER: Final = 4_096
_LARGER_CURVES: Final[Mapping[object, tuple[ec.EllipticCurve, int]]] = {
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
_FOR_ENCRYPTION: Final = ("RSA1_5", "RSA-OAEP", "ECDH-ES", "dir", "A128", "A192", "A256", "PBES2")


def is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    """Whether `use`, `key_ops` and `alg` leave a key for verifying signatures (RFC 7517 4.2 to 4.4)."""
    operations = jwk.get("key_ops")
    if jwk.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return False
    return not str(jwk.get("alg", "")).startswith(_FOR_ENCRYPTION)


def key_of(jwk: Mapping[str, Any], accepted: Set[str], *, origin: str, served: tuple[bytes, ...] = ()) -> Key:
    """The key of a JWK. Raises BadKey with what is wrong with it."""
    if not is_for_signatures(jwk):
        raise BadKey("it is not for verifying signatures (use, key_ops, alg)")
    kid = _kid_of(jwk)
    if jwk.get("kty") == "oct":
        return _hmac_key(jwk, accepted, kid, origin)
    members = _members_of(jwk)
    public = public_key_of(members)
    algorithm = algorithm_for(jwk, accepted)
    return Key(
        algorithm=algorithm,
        names=names_of(algorithm),
        kty=members["kty"],
        kid=kid,
        thumbprint=thumbprint_of(members),
        public=public,
        members=members,
        certificate=_certificate_of(jwk, public),
        served=served,
        origin=origin,
    )


def public_key_of(members: Mapping[str, str]) -> PublicKey:
    """The key object of a public JWK of any supported type and curve. Raises BadKey where it is invalid or weak."""
    curve = members.get("crv")
    try:
        if members["kty"] == "EC" and curve in _LARGER_CURVES:
            return _larger_ec(members)
        if members["kty"] == "OKP" and curve == "Ed448":
            return ed448.Ed448PublicKey.from_public_bytes(decode_segment(members["x"].encode("ascii")))
        public = load_public_key(members)
    except (ValueError, KeyError, UnsupportedAlgorithm) as error:  # Malformed and BadKey are ValueErrors
        raise BadKey(str(error) if isinstance(error, BadKey | Malformed) else "it is not a valid public key") from None
    if members["kty"] == "RSA" and is_roca(public.public_numbers().n):
        raise BadKey("it was made by a library whose RSA keys can be factored (ROCA); make another")
    return public


def _larger_ec(members: Mapping[str, str]) -> PublicKey:
    curve, size = _LARGER_CURVES[members["crv"]]
    x, y = (decode_segment(members[name].encode("ascii")) for name in ("x", "y"))
    if len(x) != size or len(y) != size:
        raise BadKey(f"its coordinates must have {size} bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _kid_of(jwk: Mapping[str, Any]) -> str | None:
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID):
        raise BadKey(f"its kid must be text of 1 to {_LONGEST_KID} characters")
    return kid


def _members_of(jwk: Mapping[str, Any]) -> dict[str, str]:
    if not PRIVATE.isdisjoint(jwk):
        raise BadKey("it carries private members: keep only the public ones, and replace it if others could read it")
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in REQUIRED:
        raise BadKey("its kty must be RSA, EC, OKP, AKP or oct")
    return {name: _text_of(jwk, name) for name in REQUIRED[kty]}


def _text_of(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_MEMBER or not value.isascii():
        raise BadKey(f"its member {name} is missing or is no text")
    return value


def _hmac_key(jwk: Mapping[str, Any], accepted: Set[str], kid: str | None, origin: str) -> Key:
    algorithm = algorithm_for(jwk, accepted)
    try:
        secret = decode_segment(_text_of(jwk, "k").encode("ascii"))
    except Malformed:
        raise BadKey("its member k must be base64url without padding") from None
    if len(secret) < MIN_SECRET[algorithm]:
        raise BadKey(f"a secret for {algorithm} must have {MIN_SECRET[algorithm]} bytes or more, not {len(secret)}")
    thumbprint = b64url(sha256(b'{"k":"%b","kty":"oct"}' % jwk["k"].encode("ascii")).digest())
    return Key(algorithm, names_of(algorithm), "oct", kid, thumbprint, secret, {}, origin=origin)


def _certificate_of(jwk: Mapping[str, Any], public: PublicKey) -> bytes | None:
    """The certificate of a JWK in DER, if it has a readable one for its key (RFC 7517 4.7)."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        der = b64decode(chain[0], validate=True)
        own = read_certificate(der).public_bytes(*form) == public.public_bytes(*form)
    except ValueError:  # BadKey is one
        return None
    return der if own else None
