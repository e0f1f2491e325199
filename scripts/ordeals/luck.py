"""The bug of others, to see that a race catches it: a store that looks whether a key is there, and then adds it."""

from __future__ import annotations

import functools
import time
from pathlib import Path

from mfa_middleware.replay import Outcome
from scripts.ordeals.claims import Opener

__all__ = ["opener"]


class FindThenAdd:
    """Keys as files in a folder, which many processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, key: bytes, *_: object) -> Outcome:
        entry = self._folder / key.hex()
        if entry.exists():
            return Outcome.SEEN
        time.sleep(0.001)  # the round trip to a database that stands between the two
        entry.touch()
        return Outcome.NEW

    def close(self) -> None:
        pass


def opener(folder: Path) -> Opener:
    """Opens it in a folder."""
    return functools.partial(FindThenAdd, folder)
