"""What runs in the children of the doctor, and nowhere else: every touch of a store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from mfa_middleware.errors import ConfigurationError, StoreError

__all__ = ["MARK", "main"]

MARK: Final = "doctor: "
"""Begins the lines that the parent reads: what a site prints in every interpreter is none of them."""

_TASKS: Final[Mapping[str, str]] = {
    "look": "mfa_middleware.cli.doctor.sharedfile:look",
    "open": "mfa_middleware.cli.doctor.trial:open_and_measure",
    "race": "mfa_middleware.cli.doctor.racing:race",
    "server": "mfa_middleware.cli.doctor.server:look",
}

_Task = Callable[..., Any]


def main() -> None:
    """Carry out the task that the first line names, and print its answer; a parent that is gone ends it."""
    asked = _hear()
    try:
        answer: dict[str, Any] = {"value": _find(asked["task"])(hear=_hear, tell=_tell, **asked["given"])}
    except (ConfigurationError, StoreError, OSError) as error:
        kind = OSError if isinstance(error, OSError) else type(error)
        answer = {"error": kind.__name__, "text": str(error)}
    except Exception as error:
        answer = {"error": type(error).__name__, "text": f"{type(error).__name__} in the doctor's own process"}
    _print(answer)


def _find(task: str) -> _Task:
    module, _, name = _TASKS[task].partition(":")
    found: _Task = getattr(import_module(module), name)
    return found


def _hear() -> Any:
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(1)
    return json.loads(line)


def _tell(value: object) -> None:
    _print({"value": value})


def _print(answer: Mapping[str, object]) -> None:
    sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
    sys.stdout.flush()
