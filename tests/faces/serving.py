"""A running face: how its machines call it, and what they may be told."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfa_middleware.client import PrivateKey
from mfa_middleware.machines import add
from mfa_middleware.replay.files import store_path
from tests.faces import forge
from tests.faces.matrix import Face
from tests.helpers import nginx
from tests.helpers.processes import Process, free_port, started, until
from tests.helpers.rawhttp import Lines, Response, Wire, request

__all__ = ["API_KEY", "KEY", "OTHER_KEY", "Served", "Starting", "serving"]

API_KEY, OTHER_KEY = "demo-key", "other-key"
KEY: Lines = [("X-API-Key", API_KEY)]
_COUNTER = itertools.count()
_EVENTS = "events.jsonl"
_COMMON = {
    "MFA_CAPACITY": "30000",
    "MFA_EXEMPT": "/orders/open",
    "MFA_JWT_ALGORITHMS": "RS256",
    "EXAMPLE_API_KEYS": f"{API_KEY},{OTHER_KEY}",
    "EXAMPLE_SHOW_WORKER": "1",
}


@dataclass
class Served:
    """A face that answers, with its own machines file and replay store."""

    face: Face
    port: int
    app: str
    machines: Path
    keys: Mapping[str, PrivateKey]
    processes: list[Process]
    nonces: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return self.face.origin or f"http://{self.host}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the operator was told so far."""
        path = self.machines.with_name(_EVENTS)
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    @property
    def output(self) -> str:
        return "\n".join(process.output for process in self.processes)

    def url(self, target: str) -> str:
        """The URL that a machine signs."""
        return f"{self.origin}{self.face.signed}{target}"

    def wire(self, **options: Any) -> Wire:
        return Wire(self.port, **options)

    def octets(
        self, method: str, target: str, lines: Lines = (), body: bytes | None = None, *, close: bool = True
    ) -> bytes:
        """A request as it goes out."""
        return request(method, f"{self.face.wire}{target}", lines, body, host=self.host, close=close)

    def send(self, method: str, target: str, lines: Lines = (), body: bytes | None = None, **options: Any) -> Response:
        """A request on a connection of its own."""
        with self.wire(**options) as wire:
            return wire.send(self.octets(method, target, lines, body)).answer(method)

    def proof(
        self,
        machine: str,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        credential: str | None = API_KEY,
        header: Mapping[str, Any] | None = None,
        key: PrivateKey | None = None,
        **claims: Any,
    ) -> str:
        """A proof by a machine, honest but for the claims and the header that are given; None leaves one out."""
        honest = forge.claims_of(method, self.url(target), credential=credential, body=body)
        if self.face.origin and machine != "stranger" and "nonce" not in claims:
            claims["nonce"] = self.nonce(machine)
        return forge.proof(key or self.keys[machine], {**honest, **claims}, header)

    def signed(self, machine: str, method: str, target: str, **options: Any) -> Lines:
        """The API key and a proof."""
        return [*KEY, ("DPoP", self.proof(machine, method, target, **options))]

    def call(
        self,
        machine: str,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        source: str = "127.0.0.1",
        **options: Any,
    ) -> Response:
        """A request by a machine, with the API key and a proof."""
        return self.send(
            method, target, self.signed(machine, method, target, body=body, **options), body, source=source
        )

    def nonce(self, machine: str) -> str | None:
        """The nonce of a machine. A store that just began counts only proofs that carry one."""
        if machine not in self.nonces:
            honest = forge.claims_of("GET", self.url("/orders"), credential=API_KEY, body=None)
            proof = forge.proof(self.keys[machine], {**honest, "iat": 1})
            answer = self.send("GET", "/orders", [*KEY, ("DPoP", proof)])
            assert answer.code == "use_dpop_nonce", answer
            self.nonces[machine] = answer.one("dpop-nonce")
        return self.nonces[machine]

    def by_all_workers(self, send: Callable[[], Response], *, seconds: float = 20.0) -> list[Response]:
        """The answers to the same request, sent until every worker has given one; eight at a time, so that no
        worker gets them all.
        """
        answers: list[Response] = []
        with ThreadPoolExecutor(8) as pool:

            def all_answered() -> bool:
                answers.extend(pool.map(lambda _: send(), range(1 if self.face.workers == 1 else 8)))
                return len({answer.one("x-worker") for answer in answers}) >= self.face.workers

            until(all_answered, f"each of {self.face.workers} workers answers", seconds=seconds)
        return answers


@dataclass
class Starting:
    """A face that was started and may not answer yet."""

    served: Served
    behind: int

    def ready(self) -> Served:
        """Wait until it answers."""
        try:
            self._wait()
        except AssertionError as error:
            error.add_note(self.served.output)
            raise
        return self.served

    def _wait(self) -> None:
        ports = {self.behind, self.served.port}
        until(lambda: all(process_listens(self.served, port) for port in ports), f"{self.served.face.name} listens")
        until(self._answers, f"{self.served.face.name} answers")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, EOFError):
            return self.served.send("GET", "/health").status == 200
        return False


def process_listens(served: Served, port: int) -> bool:
    return all(process.listens(port) for process in served.processes)


@contextlib.contextmanager
def serving(
    face: Face,
    directory: Path,
    keys: Mapping[str, PrivateKey],
    entries: Mapping[str, Mapping[str, Any]],
    **settings: str,
) -> Iterator[Starting]:
    """Start a face; at its end no process and no file in shared memory is left."""
    machines, name = directory / "machines.json", f"faces-{os.getpid()}-{next(_COUNTER)}"
    for machine, entry in entries.items():
        add(machines, {"id": machine, "jwk": dict(keys[machine].public_jwk), "credentials": ["any"], **entry})
    own = {"MFA_MACHINES": str(machines), "MFA_APP": name, "MFA_EVENT_LOG": str(directory / _EVENTS)}
    environ = {**_COMMON, **face.environ, **own, **settings}
    behind = port = free_port()
    with contextlib.ExitStack() as stack:
        stack.callback(store_path(name).unlink, missing_ok=True)
        command = [word.format(port=behind) for word in face.command]
        processes = [stack.enter_context(started(command, directory / "server.log", environ))]
        if face.origin:
            port = free_port()
            command = nginx.command(directory, port=port, behind=behind, prefix=face.wire)
            processes.append(stack.enter_context(started(command, directory / "nginx.log", {})))
        yield Starting(Served(face, port, name, machines, keys, processes), behind)
