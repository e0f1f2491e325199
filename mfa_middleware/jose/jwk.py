"""Public JSON Web Keys: their required members, their thumbprint (RFC 7638), and the key object they describe."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mfa_middleware.jose.strict import ALPHABET, Malformed, decode_segment

__all__ = ["PublicKey", "b64url", "load_public_key", "public_jwk", "required_members", "thumbprint", "thumbprint_of"]

PublicKey: TypeAlias = Any
"""A public key object of `cryptography`: EC, Ed25519, RSA or ML-DSA."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
    "AKP": ("alg", "kty", "pub"),
}
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
}
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_MIN_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 4096
# Characters of the longest member: a coordinate of P-384, a 4096-bit modulus, an ML-DSA-65 key.
_LONGEST: Final = {"EC": 64, "OKP": 43, "RSA": 683, "AKP": 2_603}
# The encodings of the points of order 1, 2, 4 and 8: under such a key some signatures verify for any message.
SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    )
)


def b64url(raw: bytes) -> str:
    """Encode as unpadded base64url (RFC 7515 2)."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def required_members(jwk: object) -> dict[str, str]:
    """The members of a public JWK that its thumbprint covers, in their order (RFC 7638 3.2).

    Costs no public-key operation. Raises Malformed where a member is missing, private, too long or not base64url.
    """
    if not isinstance(jwk, Mapping):
        raise Malformed("jwk is not an object")
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in REQUIRED:
        raise Malformed("jwk has no public key type that is accepted")
    if not PRIVATE.isdisjoint(jwk):
        raise Malformed("jwk carries private members: that key is exposed and must be replaced")
    members: dict[str, str] = {}
    for name in REQUIRED[kty]:
        value = jwk.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST[kty]:
            raise Malformed(f"jwk member {name} is missing, or not a string of a length that this key type has")
        if not value.isascii() or value.encode("ascii").translate(None, ALPHABET):
            raise Malformed(f"jwk member {name} has characters that no key has")
        members[name] = value
    return members


def thumbprint(jwk: Mapping[str, object]) -> str:
    """The RFC 7638 thumbprint with SHA-256, in base64url (43 characters). Raises Malformed."""
    return thumbprint_of(required_members(jwk))


def thumbprint_of(members: Mapping[str, str]) -> str:
    """The thumbprint of what `required_members` returned."""
    canonical = "{" + ",".join([f'"{name}":"{value}"' for name, value in members.items()]) + "}"
    return b64url(hashlib.sha256(canonical.encode("ascii")).digest())


def public_jwk(jwk: Mapping[str, object]) -> dict[str, str]:
    """The required members of a JWK whose key is valid: on its curve, of an accepted size, for signatures.

    Raises Malformed.
    """
    members = required_members(jwk)
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise Malformed("jwk is not meant for verifying signatures (use, key_ops)")
    load_public_key(members)
    return members


def load_public_key(jwk: Mapping[str, str]) -> PublicKey:
    """The key object of a public JWK. Raises Malformed where the key is invalid, weak or of another size."""
    try:
        return _LOADERS[jwk["kty"]](jwk)
    except KeyError as error:
        raise Malformed("jwk is of a curve or type that is not accepted") from error
    except Malformed:
        raise
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("jwk is not a valid public key") from error


def _octets(jwk: Mapping[str, str], name: str, length: int | None = None) -> bytes:
    raw = decode_segment(jwk[name].encode("ascii"))
    if length is not None and len(raw) != length:
        raise Malformed(f"jwk member {name} has {len(raw)} bytes instead of {length}")
    return raw


def _load_ec(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    curve, size = _CURVES[jwk["crv"]]
    point = b"\x04" + _octets(jwk, "x", size) + _octets(jwk, "y", size)
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)


def _load_okp(jwk: Mapping[str, str]) -> ed25519.Ed25519PublicKey:
    if jwk["crv"] != "Ed25519":
        raise Malformed("jwk is on a curve that is not accepted")
    raw = _octets(jwk, "x", 32)
    if raw in SMALL_ORDER:
        raise Malformed("jwk is a point of small order")
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)


def _load_rsa(jwk: Mapping[str, str]) -> rsa.RSAPublicKey:
    raw = _octets(jwk, "n")
    if raw[:1] == b"\0":
        raise Malformed("jwk member n has a leading zero")
    n, e = int.from_bytes(raw), int.from_bytes(_octets(jwk, "e"))
    if not _MIN_RSA_BITS <= n.bit_length() <= _MAX_RSA_BITS:
        raise Malformed(f"RSA keys must have {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits")
    if not 3 <= e < 2**32 or e % 2 == 0 or n % 2 == 0:
        raise Malformed("jwk is not a usable RSA key")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _load_akp(jwk: Mapping[str, str]) -> PublicKey:
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError as error:
        raise Malformed("ML-DSA needs a newer cryptography package") from error
    kinds: Mapping[str, Any] = {"ML-DSA-44": mldsa.MLDSA44PublicKey, "ML-DSA-65": mldsa.MLDSA65PublicKey}
    return kinds[jwk["alg"]].from_public_bytes(_octets(jwk, "pub"))


_LOADERS: Final = {"EC": _load_ec, "OKP": _load_okp, "RSA": _load_rsa, "AKP": _load_akp}
