"""How a forgery is written down: a function of the target that makes tokens, each with a word on what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from mfa_middleware.cli.probe.call import Attack
from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.target import Target

__all__ = ["Attacks", "Forged", "Tokens", "by_stranger", "requests"]


class Forged(NamedTuple):
    """A token, and what is wrong with it."""

    token: bytes
    note: str


Tokens: TypeAlias = Callable[[Target], Iterable[Forged]]
"""Makes the tokens of one row; none where what it needs is not there."""
Attacks: TypeAlias = Callable[[Target], Iterable[Attack]]
"""Makes the requests of one row."""


def requests(trick: str, tokens: Tokens) -> Attacks:
    """Each token of a row in an ordinary request."""

    def attacks(target: Target) -> Iterator[Attack]:
        for token, note in tokens(target):
            yield Attack.of(trick, note, target.call(token))

    return attacks


def by_stranger(target: Target, header: Mapping[str, object], note: str) -> Forged:
    """The forged claims under a header with these members, signed with a key that nobody knows."""
    key = fresh_key("ES256")
    return Forged(key.token({**target.header_for("ES256"), **header}, target.forged_claims), note)
