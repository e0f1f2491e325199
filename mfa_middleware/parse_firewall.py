"""The checks of the firewall's settings; each returns the value, or raises ValueError that says what to write."""

from __future__ import annotations

import difflib
from typing import Any

from mfa_middleware.firewall.catalog import CATALOG, Action
from mfa_middleware.firewall.inspector import Mode
from mfa_middleware.parse import words

__all__ = ["allowed", "fields", "mode"]


def mode(value: Any) -> Mode:
    try:
        return Mode(str(value).strip().lower())
    except ValueError:
        raise ValueError(f"write off, report or enforce instead of {str(value)[:60]!r}") from None


def fields(value: Any) -> frozenset[str]:
    """Names of form fields."""
    names = words(value)
    for name in names:
        if not (name.isascii() and name.isprintable()) or len(name) > 64:
            raise ValueError(f"write names of form fields, such as access_token, instead of {name[:60]!r}")
    return frozenset(names)


def allowed(value: Any) -> frozenset[str]:
    """Ids of the catalogue that are blocked by default, and are to be reported only."""
    names = words(value)
    for name in names:
        if name not in CATALOG:
            near = difflib.get_close_matches(name, CATALOG, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"write ids of the catalogue instead of {name[:60]!r}{hint}")
        if CATALOG[name].action is not Action.BLOCK:
            raise ValueError(f"{name} is never blocked; leave it out")
        if CATALOG[name].family == "possession":
            raise ValueError(f"{name} is refused by the check of proofs itself, and cannot be allowed")
    return frozenset(names)
