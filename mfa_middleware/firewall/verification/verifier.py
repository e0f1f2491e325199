"""The verification of one token, and the memory of those that verified."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cachetools import LRUCache

from mfa_middleware.clock import SYSTEM_CLOCK, Clock
from mfa_middleware.firewall.keys import Key, KeyRing, KeySet
from mfa_middleware.firewall.keys.signature import is_signed_by
from mfa_middleware.firewall.verification.choice import keys_for
from mfa_middleware.firewall.verification.claims import Expected
from mfa_middleware.firewall.verification.reason import Fault, Reason
from mfa_middleware.jose.strict import TOKEN, Malformed, decode_segment, parse_object, split_compact

__all__ = ["Verification", "Verifier"]

_MAX_LENGTH: Final = 16_384
_CACHE_BYTES: Final = 4 * 1024 * 1024  # of token text; the claims of it take a few times as much
_LONGEST_LIFE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome for one token.

    `claims`: read-only at the top, None unless everything verified. `reason`: why not, else None; `detail` is for
    the operator and holds nothing that the token says. `key`: the key that signed it, also where claims are wrong.
    """

    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    reason: Reason | None = None
    detail: str = ""
    key: Key | None = None

    @property
    def is_verified(self) -> bool:
        """Whether signature and claims are good."""
        return self.claims is not None

    @property
    def is_signed(self) -> bool:
        """Whether a registered key signed it, so that it is no forgery, even if it is expired or for others."""
        return self.key is not None


class _Entry(NamedTuple):
    until: float
    keyset: KeySet
    verification: Verification
    size: int


class Verifier:
    """Verifies tokens, and remembers those that verified until they expire or the keys change.

    The memory only saves time: what is not in it is verified again. Any thread may use the same object.
    """

    def __init__(
        self,
        ring: KeyRing,
        expected: Expected | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        """`cache_bytes`: how much token text may be remembered."""
        self._ring = ring
        self._expected = expected or Expected()
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: LRUCache[bytes, _Entry] = LRUCache(max(cache_bytes, _MAX_LENGTH), lambda entry: entry.size)

    def verify(self, token: bytes, digest: bytes | None = None) -> Verification:
        """Verify a token; `digest` is the SHA-256 of all of it, where the caller has that already."""
        if len(token) > _MAX_LENGTH:
            return Verification(reason=Reason.MALFORMED, detail=f"longer than {_MAX_LENGTH} bytes")
        keyset, now = self._ring.current(), self._clock.wall()
        name = digest or sha256(token).digest()
        with self._lock:
            known = self._cache.get(name)
        if known is not None and known.keyset is keyset and now < known.until:
            return known.verification
        verification = self._verified(token, keyset, now)
        if verification.claims is not None:
            self._remember(name, _Entry(self._end(verification.claims, now), keyset, verification, len(token)))
        return verification

    def _end(self, claims: Mapping[str, Any], now: float) -> float:
        longest = now + _LONGEST_LIFE
        return min(longest, float(claims["exp"]) + self._expected.leeway) if "exp" in claims else longest

    def _remember(self, name: bytes, entry: _Entry) -> None:
        with self._lock:
            self._cache[name] = entry

    def _verified(self, token: bytes, keyset: KeySet, now: float) -> Verification:
        key = None
        try:
            key, payload = _signer(token, keyset)
            claims = _claims(payload)
            self._expected.check(claims, now)
        except Malformed as error:
            return Verification(reason=Reason.MALFORMED, detail=str(error))
        except Fault as fault:
            if fault.reason is Reason.UNKNOWN_KEY:
                self._ring.kid_missing()
            return Verification(reason=fault.reason, detail=fault.detail, key=key)
        return Verification(MappingProxyType(claims), key=key)


def _signer(token: bytes, keyset: KeySet) -> tuple[Key, bytes]:
    """The key that signed a token, and the payload. Raises Malformed or Fault."""
    if not keyset:
        raise Fault(Reason.NO_KEYS, "no key of MFA_JWT_KEYS is there yet")
    compact = split_compact(_without_padding(token))
    header = parse_object(decode_segment(compact.header), TOKEN)
    if "crit" in header or "b64" in header:
        raise Fault(Reason.CRITICAL, "it has critical or unencoded parts, which are not supported")
    for key in keys_for(header, keyset):
        if is_signed_by(token, key.public, header["alg"]):
            return key, decode_segment(compact.payload)
    if "kid" in header and keyset.for_kid(header["kid"]) is None:
        raise Fault(Reason.UNKNOWN_KEY, "its kid is that of no registered key, and no key without a kid signed it")
    raise Fault(Reason.SIGNATURE, "its signature is not that of the key that it names")


def _without_padding(token: bytes) -> bytes:
    """The token in canonical bytes. AWS load balancers pad the segments, and sign the padded text; nobody else may."""
    if b"=" not in token:
        return token
    segments = [segment.rstrip(b"=") for segment in token.split(b".")]
    padded = [segment + b"=" * (-len(segment) % 4) for segment in segments]
    return b".".join(segments) if b".".join(padded) == token else token


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        return parse_object(payload, TOKEN)
    except Malformed as error:
        raise Fault(Reason.PAYLOAD, f"its payload is no strict JSON object ({error})") from None
