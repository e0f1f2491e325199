"""The keys that are in force at one moment, and which of them a token must have been signed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mfa_middleware.firewall.keys.key import Key

__all__ = ["EMPTY", "KeySet", "assemble"]

MAX_UNNAMED: Final = 2
"""How many keys without a kid one algorithm may have: the old and the new one while keys change."""


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """Keys that can be told apart. `bodies`: JWK Sets as served, which a careless verifier may take for a secret."""

    keys: tuple[Key, ...] = ()
    bodies: tuple[bytes, ...] = field(default=(), repr=False)
    named: MappingProxyType[str, Key] = field(init=False, repr=False)
    thumbprints: frozenset[str] = field(init=False, repr=False)
    algorithms: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        named = {key.thumbprint: key for key in self.keys if key.kid is None and not key.is_symmetric}
        named |= {key.kid: key for key in self.keys if key.kid is not None}
        object.__setattr__(self, "named", MappingProxyType(named))
        object.__setattr__(self, "thumbprints", frozenset(key.thumbprint for key in self.keys))
        object.__setattr__(self, "algorithms", frozenset(name for key in self.keys for name in key.names))

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def is_symmetric(self) -> bool:
        """Whether these are the HMAC keys of the app itself, so that HS* is no confusion."""
        return any(key.is_symmetric for key in self.keys)

    def for_kid(self, kid: str) -> Key | None:
        """The key of that kid; a key without one goes by its thumbprint, too."""
        return self.named.get(kid)

    def fitting(self, algorithm: str) -> tuple[Key, ...]:
        """The keys that are for an algorithm, as a token names it."""
        return tuple(key for key in self.keys if algorithm in key.names)

    def unnamed(self, algorithm: str) -> tuple[Key, ...]:
        """Those of `fitting` that have no kid: the token may be of any of them, whichever kid it names."""
        return tuple(key for key in self.fitting(algorithm) if key.kid is None)


EMPTY: Final = KeySet()


def assemble(keys: Iterable[Key], bodies: Iterable[bytes]) -> tuple[KeySet, list[str]]:
    """The set of those keys that can be told apart, and what is wrong with the others.

    Of two keys with one kid neither counts, as nobody can say which was meant.
    """
    different = list({(key.kid, *key.identity): key for key in keys}.values())
    faults = list(_mixed(different))
    bad = {*_same_kid(different, faults), *_two_algorithms(different, faults), *_too_many_unnamed(different, faults)}
    return KeySet(tuple(key for key in different if key not in bad), tuple(dict.fromkeys(bodies))), faults


def _mixed(keys: list[Key]) -> Iterator[str]:
    if len({key.is_symmetric for key in keys}) > 1:
        yield "HMAC keys stand beside public keys, which invites key confusion; keep one kind"


def _same_kid(keys: list[Key], faults: list[str]) -> Iterator[Key]:
    for kid, group in _groups((key.kid, key) for key in keys if key.kid is not None):
        if len(group) > 1:
            faults.append(f"{len(group)} different keys have the kid {kid[:64]!r}; give each its own")
            yield from group


def _two_algorithms(keys: list[Key], faults: list[str]) -> Iterator[Key]:
    for _, group in _groups((key.thumbprint, key) for key in keys):
        if len({key.algorithm for key in group}) > 1:
            faults.append(f"{group[0].label} is there for {' and '.join(key.algorithm for key in group)}; keep one")
            yield from group


def _too_many_unnamed(keys: list[Key], faults: list[str]) -> Iterator[Key]:
    for algorithm, group in _groups((key.algorithm, key) for key in keys if key.kid is None):
        if len(group) > MAX_UNNAMED:
            faults.append(f"{len(group)} keys for {algorithm} have no kid; write them as JWKs with a kid each")
            yield from group


def _groups(pairs: Iterable[tuple[str, Key]]) -> Iterable[tuple[str, list[Key]]]:
    groups: dict[str, list[Key]] = {}
    for name, key in pairs:
        groups.setdefault(name, []).append(key)
    return groups.items()
