"""Whether a proof was made just now: by a nonce of this server (RFC 9449 9), else by `iat` (RFC 9449 4.3, check 11)."""

from __future__ import annotations

from typing import Final

from mfa_middleware.errors import Code, Refusal
from mfa_middleware.proofs.dpop import MAX_AGE, Proof, is_in_time
from mfa_middleware.proofs.nonce import LIFE, Issued, NonceMint
from mfa_middleware.replay import StoreState
from mfa_middleware.replay.base import COLD_SECONDS
from mfa_middleware.settings import Nonces
from mfa_middleware.trail import Trail

__all__ = ["Freshness"]

_HALF_LIFE: Final = LIFE / 2
_COLD: Final = "this proof may have been used before the memory of the store began (a restart, or a clock that was set)"
_COLD_WITHOUT_NONCE: Final = (
    f"MFA_NONCE is off, so only proofs count that are signed more than {COLD_SECONDS:.0f} s after that: sign a new one "
    "then, or write MFA_NONCE=recover"
)


class Freshness:
    """The nonce mode of one app."""

    __slots__ = ("_mode", "_nonces", "_required")

    def __init__(self, mode: Nonces, nonces: NonceMint) -> None:
        self._mode = mode
        self._nonces = nonces
        self._required = mode is Nonces.REQUIRED

    def check(
        self, proof: Proof, now: float, state: StoreState | None, *, demanded: bool
    ) -> tuple[Issued | None, float]:
        """The nonce of a proof, where it has a good one, and until when the proof may be accepted, in unix seconds.

        `state`: that of the store, where the proof carries a nonce. `demanded`: the route asks for a nonce.
        Raises Refusal (use_dpop_nonce, stale_proof).
        """
        given, iat = proof.claims.get("nonce"), proof.iat
        issued = self._nonces.issued(state, given, proof.thumbprint, now) if state is not None else None
        if issued is None:
            if given is not None or demanded or self._required:
                self._check_without_nonce(given, demanded=demanded)
        elif self._mode is not Nonces.OFF:
            return issued, issued.at + LIFE
        if not is_in_time(iat, now):
            raise self.stale(proof, now)
        return issued, iat + MAX_AGE

    def _check_without_nonce(self, given: object, *, demanded: bool) -> None:
        """A nonce that does not hold is no proof without one: with it, `iat` may have been accepted uncompared."""
        if self._required or demanded:
            raise Refusal(Code.USE_DPOP_NONCE, "a nonce is required")
        if given is not None and self._mode is not Nonces.OFF:
            raise Refusal(Code.USE_DPOP_NONCE, "the nonce is too old, or not of this server for this machine")

    def stale(self, proof: Proof, now: float) -> Refusal:
        """The refusal of a proof that is out of time; it tells how far the clocks are apart."""
        offset = round(now - proof.iat, 1)
        code = Code.STALE_PROOF if self._mode is Nonces.OFF else Code.USE_DPOP_NONCE
        return Refusal(code, f"iat is {offset} s before this server's clock", hints={"clock_offset": offset})

    def cold(self) -> Refusal:
        """The refusal of a proof that may have been used before the memory of the store began."""
        if self._mode is Nonces.OFF:
            return Refusal(Code.STORE_UNAVAILABLE, f"{_COLD}. {_COLD_WITHOUT_NONCE}")
        return Refusal(Code.USE_DPOP_NONCE, f"{_COLD}: the machine signs anew, with the nonce that it is given now")

    def renewed(self, trail: Trail) -> str | None:
        """A new nonce for the answer, where the one that was used is past half its life."""
        if trail.issued is None or trail.state is None or trail.proof is None:
            return None
        if trail.now - trail.issued.at <= _HALF_LIFE:
            return None
        return self._nonces.mint(trail.state, trail.proof.thumbprint, trail.now)
