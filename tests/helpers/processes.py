"""Server processes that end with the test that started them, workers included."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Process", "free_port", "started", "until"]

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 40.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(true: Callable[[], bool], what: str, *, seconds: float = _PATIENCE, every: float = 0.02) -> None:
    """Ask again and again until it is true; AssertionError where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(every)


@dataclass(frozen=True)
class Process:
    """A process that leads a session of its own, and what it and its workers write."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def listens(self, port: int) -> bool:
        """Whether somebody accepts connections on a port. AssertionError where the process has ended."""
        assert self.popen.poll() is None, f"{self.popen.args} ended:\n{self.output}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def end(self) -> None:
        """End the whole session, also the workers whose parent has gone."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(3)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


@contextlib.contextmanager
def started(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[Process]:
    """Run a command in the root of the checkout, without any settings of this shell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MFA_", "EXAMPLE_", "DJANGO_"))}
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, "PYTHONUNBUFFERED": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(popen, log)
    try:
        yield process
    finally:
        process.end()
