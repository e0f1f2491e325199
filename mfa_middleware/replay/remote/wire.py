"""Claims and their answers as bytes, and the text of the step that judges them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b, sha1
from importlib.resources import files
from struct import Struct
from typing import Final, NamedTuple, Self

from mfa_middleware.errors import StoreError
from mfa_middleware.replay.base import (
    COLD_SECONDS,
    FULL,
    LONGEST_SECONDS,
    PRESSED,
    PROOF_SECONDS,
    RETRY_SECONDS,
    SKEW_SECONDS,
    Outcome,
    StoreState,
)

__all__ = ["RING", "Answer", "EvictionError", "Script", "pack", "read"]

RING: Final = 8
"""How many windows of entries there are, one key each."""

_CLAIM: Final = Struct(">16s16sB16sdd8s")
_NO_EPOCH: Final = bytes(16)
_NOBODY: Final = bytes(8)
_HEAD: Final = Struct(">c16s32sd")
_CLOCK: Final = Struct(">cd")
_OUTCOMES: Final = (
    Outcome.STALE,
    Outcome.COLD,
    Outcome.SEEN,
    Outcome.RETRIED,
    Outcome.QUOTA,
    Outcome.FULL,
    Outcome.NEW,
)
_CONSTANTS: Final = {
    "PROOF": PROOF_SECONDS,
    "COLD": COLD_SECONDS,
    "SKEW": 2 * SKEW_SECONDS,
    "RETRY": RETRY_SECONDS,
    "LONGEST": LONGEST_SECONDS,
    "PRESSED": PRESSED / FULL,
}


class EvictionError(StoreError):
    """The server forgets what it should remember, because it is configured to."""


class Answer(NamedTuple):
    """What the server answered: the state that its step ended in, its clock in unix seconds, one outcome a claim."""

    state: StoreState
    now: float
    outcomes: Sequence[Outcome]


class Script(NamedTuple):
    """The step that judges claims, in Lua, and the name that a server knows it by once it has run it."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Self:
        """A script with this text."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())

    @classmethod
    @cache
    def load(cls) -> Self:
        """The step of this version, with its constants before it."""
        constants = f"local {', '.join(_CONSTANTS)} = {', '.join(map(str, _CONSTANTS.values()))}\n"
        return cls.of(constants + files("mfa_middleware.replay.remote").joinpath("claim.lua").read_text("utf-8"))


def pack(key: bytes, owner: bytes, seconds: float, epoch: bytes | None, deadline: float, peer: bytes) -> bytes:
    """One claim; see ReplayStore."""
    return _CLAIM.pack(
        key if len(key) == 16 else _digest(key),
        owner if len(owner) == 16 else _digest(owner),
        epoch is not None,
        epoch if epoch is not None else _NO_EPOCH,
        seconds,
        deadline,
        _tag(peer) if peer else _NOBODY,
    )


def read(answer: object, host: float, claims: bytes) -> Answer:
    """The answer to a batch of claims that was sent at `host`, in unix seconds of this host's clock.

    Raises StoreError where the server judged nothing, or did not speak as it should.
    """
    said = answer if isinstance(answer, bytes) else b""
    if said[:1] == b"P":
        raise EvictionError(_EVICTS.format(said[1:].decode("ascii", "replace")))
    if said[:1] == b"C" and len(said) == _CLOCK.size:
        apart = host - _CLOCK.unpack(said)[1]
        raise StoreError(_APART.format(abs(apart), "ahead of" if apart > 0 else "behind", 2 * SKEW_SECONDS))
    codes = said[_HEAD.size :]
    if said[:1] != b"+" or len(said) < _HEAD.size or len(codes) * _CLAIM.size != len(claims):
        raise StoreError(_FOREIGN)
    _, epoch, secret, now = _HEAD.unpack_from(said)
    try:
        return Answer(StoreState(epoch, secret), now, [_OUTCOMES[code] for code in codes])
    except IndexError:
        raise StoreError(_FOREIGN) from None


_FOREIGN: Final = "the replay store did not answer as its script does"
_EVICTS: Final = (
    "the replay store's maxmemory-policy is {}: such a server forgets used proofs; set maxmemory-policy noeviction"
)
_APART: Final = (
    "this host's clock is {:.1f} s {} that of the replay store, and {:.0f} s are allowed: set the wrong one (NTP)"
)


def _digest(name: bytes) -> bytes:
    return blake2b(name, digest_size=16).digest()


@lru_cache(4096)
def _tag(peer: bytes) -> bytes:
    return blake2b(peer, digest_size=8).digest()
