"""The DPoP proof (RFC 9449 4.2, 4.3): read strictly, then checked claim by claim."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence, Set
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from mfa_middleware.credentials import Credential
from mfa_middleware.errors import Code, Refusal
from mfa_middleware.jose.algorithms import ALGORITHMS, InvalidSignature, Verify, same_algorithm, verifier
from mfa_middleware.jose.jwk import b64url, required_members, thumbprint_of
from mfa_middleware.jose.strict import Malformed, decode_checked, parse_segment, split_compact

__all__ = ["MAX_AGE", "MAX_AHEAD", "Proof", "ProofReader", "check_binding", "check_body", "check_query", "is_in_time"]

MAX_AGE: Final = 60.0
"""How old `iat` may be, in seconds."""
MAX_AHEAD: Final = 15.0
"""How far ahead of this server's clock `iat` may be, in seconds."""

_TYPES: Final = frozenset({"dpop+jwt", "application/dpop+jwt"})
_MAX_JTI: Final = 256
_MAX_LENGTH: Final = 4_096
_MAX_LENGTH_ML_DSA: Final = 12_288
_CACHED_HEADERS: Final = 4_096
_NUMBERS: Final = (int, float)
_NO_QUERY: Final = b64url(hashlib.sha256(b"").digest())
_DIGEST: Final = re.compile(r"\s*([a-z0-9*_.-]+)=:([A-Za-z0-9+/]*={0,2}):\s*")
_DIGESTS: Final = {"sha-256": "sha256", "sha-512": "sha512"}


class Key(NamedTuple):
    """What the header of a proof says of its key; `owner` is 16 bytes that stand for the thumbprint."""

    thumbprint: str
    owner: bytes
    alg: str
    jwk: Mapping[str, str]
    verify: Verify | None = None


def owner_of(thumbprint: str) -> bytes:
    """16 bytes that stand for a thumbprint, in a replay store."""
    return blake2b(thumbprint.encode("ascii"), digest_size=16).digest()


class Proof(NamedTuple):
    """A proof that is well formed; nothing in it is proven before its signature is."""

    key: Key
    jti: str
    htm: str
    htu: str
    iat: float
    claims: Mapping[str, Any]
    header: bytes
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"<Proof by {self.thumbprint}>"

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint of the key in the header."""
        return self.key.thumbprint

    def identity(self) -> bytes:
        """16 bytes that stand for (thumbprint, jti), whatever the spelling of the token."""
        return blake2b(self.key.owner + self.jti.encode(), digest_size=16).digest()  # an owner has 16 bytes, always


class ProofReader:
    """Reads proofs of the accepted algorithms, and verifies them with the registered key."""

    def __init__(self, algorithms: Set[str]) -> None:
        self._algorithms = algorithms
        self._max_length = _MAX_LENGTH_ML_DSA if any(name.startswith("ML-DSA") for name in algorithms) else _MAX_LENGTH
        self._keys: dict[bytes, Key] = {}

    def read(self, lines: Sequence[bytes]) -> Proof:
        """The one proof of a request, from the lines of its DPoP header.

        Raises Refusal (missing_proof, malformed_proof, unsupported_alg).
        """
        if not lines:
            raise Refusal(Code.MISSING_PROOF, "there is no DPoP header")
        token = lines[0].strip(b" \t")
        if len(lines) > 1 or token.find(b",") >= 0:
            raise Refusal(Code.MALFORMED_PROOF, "there is more than one DPoP proof")
        if len(token) > self._max_length:
            raise Refusal(
                Code.MALFORMED_PROOF, f"the proof has {len(token)} bytes, at most {self._max_length} are read"
            )
        try:
            header, payload, signature, signing_input = split_compact(token)
            key = self._keys.get(header) or self._read_key(parse_segment(header))
            claims = parse_segment(payload)
        except Malformed as error:
            raise Refusal(Code.MALFORMED_PROOF, str(error)) from None
        jti, htm, htu, iat = _required(claims)
        return Proof(key, jti, htm, htu, iat, claims, header, signing_input, decode_checked(signature))

    def _read_key(self, header: Mapping[str, Any]) -> Key:
        typ, alg = header.get("typ"), header.get("alg")
        if not isinstance(typ, str) or typ.lower() not in _TYPES:
            raise Refusal(Code.MALFORMED_PROOF, "typ is not dpop+jwt")
        if not isinstance(alg, str) or alg not in self._algorithms:
            raise Refusal(
                Code.UNSUPPORTED_ALG, f"alg is {str(alg)[:20]!r}, accepted are {', '.join(sorted(self._algorithms))}"
            )
        if "crit" in header or "b64" in header:
            raise Refusal(Code.MALFORMED_PROOF, "crit and b64 are not supported in a proof")
        members = required_members(header.get("jwk"))
        if not ALGORITHMS[alg].fits(members):
            raise Refusal(Code.MALFORMED_PROOF, f"the key is not of the type that {alg} needs")
        thumb = thumbprint_of(members)
        return Key(thumb, owner_of(thumb), alg, members)

    def verify(self, proof: Proof, jwk: Mapping[str, str], algorithm: str) -> None:
        """Verify the signature with a key and the algorithm that was registered for it.

        Raises Refusal (unsupported_alg, bad_signature).
        """
        key = proof.key
        if not same_algorithm(key.alg, algorithm):
            raise Refusal(Code.UNSUPPORTED_ALG, f"alg is {key.alg}, the machine is enrolled with {algorithm}")
        try:
            verify = key.verify or verifier(jwk, algorithm)
            verify(proof.signature, proof.signing_input)
        except (InvalidSignature, Malformed):
            raise Refusal(Code.BAD_SIGNATURE, "the signature does not verify with the registered key") from None
        if key.verify is None:
            self._remember(proof.header, key._replace(verify=verify))

    def _remember(self, header: bytes, key: Key) -> None:
        """Keep what a header says. Only enrolled machines get here; a full cache is emptied, not searched."""
        if len(self._keys) >= _CACHED_HEADERS:
            self._keys.clear()
        self._keys[header] = key


def _required(claims: Mapping[str, Any]) -> tuple[str, str, str, float]:
    jti, htm, htu, iat = claims.get("jti"), claims.get("htm"), claims.get("htu"), claims.get("iat")
    if not isinstance(jti, str) or not 1 <= len(jti.encode("utf-8")) <= _MAX_JTI:
        raise Refusal(Code.MALFORMED_PROOF, f"jti is not a string of 1 to {_MAX_JTI} bytes")
    if not isinstance(htm, str) or not isinstance(htu, str):
        raise Refusal(Code.MALFORMED_PROOF, "htm or htu is not a string")
    if not isinstance(iat, _NUMBERS) or isinstance(iat, bool):
        raise Refusal(Code.MALFORMED_PROOF, "iat is not a number")
    return jti, htm, htu, float(iat)


def is_in_time(iat: float, now: float) -> bool:
    """Whether `iat` is at most MAX_AGE old and at most MAX_AHEAD ahead, both inclusive."""
    return -MAX_AHEAD <= now - iat <= MAX_AGE


def check_binding(proof: Proof, credentials: Sequence[Credential], places: Set[str]) -> None:
    """`ath` names the first credential, `oth` every further one, and neither names one that is not there.

    Raises Refusal (wrong_binding).
    """
    ath, oth = proof.claims.get("ath"), proof.claims.get("oth")
    if oth is None and len(credentials) == 1 and _same(ath, credentials[0].ath):
        return
    if oth is None:
        oth = {}
    if not isinstance(oth, dict):
        raise Refusal(Code.WRONG_BINDING, "oth is not an object")
    if not credentials:
        if ath is not None or not places.isdisjoint(oth):
            raise Refusal(Code.WRONG_BINDING, "the proof binds a credential that the request does not carry")
        return
    if not _same(ath, credentials[0].ath):
        raise Refusal(Code.WRONG_BINDING, f"ath is not the hash of the credential in {credentials[0].place}")
    further = {credential.place: credential.ath for credential in credentials[1:]}
    for place in further.keys() | (oth.keys() & places):
        if not _same(oth.get(place), further.get(place)):
            raise Refusal(Code.WRONG_BINDING, f"oth does not hold the hash of the credential in {place}")


def check_query(proof: Proof, query: bytes) -> bool:
    """Whether the proof binds the query (`htq`). Raises Refusal (wrong_target) where it binds another one."""
    htq = proof.claims.get("htq")
    if htq is None:
        return False
    if not _same(htq, b64url(hashlib.sha256(query).digest()) if query else _NO_QUERY):
        raise Refusal(Code.WRONG_TARGET, "htq is not the hash of this query", hints={"wrong_claim": "htq"})
    return True


def check_body(htd: object, body: bytes) -> None:
    """`htd` is the Content-Digest (RFC 9530 2) of the body. Raises Refusal (wrong_digest)."""
    members = [_DIGEST.fullmatch(member) for member in htd.split(",")] if isinstance(htd, str) else [None]
    if not all(members):
        raise Refusal(
            Code.WRONG_DIGEST, "htd is not a Content-Digest such as sha-256=:...:", hints={"wrong_claim": "htd"}
        )
    known = {(_DIGESTS[match[1]], match[2]) for match in members if match and match[1] in _DIGESTS}
    if not known or not all(_same(value, _digest(name, body)) for name, value in known):
        raise Refusal(Code.WRONG_DIGEST, "htd is not the digest of this body", hints={"wrong_claim": "htd"})


def _digest(name: str, body: bytes) -> str:
    return b64encode(hashlib.new(name, body).digest()).decode("ascii")


def _same(given: object, expected: str | None) -> bool:
    return isinstance(given, str) and expected is not None and given.isascii() and compare_digest(given, expected)
