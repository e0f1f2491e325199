"""A real server process on a loopback port, for as long as a test needs it.

with running("uvicorn", "tests.apps.asgi:app", MFA_MACHINES=str(path)) as server:
    httpx2.get(server.url + "/health")
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfa_middleware.replay.files import store_path

__all__ = ["COMMANDS", "ROOT", "Ended", "Server", "ended", "free_port", "running", "until"]

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0

_PYTHON = (sys.executable, "-m")
COMMANDS: dict[str, Callable[[str, int], Sequence[str]]] = {
    "uvicorn": lambda app, port: (*_PYTHON, "uvicorn", app, "--port", str(port), "--no-access-log"),
    "uvicorn-h11": lambda app, port: (*COMMANDS["uvicorn"](app, port), "--http", "h11", "--ws", "wsproto"),
    "uvicorn-sansio": lambda app, port: (*COMMANDS["uvicorn"](app, port), "--ws", "websockets-sansio"),
    "hypercorn": lambda app, port: (*_PYTHON, "hypercorn", app, "--bind", f"127.0.0.1:{port}"),
    "granian": lambda app, port: (
        *(*_PYTHON, "granian", app, "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--no-access-log"),
    ),
    "daphne": lambda app, port: (*_PYTHON, "daphne", "-b", "127.0.0.1", "-p", str(port), app),
}
"""How each server is started in the root of the checkout, for an app and a port."""


@dataclass
class Server:
    """A server that answers."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Ended:
    """A server that came to an end by itself."""

    status: int
    output: str


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(true: Callable[[], bool], what: str, *, seconds: float = DEADLINE, every: float = 0.02) -> None:
    """Ask again and again until it is true; AssertionError where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(every)


@contextlib.contextmanager
def running(server: str, app: str, log: Path, *options: str, **environ: str) -> Iterator[Server]:
    """Start a server of COMMANDS, wait until it listens, end it with all its workers, and remove its MFA_APP store."""
    port = free_port()
    process = _start([*COMMANDS[server](app, port), *options], log, environ)
    found = Server(server, port, process, log)
    try:
        until(lambda: process.poll() is not None or _listens(port), f"{server} listens")
        assert process.poll() is None, f"{server} ended at once:\n{found.output}"
        yield found
    finally:
        _end(process)
        if "MFA_APP" in environ:
            store_path(environ["MFA_APP"]).unlink(missing_ok=True)


def ended(server: str, app: str, log: Path, *options: str, **environ: str) -> Ended:
    """Start a server that cannot run, and wait for its end."""
    process = _start([*COMMANDS[server](app, free_port()), *options], log, environ)
    try:
        until(lambda: process.poll() is not None, f"{server} ends")
    finally:
        _end(process)
    return Ended(process.returncode, log.read_text(errors="replace"))


def _start(command: Sequence[str], log: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MFA_")}
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, "PYTHONUNBUFFERED": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and its workers have a session of their own; nobody else is in it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
