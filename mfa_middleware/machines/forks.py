"""What an object must mend in a child process, where the parent's threads are gone and its locks may stay held."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["after_fork"]


def after_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child forked from now on, as long as its object lives."""
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.WeakMethod(method)

    def run() -> None:
        alive = reference()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=run)
