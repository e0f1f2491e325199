"""Family D: signatures in another encoding, or of values that verify for anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from mfa_middleware.cli.probe.forgeries.made import Forged, Tokens, by_stranger
from mfa_middleware.cli.probe.signing import SigningKey, fresh_key
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.cli.probe.tokens import compact, joined, segment
from mfa_middleware.jose.jwk import b64url

__all__ = ["TOKENS"]

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_OF_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _raw(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


def _with(algorithm: str, signatures: Mapping[str, bytes]) -> Tokens:
    return lambda target: (
        Forged(compact(target.header_for(algorithm), target.forged_claims, signature), f"{algorithm}, {note}")
        for note, signature in signatures.items()
    )


def _of_both(*makers: Tokens) -> Tokens:
    return lambda target: (forged for maker in makers for forged in maker(target))


_PSYCHIC: Final = _of_both(
    _with(
        "ES256",
        {
            "r = s = 0": bytes(64),
            "r = s = 0 in DER": bytes.fromhex("3006020100020100"),
            "r = 0": _raw(0, 1),
            "r = s = n": _raw(_ORDER, _ORDER),
        },
    ),
    _with("ES384", {"r = s = 0": bytes(96)}),
)
_SMALL_R: Final = b"\1" + bytes(31) + b"\2" * 31 + b"\0"
_RANGE: Final = {
    "r = s = 1": _raw(1, 1),
    "r = n - 1": _raw(_ORDER - 1, 5),
    "s = n + 1": _raw(5, _ORDER + 1),
    "all ones": b"\xff" * 64,
}


def _der(target: Target) -> Iterator[Forged]:
    key, header = fresh_key("ES256"), target.header_for("ES256")
    raw = key.sign(joined(header, target.forged_claims))
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    yield Forged(compact(header, target.forged_claims, der), "ES256")


def _length(target: Target) -> Iterator[Forged]:
    key, header = fresh_key("ES256"), target.header_for("ES256")
    raw = key.sign(joined(header, target.forged_claims))
    longer = b"\0" + raw[:32] + b"\0" + raw[32:]
    changed = {"a byte less": raw[:-1], "a byte more": raw + b"\0", "zeros before both": longer}
    for note, signature in changed.items():
        yield Forged(compact(header, target.forged_claims, signature), note)


def _padding(target: Target) -> Iterator[Forged]:
    header, payload, signature = target.signed().split(b".")
    yield Forged(b".".join((header, payload, signature + b"=" * (-len(signature) % 4))), "the signature")
    padded = (part + b"=" * (-len(part) % 4) for part in (header, payload, signature))
    yield Forged(b".".join(padded), "every segment")


def _alphabet(target: Target) -> Iterator[Forged]:
    header, payload, signature = target.signed().split(b".")
    standard = b"+/+/" + signature[4:]
    yield Forged(b".".join((header, payload, standard)), "the standard alphabet")
    yield Forged(b".".join((header, payload, signature[:8] + b"!*" + signature[8:])), "characters that are skipped")
    yield Forged(b".".join((header, payload[:4] + b"~" + payload[4:], signature)), "in the payload")


def _unused_bits(target: Target) -> Iterator[Forged]:
    key = fresh_key("ES256")
    token = key.token(target.header_for("ES256"), target.forged_claims)
    yield Forged(_next_character(token), "the signature")
    if target.issuer is not None and target.issuer.algorithm in ("RS256", "ES256", "EdDSA"):
        yield Forged(_next_character(target.signed()), "the signature of a good token")


def _next_character(token: bytes) -> bytes:
    """The token with the last of the bits that decode to nothing set."""
    return token[:-1] + _ALPHABET[_ALPHABET.index(token[-1:]) | 1 :][:1]


def _impossible_length(target: Target) -> Iterator[Forged]:
    token = target.signed()
    head, _, signature = token.rpartition(b".")
    yield Forged(head + b"." + signature + b"A" * ((1 - len(signature)) % 4), "the signature")


def _eddsa_range(target: Target) -> Iterator[Forged]:
    key, header = fresh_key("EdDSA"), target.header_for("EdDSA")
    raw = key.sign(joined(header, target.forged_claims))
    s = int.from_bytes(raw[32:], "little") + _ED25519_ORDER
    yield Forged(compact(header, target.forged_claims, raw[:32] + s.to_bytes(32, "little")), "S + L")


def _small_order_key(target: Target) -> Iterator[Forged]:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(b"\1" + bytes(31))}
    header = {"alg": "EdDSA", "typ": "JWT", "jwk": jwk}
    yield Forged(compact(header, target.forged_claims, b"\1" + bytes(31) + bytes(32)), "the key in the header")


def _weak_rsa(target: Target) -> Iterator[Forged]:
    weak: SigningKey = SigningKey("RS256", rsa.generate_private_key(65537, 1024))  # noqa: S505 - a weak one is wanted
    header = {"alg": "RS256", "typ": "JWT", "jwk": weak.jwk}
    yield Forged(weak.token(header, target.forged_claims), "1024 bits")
    number = int.from_bytes(_padded(joined({**header, "jwk": _ONE}, target.forged_claims), 256, b"\xff"))
    yield Forged(compact({**header, "jwk": _ONE}, target.forged_claims, number.to_bytes(256)), "exponent 1")


_ONE: Final = {"kty": "RSA", "n": b64url(b"\xc1" * 256), "e": "AQ"}


def _rsa_padding(target: Target) -> Iterator[Forged]:
    """What a short exponent lets anybody make; here the tester's own key stands in for it."""
    issuer = target.issuer
    if issuer is None or issuer.algorithm != "RS256":
        return
    header: dict[str, Any] = {**target.header, "alg": "RS256"}
    signing_input = joined(header, target.forged_claims)
    numbers = issuer.private.private_numbers()
    size = (numbers.public_numbers.n.bit_length() + 7) // 8
    for note, block in (
        ("the hash before garbage", _garbage_after(signing_input, size)),
        ("other padding bytes", _padded(signing_input, size, b"\x42")),
    ):
        number = pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n)
        yield Forged(compact(header, target.forged_claims, number.to_bytes(size)), note)


def _hashed(message: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(message)
    return _OF_SHA256 + digest.finalize()


def _padded(message: bytes, size: int, filler: bytes) -> bytes:
    hashed = _hashed(message)
    return b"\0\1" + filler * (size - len(hashed) - 3) + b"\0" + hashed


def _garbage_after(message: bytes, size: int) -> bytes:
    block = b"\0\1" + b"\xff" * 8 + b"\0" + _hashed(message)
    return block + b"\x17" * (size - len(block))


def _off_curve(target: Target) -> Iterator[Forged]:
    point = b64url(b"\5" * 32)
    for curve in ("P-256", "P-384"):
        x = point if curve == "P-256" else b64url(b"\5" * 48)
        yield by_stranger(target, {"jwk": {"kty": "EC", "crv": curve, "x": x, "y": x}}, curve)


def _invalid(target: Target) -> Iterator[Forged]:
    head, _, signature = target.signed().rpartition(b".")
    header, _, _ = head.partition(b".")
    yield Forged(b".".join((header, segment(target.forged_claims), signature)), "other claims under an old signature")


TOKENS: Final[Mapping[str, Tokens]] = {
    "psychic_signature": _PSYCHIC,
    "ecdsa_range": _with("ES256", _RANGE),
    "ecdsa_der": _der,
    "ecdsa_length": _length,
    "base64_padding": _padding,
    "base64_alphabet": _alphabet,
    "base64_unused_bits": _unused_bits,
    "base64_length": _impossible_length,
    "eddsa_length": _with("EdDSA", {"63 bytes": b"\1" * 63, "128 bytes": b"\1" * 128}),
    "eddsa_range": _eddsa_range,
    "eddsa_small_order": _of_both(_with("EdDSA", {"R of order 1": _SMALL_R}), _small_order_key),
    "rsa_trivial": _with("RS256", {"0": bytes(256), "1": bytes(255) + b"\1"}),
    "rsa_length": _with("RS256", {"128 bytes": b"\7" * 128, "255 bytes": b"\7" * 255}),
    "rsa_weak_key": _weak_rsa,
    "rsa_padding": _rsa_padding,
    "invalid_point": _off_curve,
    "signature_invalid": _invalid,
}
