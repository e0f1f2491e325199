"""The app of the demo: one of the examples, under a real server with two worker processes on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WORKERS: Final = 2
_COMMANDS: Final = {
    "fastapi": ("uvicorn", "examples.fastapi_app.app:app", "--log-level", "warning"),
    "flask": ("gunicorn", "examples.flask_app.app:app", "--log-level", "warning", "--worker-class", "gthread"),
    "django": (
        "gunicorn",
        "examples.django_app.wsgi:application",
        "--log-level",
        "warning",
        "--worker-class",
        "gthread",
    ),
}
APPS: Final = tuple(_COMMANDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the `code` of a refusal, the headers that the story needs, the body."""

    status: int
    code: str
    worker: str
    nonce: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class App:
    """A running app."""

    port: int

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None = None) -> Answer:
        """One request on a connection of its own; header lines go out as they stand, repeated ones too."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.putrequest(method, target)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
            return Answer(
                response.status,
                _code(content),
                response.getheader("X-Worker", ""),
                response.getheader("DPoP-Nonce"),
                content,
            )


def _code(content: bytes) -> str:
    import json

    with contextlib.suppress(ValueError):
        document = json.loads(content)
        if isinstance(document, dict):
            return str(document.get("code") or document.get("error") or "")
    return ""


@contextlib.contextmanager
def running(name: str, environ: Mapping[str, str]) -> Iterator[App]:
    """Start the example `name`, wait until it answers, and stop it with all its workers at the end."""
    port = _free_port()
    server, target, *options = _COMMANDS[name]
    bind = ["--host", "127.0.0.1", "--port", str(port)] if server == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", server, target, *bind, "--workers", str(WORKERS), *options]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, start_new_session=True)
    try:
        app = App(port)
        _wait_until_up(app, process)
        yield app
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(app: App, process: subprocess.Popen[bytes]) -> None:
    deadline, workers = time.monotonic() + 60, set[str]()
    while len(workers) < WORKERS:
        if process.poll() is not None:
            raise SystemExit(f"the app did not start (exit status {process.returncode}); its message stands above")
        if time.monotonic() > deadline:
            raise SystemExit("the app did not answer within 60 s")
        try:
            workers.add(app.send("GET", "/health", []).worker)
        except OSError:
            time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
