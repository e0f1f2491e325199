"""What happened, as one value, and where it goes: the `mfa_middleware` logger, a JSON lines file, a function."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

__all__ = ["Emit", "Event", "JsonLines", "emit_to_log", "fan_out"]

_log: Final = logging.getLogger("mfa_middleware")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. No field ever holds a credential, a proof, a nonce or a key.

    `kind`: accepted, refused, would_refuse, exempt, attack, or a state of the service such as registry_error.
    `level`: a level of the `logging` module. `credential`: the first 12 characters of the SHA-256 of what was
    presented, enough to tell two apart. `at`: unix seconds.
    """

    kind: str
    level: int
    detail: str = ""
    at: float | None = None
    code: str | None = None
    machine: str | None = None
    thumbprint: str | None = None
    credential: str | None = None
    client: str | None = None
    method: str | None = None
    path: str | None = None
    findings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line of JSON with the members that are set; control characters and non-ASCII are escaped."""
        members = {f.name: getattr(self, f.name) for f in fields(self)}
        members["level"] = logging.getLevelName(self.level).lower()
        return json.dumps({k: v for k, v in members.items() if v not in (None, "", ())})


Emit = Callable[[Event], None]


def emit_to_log(event: Event) -> None:
    """Write an event to the logger `mfa_middleware`, as one line of JSON."""
    if _log.isEnabledFor(event.level):
        _log.log(event.level, "%s", event.to_json(), extra={"mfa_event": event})


class JsonLines:
    """Append each event to a file, one line of JSON each; the file is created with mode 0600."""

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, 0o600)

    def __call__(self, event: Event) -> None:
        os.write(self._descriptor, event.to_json().encode() + b"\n")


def fan_out(sinks: Sequence[Emit]) -> Emit:
    """One `Emit` that hands each event to every sink; a sink that fails is logged and harms no request."""

    def emit(event: Event) -> None:
        for sink in sinks:
            try:
                sink(event)
            except Exception:
                _log.exception("an event sink failed")

    return emit
