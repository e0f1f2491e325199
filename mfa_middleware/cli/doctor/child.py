"""Work on a store in a process of its own: a serving process that opened and closed its file would lose its locks.

The child is a new interpreter, so neither the program that calls the doctor nor its threads are copied. What it needs
goes over its standard input, because command lines are public and the URI of a store may hold a password.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, cast

from mfa_middleware.cli.doctor.inside import MARK
from mfa_middleware.errors import ConfigurationError, StoreError

__all__ = ["Child", "ChildError", "ask", "started"]

_BEGIN: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.readline()); "
    "from mfa_middleware.cli.doctor.inside import main; main()"
)
_ERRORS: Final[Mapping[str, type[Exception]]] = {
    error.__name__: error for error in (ConfigurationError, StoreError, OSError)
}


class ChildError(Exception):
    """The child gave no answer."""


class Child:
    """A running child. `hear` and `tell` exchange one JSON value each."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self._timer = threading.Timer(seconds, process.kill)
        self._timer.daemon = True
        self._timer.start()

    def tell(self, value: object) -> None:
        """Raises ChildError where the child has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(value) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise ChildError(self._end()) from None

    def hear(self) -> Any:
        """The next value. Raises what the child raised, or ChildError where it ended or took too long."""
        assert self._process.stdout is not None
        line = next((line for line in self._process.stdout if line.startswith(MARK)), None)
        if line is None:
            raise ChildError(self._end())
        answer = json.loads(line.removeprefix(MARK))
        if "error" in answer:
            raise _ERRORS.get(answer["error"], ChildError)(answer["text"])
        return answer["value"]

    def end(self) -> None:
        """End it, whatever it does."""
        self._timer.cancel()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[str]", pipe).close()
        self._process.wait()

    def _end(self) -> str:
        if self._timer.finished.is_set():
            return f"it took longer than {self._seconds:g} s"
        return f"its process ended with status {self._process.wait()}"


@contextlib.contextmanager
def started(task: str, given: Mapping[str, object], seconds: float) -> Iterator[Child]:
    """A child that carries out a task of `inside`, for at most so many seconds. Raises ChildError."""
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed words
            [sys.executable, "-P", "-c", _BEGIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ChildError(f"no process of {sys.executable or 'this Python'} could be started: {error}") from error
    child = Child(process, seconds)
    try:
        child.tell(sys.path)
        child.tell({"task": task, "given": given})
        yield child
    finally:
        child.end()


def ask(task: str, given: Mapping[str, object], seconds: float) -> Any:
    """The answer to a task. Raises what the task raised, or ChildError."""
    with started(task, given, seconds) as child:
        return child.hear()
