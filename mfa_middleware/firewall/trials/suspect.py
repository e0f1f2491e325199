"""A token under suspicion, and what was proven of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Confirmed", "Suspect"]


class Confirmed(NamedTuple):
    """The id of a trick, and what proves it, for the operator; it holds nothing that the token says."""

    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A token that did not verify, as leniently as it can be read.

    `signing_input`: all bytes before the last dot, as they came. `signature`: decoded. `header`: what the most lenient
    library would read.
    """

    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)

    @property
    def algorithm(self) -> str | None:
        """The `alg` of the header, if it is text."""
        alg = self.header.get("alg")
        return alg if isinstance(alg, str) else None

    @property
    def kid(self) -> str | None:
        """The `kid` of the header, if it is text."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None
