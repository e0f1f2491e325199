"""Whether a test is running, told by what cannot be left on by accident: the call stack."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

__all__ = ["require_test"]

_UNITTEST: Final = frozenset({"unittest.case", "unittest.suite", "unittest.loader", "unittest.main"})


def require_test(what: str) -> None:
    """Raise RuntimeError unless pytest or unittest has called this: a test, a fixture, a module of tests."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to walk up the stack
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] == "_pytest" or module in _UNITTEST:
            return
        frame = frame.f_back
    raise RuntimeError(f"{what} works only where pytest or unittest is running the code that calls it")
