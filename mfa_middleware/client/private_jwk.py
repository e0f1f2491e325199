"""Private JSON Web Keys (RFC 7517, RFC 7518 6, RFC 8037) as key objects of `cryptography`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mfa_middleware.jose.strict import Malformed, decode_segment

__all__ = ["private_key_of"]

_CURVES: Final = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_ML_DSA: Final = {"ML-DSA-44": "MLDSA44PrivateKey", "ML-DSA-65": "MLDSA65PrivateKey"}


def private_key_of(jwk: Mapping[str, object]) -> Any:
    """The key object of a private JWK. Raises Malformed, also where its public half is not its own."""
    load = _LOADERS.get(str(jwk.get("kty")))
    if load is None:
        raise Malformed(f"kty is not one of {', '.join(_LOADERS)}")
    try:
        return load(jwk)
    except (ImportError, UnsupportedAlgorithm):
        raise Malformed("its algorithm needs a newer cryptography package, or another build of it") from None
    except Malformed:
        raise
    except ValueError:
        raise Malformed("its members are not a valid key") from None


def _octets(jwk: Mapping[str, object], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not value.isascii() or not value:
        raise Malformed(f"member {name} is missing or not base64url")
    return decode_segment(value.encode("ascii"))


def _number(jwk: Mapping[str, object], name: str) -> int:
    return int.from_bytes(_octets(jwk, name))


def _own(private: Any, *, is_own: bool) -> Any:
    if not is_own:
        raise Malformed("its public members belong to another private key")
    return private


def _ec(jwk: Mapping[str, object]) -> Any:
    curve = _CURVES.get(str(jwk.get("crv")))
    if curve is None:
        raise Malformed(f"crv is not one of {', '.join(_CURVES)}")
    private = ec.derive_private_key(_number(jwk, "d"), curve)
    public = ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), curve)
    return _own(private, is_own=private.public_key().public_numbers() == public)


def _okp(jwk: Mapping[str, object]) -> Any:
    if jwk.get("crv") != "Ed25519":
        raise Malformed("crv is not Ed25519")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d"))
    return _own(private, is_own=private.public_key().public_bytes_raw() == _octets(jwk, "x"))


def _rsa(jwk: Mapping[str, object]) -> Any:
    public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    p, q, d, dp, dq, qi = (_number(jwk, name) for name in ("p", "q", "d", "dp", "dq", "qi"))
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()


def _akp(jwk: Mapping[str, object]) -> Any:
    kind = _ML_DSA.get(str(jwk.get("alg")))
    if kind is None:
        raise Malformed(f"alg is not one of {', '.join(_ML_DSA)}")
    from cryptography.hazmat.primitives.asymmetric import mldsa

    private = getattr(mldsa, kind).from_seed_bytes(_octets(jwk, "priv"))
    return _own(private, is_own=private.public_key().public_bytes_raw() == _octets(jwk, "pub"))


_Loader: TypeAlias = Callable[[Mapping[str, object]], Any]
_LOADERS: Final[Mapping[str, _Loader]] = {"EC": _ec, "OKP": _okp, "RSA": _rsa, "AKP": _akp}
