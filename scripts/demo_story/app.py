"""The app of the demo: one of the examples, under a real server with two worker processes on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parents[2]
WORKERS: Final = 2
_UVICORN: Final = ("uvicorn", "--log-level", "warning", "--no-access-log", "--host", "127.0.0.1", "--port")
_GUNICORN: Final = ("gunicorn", "--log-level", "warning", "--worker-class", "gthread", "--threads", "4", "--bind")
_COMMANDS: Final = {
    "fastapi": (_UVICORN, "{}", "examples.fastapi_app.app:app"),
    "flask": (_GUNICORN, "127.0.0.1:{}", "examples.flask_app.app:app"),
    "django": (_GUNICORN, "127.0.0.1:{}", "examples.django_app.wsgi:application"),
}
Process: TypeAlias = "subprocess.Popen[bytes]"
APPS: Final = tuple(_COMMANDS)
_PATIENCE: Final = 60.0
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the `code` of a refusal, the headers that the story needs, the body."""

    status: int
    code: str
    worker: str = ""
    nonce: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class App:
    """A running app."""

    port: int

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None = None) -> Answer:
        """One request on a connection of its own; header lines go out as they stand, repeated ones too.

        Raises OSError or HTTPException where no answer comes.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.putrequest(method, target)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content, told = response.read(), response.getheader
            return Answer(response.status, _code(content), told("X-Worker", ""), told("DPoP-Nonce"), content)


def at_once(send: Callable[[], Answer], times: int = 8) -> list[Answer]:
    """The answers to as many requests at the same time, so that they spread over the workers."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: send(), range(times)))


def _code(content: bytes) -> str:
    with contextlib.suppress(ValueError):
        document = json.loads(content)
        if isinstance(document, dict):
            return str(document.get("code") or document.get("error") or "")
    return ""


@contextlib.contextmanager
def running(
    name: str,
    environ: Mapping[str, str],
    log: Path,
    began: Callable[[subprocess.Popen[bytes]], object] = lambda _: None,
) -> Iterator[App]:
    """Start the example `name`, wait until every worker answers, and stop it at the end; its output goes to `log`.

    began: told of the process, which leads a group of its own. Raises SystemExit with the end of the log where the
    app does not start.
    """
    for _ in range(_TRIES):
        app = App(_free_port())
        process = _start(name, app.port, environ, log)
        if began is not None:
            began(process)
        try:
            if _is_up(app, process):
                yield app
                return
        finally:
            _stop(process)
        if "ddress already in use" not in log.read_text(errors="replace"):
            break
    raise SystemExit(f"examples/{name}_app did not start; it said:\n{end_of(log)}")


def end_of(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented."""
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-lines:]) or "  (nothing)"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(name: str, port: int, environ: Mapping[str, str], log: Path) -> Process:
    (module, *options), bind, target = _COMMANDS[name]
    command = [sys.executable, "-m", module, *options, bind.format(port), "--workers", str(WORKERS), target]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _is_up(app: App, process: Process) -> bool:
    """Whether every worker came to answer, before the process ended or patience did."""
    deadline, workers = time.monotonic() + _PATIENCE, set[str]()
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException):
            workers |= {answer.worker for answer in at_once(lambda: app.send("GET", "/health", []))}
        if len(workers - {""}) >= WORKERS:
            return True
        time.sleep(0.05)
    return False


def _stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
