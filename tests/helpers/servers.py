"""A real server process on a loopback port, for as long as a test needs it.

with running("uvicorn", "tests.apps.asgi:app", MFA_MACHINES=str(path)) as server:
    httpx2.get(server.url + "/health")
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfa_middleware.replay.files import store_path
from tests.helpers.processes import Process, free_port, started, until

__all__ = ["COMMANDS", "Ended", "Server", "ended", "running", "until"]

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
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.process.output


@dataclass
class Ended:
    """A server that came to an end by itself."""

    status: int
    output: str


@contextlib.contextmanager
def running(server: str, app: str, log: Path, *options: str, **environ: str) -> Iterator[Server]:
    """Start a server of COMMANDS, wait until it listens, end it with all its workers, and remove its MFA_APP store."""
    port = free_port()
    try:
        with started([*COMMANDS[server](app, port), *options], log, environ) as process:
            until(lambda: process.listens(port), f"{server} listens")
            yield Server(server, port, process)
    finally:
        if "MFA_APP" in environ:
            store_path(environ["MFA_APP"]).unlink(missing_ok=True)


def ended(server: str, app: str, log: Path, *options: str, **environ: str) -> Ended:
    """Start a server that cannot run, and wait for its end."""
    with started([*COMMANDS[server](app, free_port()), *options], log, environ) as process:
        until(lambda: process.popen.poll() is not None, f"{server} ends")
    return Ended(process.popen.returncode, process.output)
