"""How a signature is encoded, and values that no honest signature has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mfa_middleware.firewall.base64_text import decode
from mfa_middleware.firewall.context import Context, detects
from mfa_middleware.firewall.faults import Fault
from mfa_middleware.firewall.finding import Finding
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.jose.jwk import SMALL_ORDER, load_public_key, required_members
from mfa_middleware.jose.strict import Malformed

__all__ = ["DETECTORS", "concerns", "is_ordinary_signature"]


class _Curve(NamedTuple):
    """A curve of ECDSA: the length of r and of s, and between which values, exclusive, honest ones are."""

    size: int
    order: int
    low: bytes
    high: bytes

    @classmethod
    def of(cls, size: int, order: int) -> _Curve:
        return cls(size, order, (1).to_bytes(size), (order - 1).to_bytes(size))


_CURVES: Final = {
    "ES256": _Curve.of(32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "ES384": _Curve.of(
        48, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
    ),
    "ES512": _Curve.of(
        66,
        2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
    ),
    "ES256K": _Curve.of(32, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141),
}
_EDWARDS: Final = frozenset({"EdDSA", "Ed25519", "Ed448"})
_ED25519: Final = 64
_ED448: Final = 114
_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_RSA_LENGTHS: Final = frozenset({256, 384, 512})
_KNOWN_CURVES: Final = [("EC", "P-256"), ("EC", "P-384")]  # a list, as the members of a JWK may be unhashable
_SHORTEST_RSA: Final = 2_048
_LONGEST_MEMBER: Final = 1_024  # characters; a modulus of 4096 bits has 683
_ENCODING: Final = {
    Fault.PADDING: "base64_padding",
    Fault.ALPHABET: "base64_alphabet",
    Fault.UNUSED_BITS: "base64_unused_bits",
    Fault.IMPOSSIBLE_LENGTH: "base64_length",
}


def concerns(reading: Reading, _: Context) -> bool:
    """Whether the signature is not of the ordinary form and range of its algorithm."""
    if reading.faults or "jwk" in reading.header:
        return True
    return not is_ordinary_signature(reading.alg, reading.signature)


def is_ordinary_signature(alg: str, signature: bytes) -> bool:
    """Whether a signature is of the form and range that nearly all signatures of an algorithm have."""
    if alg in _RSA:
        return len(signature) in _RSA_LENGTHS and any(signature[:32])
    curve = _CURVES.get(alg)
    if curve is not None:
        r, s = signature[: curve.size], signature[curve.size :]
        return len(s) == curve.size and curve.low < r < curve.high and curve.low < s < curve.high
    if alg in _EDWARDS:
        is_ed25519 = len(signature) == _ED25519 and alg != "Ed448"
        return is_ed25519 and signature[63] < 0x10 and signature[:32] not in SMALL_ORDER
    return bool(signature)


@detects("psychic_signature", "ecdsa_range", "ecdsa_der", "ecdsa_length")
def ecdsa(reading: Reading, context: Context) -> Iterator[Finding]:
    curve, signature = _CURVES.get(reading.alg), reading.signature
    if curve is None or not signature:
        return
    numbers = _from_der(signature)
    if numbers is not None:
        yield context.policy("ecdsa_der")
    elif len(signature) != 2 * curve.size:
        yield context.structural("ecdsa_length", f"{len(signature)} bytes")
    half = len(signature) // 2
    r, s = numbers or (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    if not any(signature) or r % curve.order == 0 or s % curve.order == 0:
        yield context.confirmed("psychic_signature")
    elif (numbers or len(signature) == 2 * curve.size) and not _are_ordinary(r, s, curve.order):
        yield context.structural("ecdsa_range")


@detects("eddsa_length", "eddsa_range", "eddsa_small_order")
def eddsa(reading: Reading, context: Context) -> Iterator[Finding]:
    alg, signature = reading.alg, reading.signature
    if alg not in _EDWARDS or not signature:
        return
    allowed = {"Ed25519": (_ED25519,), "Ed448": (_ED448,)}.get(alg, (_ED25519, _ED448))
    if len(signature) not in allowed:
        yield context.structural("eddsa_length", f"{len(signature)} bytes")
    elif len(signature) == _ED25519:
        if int.from_bytes(signature[32:], "little") >= _ED25519_ORDER:
            yield context.structural("eddsa_range")
        if signature[:32] in SMALL_ORDER:
            yield context.structural("eddsa_small_order", "R")


@detects("rsa_trivial", "rsa_length")
def rsa(reading: Reading, context: Context) -> Iterator[Finding]:
    signature = reading.signature
    if reading.alg not in _RSA or not signature:
        return
    if not any(signature[:-1]) and signature[-1] <= 1:
        yield context.structural("rsa_trivial")
    if len(signature) not in _RSA_LENGTHS:
        yield context.policy("rsa_length", f"{len(signature)} bytes")


@detects("rsa_weak_key", "invalid_point", "eddsa_small_order")
def header_key(reading: Reading, context: Context) -> Iterator[Finding]:
    jwk = reading.header.get("jwk")
    if not isinstance(jwk, dict) or (trick := _weakness(jwk)) is None:
        return
    yield context.structural(trick, "jwk")


@detects(*_ENCODING.values())
def encoding(reading: Reading, context: Context) -> Iterator[Finding]:
    for fault, part in reading.faults:
        if fault is Fault.PADDING:
            yield context.policy(_ENCODING[fault], part)
        elif fault in _ENCODING:
            yield context.structural(_ENCODING[fault], part)


def _are_ordinary(r: int, s: int, order: int) -> bool:
    return 1 < r < order - 1 and 1 < s < order - 1


def _weakness(jwk: Mapping[str, Any]) -> str | None:
    """What is wrong with a public key, where it is wrong in a way that attackers choose."""
    kind = jwk.get("kty"), jwk.get("crv")
    if kind[0] == "RSA":
        return "rsa_weak_key" if _is_weak_rsa(_number(jwk.get("n")), _number(jwk.get("e"))) else None
    if kind == ("OKP", "Ed25519"):
        return "eddsa_small_order" if decode(_ascii(jwk.get("x")))[0] in SMALL_ORDER else None
    return "invalid_point" if kind in _KNOWN_CURVES and not _loads(jwk) else None


def _is_weak_rsa(n: int, e: int) -> bool:
    return n.bit_length() < _SHORTEST_RSA or n % 2 == 0 or e < 3 or e % 2 == 0


def _loads(jwk: Mapping[str, Any]) -> bool:
    try:
        load_public_key(required_members({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}))
    except Malformed:
        return False
    return True


def _ascii(value: Any) -> bytes:
    return value[:_LONGEST_MEMBER].encode("ascii", "ignore") if isinstance(value, str) else b""


def _number(value: Any) -> int:
    return int.from_bytes(decode(_ascii(value))[0])


def _from_der(signature: bytes) -> tuple[int, int] | None:
    """r and s of a DER signature (RFC 3279 2.2.3), read leniently."""
    if len(signature) < 8 or signature[0] != 0x30:
        return None
    at = 3 if signature[1] == 0x81 else 2
    numbers = []
    for _ in range(2):
        if at + 2 > len(signature) or signature[at] != 2:
            return None
        end = at + 2 + signature[at + 1]
        numbers.append(int.from_bytes(signature[at + 2 : end]))
        at = end
    return (numbers[0], numbers[1]) if at == len(signature) else None


DETECTORS: Final = (ecdsa, eddsa, rsa, header_key, encoding)
