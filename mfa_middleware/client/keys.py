"""The key of a machine: what a signer needs of it, and a private key in memory that offers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from mfa_middleware.client.private_jwk import private_key_of
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import b64url, public_jwk, thumbprint
from mfa_middleware.jose.strict import Malformed, parse_object

__all__ = ["Key", "PrivateKey", "jwk_of"]

_KeyObject: TypeAlias = Any  # a private key object of `cryptography`
_RSA_BITS: Final = 3072
_EC_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}


class Key(Protocol):
    """Anything that can sign proofs: a `PrivateKey`, or an object of your own over an HSM or a KMS."""

    @property
    def alg(self) -> str:
        """The JOSE name of the signature algorithm, such as `ES256` (RFC 7518 3.1, RFC 9864)."""
        ...

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """The public key as a JWK (RFC 7517), without private members."""
        ...

    def sign(self, message: bytes, /) -> bytes:
        """The signature as JOSE writes it: for ECDSA r and s side by side, not DER (RFC 7518 3.4)."""
        ...


class PrivateKey:
    """A private key in memory. `repr` tells the algorithm and the thumbprint, and nothing writes the rest."""

    __slots__ = ("_key", "_sign", "alg", "public_jwk")

    alg: str
    public_jwk: Mapping[str, str]

    def __init__(self, key: _KeyObject, alg: str | None = None) -> None:
        """Wrap a private key object of `cryptography`.

        `alg` is needed only to choose RS256 for an RSA key (else PS256), or the older name EdDSA for Ed25519.
        Raises ConfigurationError where the key is of no accepted type or size, or does not fit `alg`.
        """
        try:
            jwk = public_jwk(jwk_of(key.public_key()))
        except Malformed as error:
            raise ConfigurationError(f"this key cannot sign proofs: {error}") from None
        self.alg, self.public_jwk = _fitting(jwk, alg), jwk
        self._key, self._sign = key, _SIGNERS[self.alg](key)

    @classmethod
    def generate(cls, alg: str = "ES256") -> PrivateKey:
        """A new key for one of the algorithms of proofs. Raises ConfigurationError for any other name."""
        if alg not in _GENERATORS:
            raise ConfigurationError(f"alg is {alg!r}; write one of {', '.join(_GENERATORS)}")
        try:
            return cls(_GENERATORS[alg](), alg)
        except (ImportError, UnsupportedAlgorithm):
            raise ConfigurationError(f"{alg} needs a newer cryptography package, or another build of it") from None

    @classmethod
    def from_text(cls, text: str | bytes, alg: str | None = None) -> PrivateKey:
        """Read an unencrypted PEM private key or a private JWK. Raises ConfigurationError; never quotes the text."""
        raw = (text.encode("utf-8") if isinstance(text, str) else text).strip()
        if raw[:1] == b"{":
            return cls._from_jwk(raw, alg)
        try:
            return cls(load_pem_private_key(raw, None), alg)
        except TypeError:
            raise ConfigurationError("the PEM key is encrypted: decrypt it with `openssl pkey`") from None
        except (ValueError, UnsupportedAlgorithm):
            raise ConfigurationError("expected a PEM private key (-----BEGIN PRIVATE KEY-----) or a JWK") from None

    @classmethod
    def _from_jwk(cls, raw: bytes, alg: str | None) -> PrivateKey:
        try:
            jwk = parse_object(raw)
            return cls(private_key_of(jwk), alg or jwk.get("alg"))
        except Malformed as error:
            raise ConfigurationError(f"the private JWK cannot be read: {error}") from None

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint by which the machine is enrolled (43 characters)."""
        return thumbprint(self.public_jwk)

    def sign(self, message: bytes, /) -> bytes:
        """Sign as `alg` says. Thread-safe."""
        return self._sign(message)

    def to_pem(self) -> bytes:
        """The private key itself, as unencrypted PKCS #8: for a file that only its owner can read."""
        pem: bytes = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    def __repr__(self) -> str:
        return f"<PrivateKey {self.alg} {self.thumbprint}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not copied or pickled: pass its path")


def _fitting(jwk: Mapping[str, str], alg: str | None) -> str:
    fitting = [name for name, algorithm in ALGORITHMS.items() if algorithm.fits(jwk)]
    if alg is None:
        return fitting[0]
    if alg not in fitting:
        raise ConfigurationError(f"alg is {alg!r}, and this key is for {' or '.join(fitting)}")
    return alg


def jwk_of(public: Any) -> dict[str, str]:
    """The public JWK of a public key object of `cryptography`. Raises Malformed for a type that is not accepted."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers, size = public.public_numbers(), (public.curve.key_size + 7) // 8
        curve = _EC_CURVES.get(public.curve.name, public.curve.name)
        return {"kty": "EC", "crv": curve, "x": _number(numbers.x, size), "y": _number(numbers.y, size)}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(public.public_bytes_raw())}
    if isinstance(public, rsa.RSAPublicKey):
        rsa_numbers = public.public_numbers()
        return {"kty": "RSA", "n": _number(rsa_numbers.n), "e": _number(rsa_numbers.e)}
    name = type(public).__name__
    if name in _ML_DSA_CLASSES:
        return {"kty": "AKP", "alg": _ML_DSA_CLASSES[name], "pub": b64url(public.public_bytes_raw())}
    raise Malformed(f"a {name} is of no type that is accepted")


def _number(value: int, size: int | None = None) -> str:
    return b64url(value.to_bytes(size or (value.bit_length() + 7) // 8))


_Sign: TypeAlias = Callable[[bytes], bytes]


def _ecdsa(key: _KeyObject, *, size: int, digest: hashes.HashAlgorithm) -> _Sign:
    algorithm = ec.ECDSA(digest)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, algorithm))
        return r.to_bytes(size) + s.to_bytes(size)

    return sign


def _rsa(key: _KeyObject, *, scheme: padding.AsymmetricPadding) -> _Sign:
    return lambda message: key.sign(message, scheme, hashes.SHA256())


def _plain(key: _KeyObject) -> _Sign:
    sign: _Sign = key.sign
    return sign


_SIGNERS: Final[Mapping[str, Callable[[_KeyObject], _Sign]]] = {
    "ES256": partial(_ecdsa, size=32, digest=hashes.SHA256()),
    "ES384": partial(_ecdsa, size=48, digest=hashes.SHA384()),
    "Ed25519": _plain,
    "EdDSA": _plain,
    "PS256": partial(_rsa, scheme=padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    "RS256": partial(_rsa, scheme=padding.PKCS1v15()),
    "ML-DSA-44": _plain,
    "ML-DSA-65": _plain,
}


def _generate_rsa() -> _KeyObject:
    return rsa.generate_private_key(65537, _RSA_BITS)


def _generate_ml_dsa(kind: str) -> _KeyObject:
    from cryptography.hazmat.primitives.asymmetric import mldsa

    return getattr(mldsa, kind).generate()


_ML_DSA_CLASSES: Final = {"MLDSA44PublicKey": "ML-DSA-44", "MLDSA65PublicKey": "ML-DSA-65"}
_GENERATORS: Final[Mapping[str, Callable[[], _KeyObject]]] = {
    "ES256": partial(ec.generate_private_key, ec.SECP256R1()),
    "ES384": partial(ec.generate_private_key, ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "PS256": _generate_rsa,
    "RS256": _generate_rsa,
    "ML-DSA-44": partial(_generate_ml_dsa, "MLDSA44PrivateKey"),
    "ML-DSA-65": partial(_generate_ml_dsa, "MLDSA65PrivateKey"),
}
