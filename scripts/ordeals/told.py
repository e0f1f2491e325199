"""How a scene is told: one row for people, or one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["row"]

_COUNTS: Final = ("name", "trials", "accepted", "expected", "ok", "faults")


def row(members: Mapping[str, Any], *, as_json: bool) -> str:
    """The row of one scene, from the members of its JSON object."""
    if as_json:
        return json.dumps(members)
    mark = "ok" if members["ok"] else "FAIL"
    counts = f"{members['trials']:9,} tried {members['accepted']:7,} accepted of {members['expected']:7,}"
    details = ", ".join(f"{name} {_text(value)}" for name, value in members.items() if name not in _COUNTS)
    faults = "".join(f"\n     ! {fault}" for fault in members.get("faults", ()))
    return f"{mark:4} {members['name']:30} {counts}  {details}{faults}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " + ".join(f"{_text(count)} {name}" for name, count in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
