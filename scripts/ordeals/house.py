"""A real server with four workers on loopback, and the machines that are enrolled there."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mfa_middleware.client import PrivateKey, Signer
from mfa_middleware.client.target import Target
from mfa_middleware.machines import add
from mfa_middleware.replay import open_store
from scripts.ordeals.scene import Stage
from tests.helpers.processes import Process, free_port, started, until
from tests.helpers.rawhttp import Response, Wire, request

__all__ = ["API_KEY", "SERVERS", "WORKERS", "House", "enrolled", "serving", "warm_store"]

WORKERS: Final = 4
API_KEY: Final = ("X-API-Key", "a-static-key")
TARGET: Final = "/orders"
_NONE: Final[Mapping[str, str]] = {}
_PYTHON: Final = (sys.executable, "-m")
_ASGI, _WSGI = "scripts.ordeals.asgi_app:app", "scripts.ordeals.wsgi_app:app"
_GUNICORN: Final = (*_PYTHON, "gunicorn", "--preload", "--bind", "127.0.0.1:{port}", "--log-level", "warning")
_UVICORN: Final = (*_PYTHON, "uvicorn", "--port", "{port}", "--no-access-log", "--log-level", "warning")
_GRANIAN: Final = (*_PYTHON, "granian", "--interface", "asgi", "--port", "{port}", "--no-access-log")
SERVERS: Final[Mapping[str, Sequence[str]]] = {
    "gunicorn-sync": (*_GUNICORN, "--workers", "{workers}", _WSGI),
    "gunicorn-gthread": (*_GUNICORN, "--workers", "{workers}", "--threads", "64", _WSGI),
    "uvicorn": (*_UVICORN, "--workers", "{workers}", _ASGI),
    "granian": (*_GRANIAN, "--workers", "{workers}", "--respawn-failed-workers", "--respawn-interval", "0.1", _ASGI),
}
"""How each server is started; gunicorn loads the app before it forks."""


@dataclass
class House:
    """A server that answers."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{TARGET}"

    @property
    def target(self) -> Target:
        return Target.of(self.url)

    def octets(self, proof: str, method: str = "GET", body: bytes | None = None) -> bytes:
        """The request that a proof was made for."""
        return request(method, TARGET, [API_KEY, ("DPoP", proof)], body, host=f"127.0.0.1:{self.port}")

    def signed(self, signer: Signer, method: str = "GET", body: bytes | None = None) -> bytes:
        """A request with a proof of its own, ready to be sent."""
        return self.octets(signer.headers(method, self.url, [API_KEY], body)["DPoP"], method, body)

    def send(self, octets: bytes, source: str = "127.0.0.1") -> Response:
        """The answer to a request, sent from one of the addresses of loopback. Raises EOFError or OSError."""
        with Wire(self.port, source=source) as wire:
            return wire.send(octets).answer()

    def demand_nonce(self, key: PrivateKey, signer: Signer) -> None:
        """Let a signer learn a nonce, by a proof from long ago."""
        old = Signer(key, clock=lambda: 1.0)
        answer = self.send(self.signed(old))
        assert signer.learn(self.url, answer.status, answer.lines, answer.body), answer


def enrolled(folder: Path, owners: int) -> list[PrivateKey]:
    """The keys of so many machines, which are enrolled in `folder`."""
    keys = [PrivateKey.generate() for _ in range(owners)]
    for number, key in enumerate(keys):
        entry = {"id": f"machine-{number}", "jwk": dict(key.public_jwk), "credentials": ["any"]}
        add(folder / "machines.json", entry)
    return keys


def warm_store(stage: Stage, capacity: int, quota: int) -> None:
    """Make the `shared:` store of the stage, past its first seconds: it counts proofs without a nonce at once."""
    open_store("shared:", capacity=capacity, quota=quota, app=stage.app, clock=_Past()).close()


class _Past:
    """Clocks that are behind by more than a store is cold."""

    def wall(self) -> float:
        return time.time() - 100.0

    def monotonic(self) -> float:
        return time.monotonic() - 100.0


@contextlib.contextmanager
def serving(
    stage: Stage, server: str, settings: Mapping[str, str] = _NONE, *, port: int | None = None, workers: int = WORKERS
) -> Iterator[House]:
    """Start a server, wait until all its workers answer, and end it with the block.

    A public origin is set unless `settings` say otherwise, so that a store that just began is cold.
    """
    port = port or free_port()
    environ = {
        "MFA_MACHINES": str(stage.folder / "machines.json"), "MFA_APP": stage.app, "MFA_EXEMPT": "/health",
        "MFA_ORIGINS": f"http://127.0.0.1:{port}", **settings,
    }  # fmt: skip
    command = [word.format(port=port, workers=workers) for word in SERVERS[server]]
    with started(command, stage.folder / f"{server}.log", environ) as process:
        stage.began(process.popen)
        house = House(port, process)
        until(lambda: process.listens(port), f"{server} listens", seconds=120)
        until(lambda: len(_workers(house)) >= workers, f"{workers} workers of {server} answer", seconds=120)
        yield house


def _workers(house: House) -> set[str]:
    """The workers that answer now."""
    with ThreadPoolExecutor(4 * WORKERS) as pool:
        return {name for name in pool.map(lambda _: _worker(house), range(4 * WORKERS)) if name}


def _worker(house: House) -> str | None:
    health = request("GET", "/health", host=f"127.0.0.1:{house.port}")
    try:
        return house.send(health).one("x-worker")
    except (OSError, EOFError, ValueError):
        return None
