"""What can go wrong in a command: one line for the person who typed it."""

from __future__ import annotations

__all__ = ["CommandError", "UsageError"]


class CommandError(Exception):
    """It cannot be done; the message says why and what to do. `status`: the exit status."""

    status = 1


class UsageError(CommandError):
    """It was typed wrongly."""

    status = 2
