"""`doctor --url` against real servers: those that share their store, those that do not, and those that refuse."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.cli.doctor import Call, Check, Status
from mfa_middleware.cli.doctor.live import check_app
from mfa_middleware.client import PrivateKey
from mfa_middleware.client.target import Target
from mfa_middleware.clock import SYSTEM_CLOCK
from mfa_middleware.machines import add
from mfa_middleware.replay.files import store_path
from mfa_middleware.testing import FrozenClock
from tests.cli.conftest import Cli
from tests.client.tls import certificate
from tests.helpers.processes import Process, free_port, started, until
from tests.helpers.servers import Server

FASTAPI, FLASK = "examples.fastapi_app.app:app", "examples.flask_app.app:app"
API_KEY = "demo-key"
DEPOT = PrivateKey.generate()
_numbers = itertools.count()
_PYTHON = (sys.executable, "-m")

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `uvicorn` or `gunicorn` with a store of its own, on a port that may be shared."""
    add(tmp_path / "machines.json", {"id": "depot", "jwk": dict(DEPOT.public_jwk), "credentials": ["any"]})
    with ExitStack() as stack:

        def start(server: str, *options: str, port: int | None = None, app: str | None = None, **given: str) -> Server:
            port = port or free_port()
            app = app or f"doctored-{os.getpid()}-{next(_numbers)}"
            for file in (store_path(app), store_path(app).with_suffix(".memory")):
                stack.callback(file.unlink, missing_ok=True)
            environ = {"MFA_MACHINES": str(tmp_path / "machines.json"), "MFA_APP": app, "MFA_CAPACITY": "10000"}
            log = tmp_path / f"log-{next(_numbers)}"
            process = stack.enter_context(started(_command(server, port, *options), log, {**environ, **given}))
            until(lambda: process.listens(port) and _is_up(server, process), f"{server} listens")
            return Server(server, port, process)

        yield start


def _command(server: str, port: int, *options: str) -> list[str]:
    if server == "uvicorn":
        return [*_PYTHON, "uvicorn", FASTAPI, "--port", str(port), "--no-access-log", *options]
    return [*_PYTHON, "gunicorn", "--bind", f"127.0.0.1:{port}", *options, FLASK]


def _is_up(server: str, process: Process) -> bool:
    """Another server may listen on the same port."""
    return ("startup complete" if server == "uvicorn" else "Booting worker") in process.output


def call(server: Server | str, **given: Any) -> Call:
    url = server if isinstance(server, str) else f"{server.url}/orders"
    options: dict[str, Any] = {"key": DEPOT, "headers": (("X-API-Key", API_KEY),), "places": ("x-api-key",), **given}
    return Call(options.pop("method", "GET"), Target.of(url), **options)


def checks(server: Server | str, **given: Any) -> dict[str, Check]:
    """The checks of an app, by id."""
    return {check.id: check for check in check_app(call(server, **given), SYSTEM_CLOCK)}


def statuses(told: dict[str, Check]) -> str:
    return " ".join(check.status for check in told.values())


def test_workers_that_share_accept_one_proof_once(start: Start) -> None:
    told = checks(start("uvicorn", "--workers", "2"))
    assert statuses(told) == "ok ok ok ok ok"
    assert "1 accepted (200), 31 refused (replayed)" in told["app-single-use"].found
    assert "32 refused (replayed)" in told["app-replay"].found


def test_the_command_tells_the_same_and_no_secret(start: Start, cli: Cli) -> None:
    server = start("uvicorn", "--workers", "2", app=f"doctored-cli-{os.getpid()}")
    cli.write("depot.pem", DEPOT.to_pem()).chmod(0o600)
    cli.write("api-key", f"{API_KEY}\n")
    cli.set(MFA_APP=f"doctored-cli-{os.getpid()}", MFA_CAPACITY="10000")
    cli.set(MFA_MACHINES=str(cli.folder / "machines.json"))
    arguments = ("--url", f"{server.url}/orders", "--key", "depot.pem", "--header", "X-API-Key: @api-key")
    told = cli.ok("doctor", *arguments, "--workers", "8", "--json")
    found = {line["id"]: line for line in told.lines()}
    assert found["app-single-use"]["status"] == "ok"
    assert "1 accepted (200), 7 refused (replayed)" in found["app-single-use"]["found"]
    assert ", in use," in found["store-file"]["found"]
    assert not any(secret in told.out + told.err for secret in (API_KEY, "eyJ", "PRIVATE"))


def test_workers_that_share_one_port_and_no_store_are_found_out(start: Start) -> None:
    port = free_port()
    server = start("gunicorn", "--reuse-port", port=port)
    start("gunicorn", "--reuse-port", port=port)
    told = checks(server)
    assert told["app-single-use"].status is Status.FAIL
    assert "accepted 2 times" in told["app-single-use"].found
    assert "the workers do not share their store: MFA_REPLAY_STORE=shared:" in told["app-single-use"].advice
    assert told["app-replay"].status is Status.SKIPPED


def test_stores_that_are_cold_and_not_shared_are_found_out_by_their_nonces(start: Start) -> None:
    origin = {"MFA_ORIGINS": "http://api.example.com"}
    hosts = [start("uvicorn", **origin), start("uvicorn", **origin)]
    told = checks("http://api.example.com/orders", at=tuple(("127.0.0.1", host.port) for host in hosts))
    assert told["app-single-use"].status is Status.FAIL
    assert "use_dpop_nonce" in told["app-single-use"].found
    assert "the workers do not share their store" in told["app-single-use"].advice


def test_hosts_that_share_are_called_one_by_one(start: Start) -> None:
    app = f"doctored-hosts-{os.getpid()}"
    hosts = [start("uvicorn", app=app, MFA_ORIGINS="http://api.example.com") for _ in range(2)]
    told = checks("http://api.example.com/orders", at=tuple(("127.0.0.1", host.port) for host in hosts))
    assert statuses(told) == "ok ok ok ok ok"
    assert all(f"127.0.0.1:{host.port}" in told["app-reached"].found for host in hosts)


def test_workers_with_memory_stores_in_one_port_are_found_out(start: Start) -> None:
    port = free_port()
    servers = [start("gunicorn", "--reuse-port", port=port, MFA_REPLAY_STORE="memory:") for _ in range(2)]
    assert checks(servers[0])["app-single-use"].status is Status.FAIL


@pytest.mark.parametrize("settings", [{"MFA_NONCE": "required"}, {"MFA_ORIGINS": "http://127.0.0.1:{port}"}])
def test_nonce_that_is_demanded_is_used(start: Start, settings: dict[str, str]) -> None:
    port = free_port()
    given = {name: value.format(port=port) for name, value in settings.items()}
    assert statuses(checks(start("uvicorn", port=port, **given))) == "ok ok ok ok ok"


def test_machine_whose_clock_is_wrong_learns_the_time(start: Start) -> None:
    server = start("uvicorn")
    told = {check.id: check for check in check_app(call(server), FrozenClock(time.time() - 3600))}
    assert told["app-single-use"].status is Status.OK


@pytest.mark.parametrize(
    ("given", "code", "advice"),
    [
        ({"key": PrivateKey.generate()}, "unknown_machine", "mfa-middleware machines add"),
        ({"places": ("authorization",)}, "wrong_binding", "MFA_CREDENTIALS"),
    ],
)
def test_proof_that_no_worker_accepts_is_explained(start: Start, given: Any, code: str, advice: str) -> None:
    told = checks(start("uvicorn"), **given)
    assert told["app-single-use"].status is Status.FAIL
    assert f"32 refused ({code})" in told["app-single-use"].found
    assert advice in told["app-single-use"].advice
    if "key" in given:
        assert given["key"].thumbprint in told["app-single-use"].found


def test_hints_of_the_app_are_told(start: Start) -> None:
    server = start("uvicorn", MFA_ORIGINS="https://api.example.com")
    told = checks(server)["app-single-use"]
    assert told.status is Status.FAIL
    assert "expected_htu: https://api.example.com/orders" in told.found
    assert "MFA_ORIGINS" in told.advice


def test_credential_that_is_not_given_is_asked_for(start: Start) -> None:
    told = checks(start("uvicorn"), headers=())
    assert told["app-protected"].status is Status.FAIL
    assert "--header" in told["app-protected"].advice
    assert told["app-single-use"].status is Status.SKIPPED


@pytest.mark.parametrize(("path", "mode"), [("/health", "enforce"), ("/orders", "report"), ("/orders", "off")])
def test_app_that_lets_requests_through_is_told_and_called_no_more(start: Start, path: str, mode: str) -> None:
    server = start("uvicorn", MFA_MODE=mode)
    told = checks(f"{server.url}{path}")
    assert told["app-protected"].status is Status.FAIL
    assert "answered 200" in told["app-protected"].found
    assert "MFA_MODE=enforce" in told["app-protected"].advice
    assert told["app-single-use"].status is Status.SKIPPED


def test_workers_with_another_registry_are_found_out(start: Start, tmp_path: Path) -> None:
    add(tmp_path / "others.json", {"id": "x", "jwk": dict(PrivateKey.generate().public_jwk), "credentials": ["any"]})
    app = f"doctored-registry-{os.getpid()}"
    knows = start("gunicorn", app=app)
    does_not = start("gunicorn", app=app, MFA_MACHINES=str(tmp_path / "others.json"))
    told = checks(knows, at=tuple(("127.0.0.1", one.port) for one in (knows, does_not)))["app-single-use"]
    assert told.status is Status.FAIL
    assert "16 refused (unknown_machine)" in told.found
    assert "the same MFA_MACHINES" in told.advice


def test_nobody_who_listens_is_explained() -> None:
    told = checks(f"http://127.0.0.1:{free_port()}/orders")
    assert told["app-reached"].status is Status.FAIL
    assert "connection refused" in told["app-reached"].found
    assert "start the app" in told["app-reached"].advice
    assert set(statuses(told).split()[1:]) == {"skipped"}


def test_one_of_several_hosts_that_is_away_is_told(start: Start) -> None:
    server, port = start("uvicorn"), free_port()
    told = checks(server, at=(("127.0.0.1", server.port), ("127.0.0.1", port)))["app-reached"]
    assert told.status is Status.FAIL
    assert f"127.0.0.1:{port}: connection refused" in told.found


def test_name_that_nobody_knows_is_explained() -> None:
    told = checks("http://nowhere.invalid/orders")
    assert "the name nowhere.invalid is not known" in told["app-reached"].found


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_certificate_must_be_trusted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    """A sync worker of gunicorn greets one connection at a time, so that not all can be open before one is used."""
    certificate(tmp_path)
    names = {"uvicorn": ("--ssl-certfile", "--ssl-keyfile"), "gunicorn": ("--certfile", "--keyfile")}[server]
    running = start(server, "--workers", "2", names[0], f"{tmp_path}/cert.pem", names[1], f"{tmp_path}/tls-key.pem")
    url = f"https://127.0.0.1:{running.port}/orders"
    refused = checks(url)["app-reached"]
    assert refused.status is Status.FAIL
    assert "certificate is not trusted" in refused.found
    assert "SSL_CERT_FILE" in refused.advice
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/cert.pem")
    assert statuses(checks(url)) == "ok ok ok ok ok"


def test_plain_http_where_tls_is_expected_is_explained(start: Start) -> None:
    server = start("uvicorn")
    told = checks(f"https://127.0.0.1:{server.port}/orders", seconds=3.0)["app-reached"]
    assert told.status is Status.FAIL
    assert "TLS" in told.found
    assert "http://" in told.advice
