"""Refusals counted by route, credential and code, in bounded memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from mfa_middleware.cli.summary.lines import Told

__all__ = ["MAX_GROUPS", "OTHER", "Group", "Groups", "Key"]

MAX_GROUPS: Final = 10_000
OTHER: Final = "(others)"
"""Stands for route and credential of what found no room."""

_ID: Final = re.compile(r"[0-9]+|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?=.*[0-9])[0-9A-Za-z_-]{16,}")


class Key(NamedTuple):
    """What is counted together."""

    kind: str
    code: str
    route: str
    credential: str


@dataclass(slots=True)
class Group:
    """How often, first and last at which unix time."""

    count: int
    first: float
    last: float


class Groups:
    """Adds up refusals. Attackers choose paths, so those beyond MAX_GROUPS are counted together."""

    def __init__(self, *, exact_paths: bool = False) -> None:
        self.accepted = 0
        self.broken = 0
        self._exact = exact_paths
        self._groups: dict[Key, Group] = {}

    def add(self, told: Told) -> None:
        """Count one decision."""
        if told.kind == "accepted":
            self.accepted += 1
            return
        key = Key(told.kind, told.code, self._route(told), told.credential)
        if key not in self._groups and len(self._groups) >= MAX_GROUPS:
            key = Key(told.kind, told.code, OTHER, OTHER)
        group = self._groups.setdefault(key, Group(0, told.at, told.at))
        group.count += 1
        group.first, group.last = min(group.first, told.at), max(group.last, told.at)

    def total(self, kind: str) -> int:
        """How many decisions of a kind there were."""
        return sum(group.count for key, group in self._groups.items() if key.kind == kind)

    def ranked(self) -> list[tuple[Key, Group]]:
        """All groups, the most frequent first."""
        return sorted(self._groups.items(), key=lambda item: (-item[1].count, item[0]))

    def _route(self, told: Told) -> str:
        path = told.path if self._exact else "/".join(map(_without_id, told.path.split("/")))
        return f"{told.method or '?'} {path or '?'}"


def _without_id(segment: str) -> str:
    return "{id}" if _ID.fullmatch(segment) else segment
