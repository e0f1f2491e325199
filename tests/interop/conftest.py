"""Every client enrolled once, and the examples that run with them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mfa_middleware import machines
from mfa_middleware.replay.files import store_path
from scripts.demo_story.app import APPS, App, running
from tests.interop.clients import NPM, PYTHON, Client
from tests.interop.node import UnavailableError, installed

TOKEN = "demo-key"


@pytest.fixture(scope="session")
def clients() -> Iterator[Mapping[str, Client]]:
    """The clients by name; those of npm only where npm can be had."""
    made = dict(PYTHON)
    with contextlib.suppress(UnavailableError):
        installed()
        made |= NPM
    with contextlib.ExitStack() as stack:
        running_clients = {}
        for name, make in made.items():
            running_clients[name] = client = make()
            stack.callback(client.close)
        yield running_clients


@pytest.fixture(scope="session")
def registry(clients: Mapping[str, Client], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which they are enrolled."""
    path = tmp_path_factory.mktemp("interop") / "machines.json"
    for name, client in clients.items():
        machines.add(path, {"name": name, "jwk": client.jwk, "credentials": ["any"], "scopes": ["admin"]})
    return path


@pytest.fixture(
    scope="module", params=[(app, nonce) for app in APPS for nonce in ("recover", "required")], ids="-".join
)
def app(request: pytest.FixtureRequest, registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An example under a real server with two workers; with nonce=required each client must answer a challenge."""
    example, nonce = request.param
    name = f"interop-{os.getpid()}-{example}-{nonce}"
    environ = {"MFA_MACHINES": str(registry), "MFA_APP": name, "MFA_NONCE": nonce, "EXAMPLE_SHOW_WORKER": "1"}
    try:
        with running(example, environ, tmp_path_factory.mktemp(name) / "server.log") as app:
            yield app
    finally:
        store_path(name).unlink(missing_ok=True)


@pytest.fixture(params=[*PYTHON, *NPM])
def client(request: pytest.FixtureRequest, clients: Mapping[str, Client]) -> Client:
    """One client. Skipped where npm is missing; a failure where the checks of the project run."""
    if request.param in clients:
        return clients[request.param]
    try:
        installed()
    except UnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{request.param}: {error}")
    raise AssertionError(request.param)
