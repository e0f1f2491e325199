"""Every text and byte string that a public key is commonly kept as, and that a confused verifier may take for a secret.

CVE-2016-10555 and its successors each took another of these forms for an HMAC key (RFC 8725 2.1).
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.firewall.keys.key import Key
from mfa_middleware.jose.strict import decode_segment

__all__ = ["COMMON", "encodings_of", "set_encodings"]

_Pairs = Iterator[tuple[str, bytes]]

COMMON: Final = frozenset(
    {
        "SPKI PEM", "SPKI PEM without the last line end", "SPKI PEM with CRLF", "SPKI DER", "PKCS#1 PEM",
        "certificate PEM", "the key as configured", "JWK, compact", "JWK member n", "JWK member x",
    }
)  # fmt: skip
"""The forms that are tried first, where there are too many keys to try all of each."""

_PEM_FORMS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("", lambda pem: pem),
    (" without the last line end", lambda pem: pem.rstrip("\n")),
    (" with CRLF", lambda pem: pem.replace("\n", "\r\n")),
    (" with CRLF, without the last line end", lambda pem: pem.rstrip("\n").replace("\n", "\r\n")),
    (" with CR", lambda pem: pem.replace("\n", "\r")),
    (" on one line", lambda pem: pem.replace("\n", "")),
    (" with spaces for line ends", lambda pem: pem.rstrip("\n").replace("\n", " ")),
    (" with backslash n", lambda pem: pem.replace("\n", "\\n")),
    (" with backslash n, without the last line end", lambda pem: pem.rstrip("\n").replace("\n", "\\n")),
    (" after a line end", lambda pem: "\n" + pem),
    (" between line ends", lambda pem: "\n" + pem + "\n"),
    (" with two last line ends", lambda pem: pem + "\n"),
    (" after a space", lambda pem: " " + pem),
    (" before a space", lambda pem: pem.rstrip("\n") + " "),
    (" after a tab", lambda pem: "\t" + pem),
    (" with a byte order mark", lambda pem: "\ufeff" + pem),
    (" after a zero-width space", lambda pem: "\u200b" + pem),
    (" after an empty comment", lambda pem: "#\n" + pem),
    (" after a comment", lambda pem: "# Public Key\n" + pem),
    (" before a NUL", lambda pem: pem + "\0"),
    (" body", lambda pem: "".join(pem.strip().split("\n")[1:-1])),
    (" body in lines", lambda pem: "\n".join(pem.strip().split("\n")[1:-1])),
)


def encodings_of(key: Key) -> dict[bytes, str]:
    """The forms of a public key, each with what to call it; none for an HMAC key."""
    found: dict[bytes, str] = {}
    if not key.is_symmetric:
        for name, raw in (*_pems(key), *_binaries(key), *_jwks(key), *_served(key)):
            found.setdefault(raw, name)
    found.pop(b"", None)
    return found


def set_encodings(bodies: tuple[bytes, ...]) -> dict[bytes, str]:
    """The forms of whole JWK Sets: as served, without white space around, compact and sorted."""
    found: dict[bytes, str] = {}
    for number, body in enumerate(bodies, 1):
        for name, raw in (("as served", body), ("stripped", body.strip()), *_json_forms(json.loads(body))):
            found.setdefault(raw, f"JWK Set {number}, {name}")
    return found


def _served(key: Key) -> _Pairs:
    for number, raw in enumerate(key.served):
        yield "the key as configured" + (f", form {number + 1}" if number else ""), raw


def _pems(key: Key) -> _Pairs:
    yield from _pem_forms("SPKI PEM", _bytes_of(key.public, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    if key.kty == "RSA":
        yield from _pem_forms("PKCS#1 PEM", _bytes_of(key.public, Encoding.PEM, PublicFormat.PKCS1))
    if key.certificate is not None:
        certificate = x509.load_der_x509_certificate(key.certificate)
        yield from _pem_forms("certificate PEM", certificate.public_bytes(Encoding.PEM))


def _pem_forms(name: str, pem: bytes) -> _Pairs:
    text = pem.decode("ascii")
    for suffix, change in _PEM_FORMS:
        if text:
            yield name + suffix, change(text).encode()


def _binaries(key: Key) -> _Pairs:
    ders = {"SPKI DER": _bytes_of(key.public, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}
    if key.kty == "RSA":
        ders["PKCS#1 DER"] = _bytes_of(key.public, Encoding.DER, PublicFormat.PKCS1)
    if key.certificate is not None:
        ders["certificate DER"] = key.certificate
    for name, der in ders.items():
        yield name, der
        yield f"{name} in base64", b64encode(der)
        yield f"{name} in base64url", urlsafe_b64encode(der).rstrip(b"=")
        yield f"{name} in hex", der.hex().encode()
    yield from _openssh(key)
    yield from _points(key)


def _openssh(key: Key) -> _Pairs:
    line = _bytes_of(key.public, Encoding.OpenSSH, PublicFormat.OpenSSH)
    if line:
        yield "OpenSSH line", line
        yield "OpenSSH line with its line end", line + b"\n"
        yield "OpenSSH body", line.split(b" ")[1]


def _points(key: Key) -> _Pairs:
    if not isinstance(key.public, ec.EllipticCurvePublicKey):
        return
    for name, form in (
        ("uncompressed", PublicFormat.UncompressedPoint),
        ("compressed", PublicFormat.CompressedPoint),
    ):
        point = key.public.public_bytes(Encoding.X962, form)
        yield f"EC point, {name}", point
        yield f"EC point, {name}, in hex", point.hex().encode()
        yield f"EC point, {name}, in base64", b64encode(point)


def _jwks(key: Key) -> _Pairs:
    kid = {"kid": key.kid} if key.kid is not None else {}
    bare: dict[str, Any] = {"kty": key.kty, **{name: value for name, value in key.members.items() if name != "kty"}}
    for about, jwk in (
        ("", bare),
        (" with alg and kid", bare | {"alg": key.algorithm, **kid}),
        (" with kid", bare | kid),
    ):
        for name, raw in _json_forms(jwk):
            yield f"JWK{about}, {name}", raw
    for raw in key.served:
        if raw.lstrip().startswith(b"{"):
            yield from ((f"JWK with all members, {name}", form) for name, form in _json_forms(json.loads(raw)))
    for name, value in key.members.items():
        if name in ("n", "x", "y", "pub"):
            yield f"JWK member {name}", value.encode("ascii")
            yield f"JWK member {name}, decoded", decode_segment(value.encode("ascii"))


def _json_forms(value: Any) -> _Pairs:
    yield "compact", json.dumps(value, separators=(",", ":")).encode()
    yield "compact and sorted", json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    yield "with spaces", json.dumps(value).encode()
    yield "with spaces, sorted", json.dumps(value, sort_keys=True).encode()
    yield "indented by 2", json.dumps(value, indent=2).encode()
    yield "indented by 2, sorted", json.dumps(value, indent=2, sort_keys=True).encode()
    yield "indented by 4", json.dumps(value, indent=4).encode()


def _bytes_of(public: Any, encoding: Encoding, form: PublicFormat) -> bytes:
    """The key in that form; empty where its type has none."""
    try:
        raw: bytes = public.public_bytes(encoding, form)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return b""
    return raw
