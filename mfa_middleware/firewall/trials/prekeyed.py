"""Secrets that a signature is tried with, each keyed once (RFC 2104): a trial copies two hash states."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

__all__ = ["DIGESTS", "Batch", "Budget"]

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_KEYING: Final = 3

DIGESTS: Final[Mapping[int, str]] = {32: "sha256", 48: "sha384", 64: "sha512"}
"""The hash of an HMAC by the length of the signature, whatever `alg` says."""

_FIXED: Final = {"sha256": 0.8, "sha384": 1.1, "sha512": 1.1}
_PER_BYTE: Final = {"sha256": 0.0009, "sha384": 0.0018, "sha512": 0.0018}


class Budget:
    """How many trials one token may still cost: fewer, the longer it is."""

    __slots__ = ("left",)

    def __init__(self, digest: str, length: int, microseconds: float) -> None:
        self.left = int(microseconds / (_FIXED[digest] + _PER_BYTE[digest] * length))

    def take(self, wanted: int) -> int:
        """Spend up to `wanted` trials; how many there are."""
        granted = min(wanted, self.left)
        self.left -= granted
        return granted


class Batch:
    """Secrets with what to call them, in the order in which they are tried.

    They are keyed for `digests` at once; for other hashes as far as the budgets of the first tokens go.
    """

    __slots__ = ("_secrets", "_states", "names")

    def __init__(self, secrets: Mapping[bytes, str], digests: Sequence[str] = ("sha256",)) -> None:
        self.names: Sequence[str] = tuple(secrets.values())
        self._secrets = tuple(secrets)
        self._states = {digest: [_keyed(digest, secret) for secret in self._secrets] for digest in digests}

    def find(self, digest: str, message: bytes, signature: bytes, budget: Budget) -> str | None:
        """What the secret is called that made this HMAC; None if it is none of these, or the budget is spent."""
        states = self._keyed(digest, budget)
        for name, (inner, outer) in zip(self.names[: budget.take(len(states))], states, strict=False):
            first, second = inner.copy(), outer.copy()
            first.update(message)
            second.update(first.digest())
            if second.digest() == signature:  # the secrets are known to everybody, so the time of this tells nothing
                return name
        return None

    def _keyed(self, digest: str, budget: Budget) -> list[tuple[Any, Any]]:
        """The hash states of as many secrets as are keyed, or can be within the budget."""
        states = self._states.get(digest, [])
        missing = self._secrets[len(states) :]
        if not missing:
            return states
        added = [_keyed(digest, secret) for secret in missing[: budget.take(_KEYING * len(missing)) // _KEYING]]
        self._states[digest] = complete = states + added  # replaced, not changed: another thread may be reading it
        return complete


def _keyed(digest: str, secret: bytes) -> tuple[Any, Any]:
    make: Callable[[bytes], Any] = getattr(hashlib, digest)
    size = make(b"").block_size
    block = (make(secret).digest() if len(secret) > size else secret).ljust(size, b"\0")
    return make(block.translate(_INNER)), make(block.translate(_OUTER))
