"""What a detector may know beside the token, and how it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol, TypeAlias

from mfa_middleware.firewall.finding import Evidence, Finding
from mfa_middleware.firewall.reading import Reading
from mfa_middleware.http import Address

__all__ = ["Context", "Detect", "Detector", "Keys", "KnownKey", "Trials", "Verification", "Verify", "detects"]


class KnownKey(Protocol):
    """A registered key, with the one algorithm that it is for."""

    @property
    def names(self) -> Set[str]:
        """What tokens may call its algorithm."""
        ...

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        ...

    @property
    def certificate(self) -> bytes | None:
        """The certificate it came in, in DER."""
        ...

    @property
    def is_symmetric(self) -> bool:
        """Whether it is an HMAC key."""
        ...


class Keys(Protocol):
    """The keys that are registered at this moment."""

    @property
    def keys(self) -> Sequence[KnownKey]:
        """All of them."""
        ...

    @property
    def algorithms(self) -> Set[str]:
        """What tokens may call the algorithms of them all."""
        ...

    @property
    def thumbprints(self) -> Set[str]:
        """Of them all."""
        ...

    def for_kid(self, kid: str, /) -> KnownKey | None:
        """The key that a `kid` names."""
        ...


class Context(NamedTuple):
    """Where a token was presented, and what this app accepts.

    `accepted`: algorithms; `keys`, `issuers`, `audiences`: None or empty where the app does not say. `now`: unix
    seconds. `source`: who presented it, for bounds on costly trials. `as_proof`: a proof, in which a key is no trick.
    """

    place: str
    accepted: Set[str] = frozenset()
    keys: Keys | None = None
    issuers: Set[str] = frozenset()
    audiences: Set[str] = frozenset()
    now: float = 0.0
    source: Address | None = None
    as_proof: bool = False

    def confirmed(self, trick: str, detail: str = "") -> Finding:
        """A finding that cryptography proves."""
        return Finding(trick, Evidence.CONFIRMED, self.place, detail)

    def structural(self, trick: str, detail: str = "") -> Finding:
        """A finding that no honest client causes."""
        return Finding(trick, Evidence.STRUCTURAL, self.place, detail)

    def policy(self, trick: str, detail: str = "") -> Finding:
        """A finding that an honest client may cause."""
        return Finding(trick, Evidence.POLICY, self.place, detail)


Detect: TypeAlias = Callable[[Reading, Context], Iterable[Finding]]


class Detector(NamedTuple):
    """A function that finds tricks, and the ids of those it may find."""

    ids: frozenset[str]
    run: Detect


def detects(*ids: str) -> Callable[[Detect], Detector]:
    """Mark a function as the detector of these tricks."""
    return lambda run: Detector(frozenset(ids), run)


class Verification(NamedTuple):
    """What came of verifying a token with registered keys.

    `verified`: None where it was not tried. `claims`: those of a verified token. `until`: unix seconds at which this
    may come out otherwise. `signed`: whether a registered key signed it, so that it is no forgery.
    """

    verified: bool | None
    claims: Mapping[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    until: float = float("inf")
    signed: bool = False


Verify: TypeAlias = Callable[[Reading, Context], Verification]
"""Verify a token strictly. Must not raise."""
Trials: TypeAlias = Callable[[Reading, Context], Iterable[Finding]]
"""Costly proofs of tricks, asked only of a token that did not verify. Must not raise."""
