"""`probe` shows what gets through an app that verifies badly, and what the middleware stops; it asks first."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mfa_middleware.cli.probe.telling import Progress
from tests.cli.conftest import Cli
from tests.client.tls import certificate
from tests.firewall.attacker import estate
from tests.firewall.attacker.estate import Estate, Running, running

_UVICORN = (sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--port", "{}")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return Estate(tmp_path_factory.mktemp("probed"))


@pytest.fixture(scope="module")
def apps(ours: Estate) -> Iterator[Mapping[str, Running]]:
    """An app that believes everything, without and with the middleware."""
    commands = {
        "naive": (*_UVICORN, "tests.firewall.naive_app:naive"),
        "guarded": (*_UVICORN, "--factory", "tests.firewall.naive_app:guarded"),
    }
    environ = {"NAIVE_KEYS": str(ours.folder), "MFA_ORIGINS": ""}
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(estate, "APPS", commands)
        yield {name: stack.enter_context(running(ours, name, **environ)) for name in commands}


def probe(cli: Cli, app: Running, *arguments: str) -> tuple[int, dict[str, str]]:
    cli.write("token.txt", app.target.token)
    told = cli("probe", app.target.url, "--token", "@token.txt", "--json", *arguments)
    return told.status, {line["id"]: line["outcome"] for line in told.lines()}


def test_shows_what_gets_through(cli: Cli, apps: Mapping[str, Running], ours: Estate) -> None:
    status, outcomes = probe(cli, apps["naive"], "--keys", str(ours.folder / "issuer.pem"))
    assert status == 1
    for trick in ("alg_none", "key_confusion", "embedded_jwk", "kid_traversal", "weak_hmac"):
        assert outcomes[trick] == "through"
    assert outcomes["json_serialization"] == "blocked"
    assert outcomes["proof_replay"] == outcomes["timing"] == "skipped"


def test_shows_what_is_blocked_and_named(cli: Cli, apps: Mapping[str, Running], ours: Estate) -> None:
    key = cli.write("machine.pem", ours.machine.to_pem())
    key.chmod(0o600)
    log = str(ours.folder / "guarded.jsonl")
    keys = str(ours.folder / "issuer.pem")
    status, outcomes = probe(cli, apps["guarded"], "--machine-key", "machine.pem", "--event-log", log, "--keys", keys)
    assert (status, [name for name, outcome in outcomes.items() if outcome in ("through", "broke")]) == (0, [])
    for trick in ("alg_none", "embedded_jwk", "kid_traversal", "proof_replay", "multiple_authorization"):
        assert outcomes[trick] == "named"
    assert outcomes["token_in_query"] == "told"


def test_table_tells_rows_and_their_count(cli: Cli, apps: Mapping[str, Running]) -> None:
    cli.write("token.txt", apps["naive"].target.token)
    told = cli("probe", apps["naive"].target.url, "--token", "@token.txt", "--only", "alg_none", "--only", "timing")
    assert told.status == 1
    assert "alg_none" in told.out
    assert "2 rows: 1 got through, 1 not played" in told.out
    assert "--event-log FILE" in told.out


def test_machine_is_asked_for_where_the_app_demands_one(cli: Cli, apps: Mapping[str, Running]) -> None:
    cli.write("token.txt", apps["guarded"].target.token)
    told = cli("probe", apps["guarded"].target.url, "--token", "@token.txt")
    assert (told.status, "--machine-key FILE" in told.err) == (1, True)


def test_token_must_be_good(cli: Cli, apps: Mapping[str, Running]) -> None:
    cli.write("token.txt", "a.b.c")
    told = cli("probe", apps["naive"].target.url, "--token", "@token.txt")
    assert (told.status, "was not served: 401" in told.err) == (1, True)


@pytest.mark.parametrize("url", ["https://api.example.com/orders", "http://192.0.2.1/", "http://127.0.0.1.example/"])
def test_other_hosts_are_attacked_only_where_they_are_named(cli: Cli, url: str) -> None:
    cli.set(TOKEN="x")
    for more in ([], ["--i-may-attack", "other.example.com"]):
        told = cli("probe", url, "--token", "env:TOKEN", *more)
        assert (told.status, "--i-may-attack" in told.err) == (2, True)


def test_host_that_cannot_be_reached_is_told(cli: Cli) -> None:
    cli.set(TOKEN="x")
    told = cli("probe", "http://127.0.0.1:9/", "--token", "env:TOKEN")
    assert (told.status, told.err.count("\n")) == (1, 1)


def test_app_behind_tls_is_attacked_too(cli: Cli, tmp_path: Path) -> None:
    """Whoever tests his own app has its CA among those of the system, or names it in SSL_CERT_FILE."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Believing)
    server.socket = certificate(tmp_path).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    cli.set(TOKEN="good", SSL_CERT_FILE=str(tmp_path / "cert.pem"))
    try:
        url = f"https://127.0.0.1:{server.server_port}/"
        told = cli("probe", url, "--token", "env:TOKEN", "--json", "--only", "alg_none", "--only", "json_serialization")
    finally:
        server.shutdown()
        server.server_close()
    assert {line["id"]: line["outcome"] for line in told.lines()} == {
        "alg_none": "through",
        "json_serialization": "blocked",
    }


class _Believing(BaseHTTPRequestHandler):
    """Believes what is good, and whatever begins like a token."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.send_response(200 if given == "good" or given.startswith("eyJ") else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_progress_is_shown_on_a_terminal_alone() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown, hidden = Terminal(), io.StringIO()
    for stream in (shown, hidden):
        progress = Progress(stream, 2)
        progress.step("alg_none")
        progress.end()
    assert "[###############---------------] 1/2 alg_none" in shown.getvalue()
    assert hidden.getvalue() == ""
