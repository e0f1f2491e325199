"""The firewall without machines: one line, the same refusals, and nothing asked of honest callers."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.events import Event
from mfa_middleware.firewall_service import FirewallService
from mfa_middleware.http import Request
from mfa_middleware.settings import Settings
from tests.helpers.processes import free_port, started, until

_KEY = ec.generate_private_key(ec.SECP256R1())
_PEM = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_COMMANDS = {
    "uvicorn": ("uvicorn", "--factory", "tests.firewall.alone_app:starlette", "--port", "{}", "--workers", "2"),
    "gunicorn": ("gunicorn", "tests.firewall.alone_app:flask()", "--bind", "127.0.0.1:{}", "--workers", "2"),
    "waitress": ("waitress", "--listen", "127.0.0.1:{}", "--call", "tests.firewall.alone_app:flask"),
}


class Served:
    def __init__(self, port: int, log: Path) -> None:
        self.port, self._log = port, log

    def get(self, *headers: tuple[str, str]) -> httpx2.Response:
        with httpx2.Client() as client:
            return client.get(f"http://127.0.0.1:{self.port}/whoami", headers=list(headers))

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@pytest.fixture(scope="module", params=list(_COMMANDS))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("alone"), free_port()
    (folder / "key.pem").write_bytes(_PEM)
    environ = {"MFA_JWT_KEYS": str(folder / "key.pem"), "MFA_EVENT_LOG": str(folder / "events"),
               "MFA_FORM_TOKENS": "access_token", "MFA_FIREWALL_REPORT": "/lax"}  # fmt: skip
    command = [sys.executable, "-m", *(word.format(port) for word in _COMMANDS[request.param])]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(started(command, folder / "log", environ))
        until(lambda: process.listens(port), "the server listens")
        yield Served(port, folder / "events")


def honest(**claims: object) -> str:
    return jwt.encode({"sub": "press-4", "exp": int(time.time()) + 300, **claims}, _KEY, "ES256")


def forged() -> str:
    return jwt.encode({"sub": "admin", "exp": int(time.time()) + 300}, None, "none")


def test_an_honest_token_passes_and_its_claims_are_offered(served: Served) -> None:
    answer = served.get(("authorization", f"Bearer {honest(role='reader')}"))
    assert answer.status_code == 200
    assert answer.json()["claims"]["sub"] == "press-4"
    assert answer.json()["claims"]["role"] == "reader"
    assert answer.json()["findings"] == []


@pytest.mark.parametrize(
    "headers", [(), (("x-api-key", "key-of-the-first-factor"),), (("authorization", "Basic YTpi"),)]
)
def test_what_is_no_token_is_none_of_its_business(served: Served, headers: tuple[tuple[str, str], ...]) -> None:
    answer = served.get(*headers)
    assert (answer.status_code, answer.json()) == (200, {"claims": None, "findings": []})


def test_a_forgery_is_refused_and_named(served: Served) -> None:
    answer = served.get(("authorization", f"Bearer {forged()}"))
    assert (answer.status_code, answer.json()["code"]) == (401, "forged_token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "dpop" not in answer.text.lower()
    refused = [event for event in served.events() if event.get("code") == "forged_token"]
    assert any("alg_none" in str(event["findings"]) for event in refused)
    assert all(forged() not in json.dumps(event) for event in refused)


def test_a_token_of_another_key_is_refused(served: Served) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode({"sub": "admin", "exp": int(time.time()) + 300}, other, "ES256")
    assert served.get(("authorization", f"Bearer {token}")).status_code == 401


def test_a_key_that_was_made_a_secret_is_confirmed(served: Served) -> None:
    import base64
    import hashlib
    import hmac

    parts = [b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": "admin", "exp": int(time.time()) + 300}).encode()]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(_PEM, body, hashlib.sha256)).rstrip(b"=")
    assert served.get(("authorization", f"Bearer {(body + b'.' + mac).decode()}")).status_code == 401
    assert any("key_confusion (confirmed" in str(event.get("findings")) for event in served.events())


def test_two_credentials_in_one_request_are_an_attack(served: Served) -> None:
    headers = [("authorization", f"Bearer {honest()}"), ("authorization", f"Bearer {forged()}")]
    assert served.get(*headers).status_code in (400, 401)


@pytest.mark.parametrize("served", ["uvicorn"], indirect=True)
def test_a_handshake_is_inspected_as_well(served: Served) -> None:
    url = f"ws://127.0.0.1:{served.port}/socket"
    with connect(url, additional_headers={"authorization": f"Bearer {honest()}"}) as socket:
        assert json.loads(socket.recv())["claims"]["sub"] == "press-4"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers={"authorization": f"Bearer {forged()}"}),
    ):
        pass
    assert refused.value.response.status_code == 401


class TestService:
    @staticmethod
    def _decide(token: str, **settings: object) -> tuple[bool, list[str], list[Event]]:
        events: list[Event] = []
        service = FirewallService(Settings.load(settings, environ={}), on_event=events.append)
        request = Request(
            method="GET", scheme="http", raw_path="/x", query=b"", routed_path="/x", peer="192.0.2.1",
            headers=[(b"host", b"localhost"), (b"authorization", b"Bearer " + token.encode())],
        )  # fmt: skip
        decision = service.decide(request, lambda _: b"")
        service.close()
        return decision.allowed, [one.id for one in decision.findings], events

    def test_it_reports_where_it_is_told_to(self) -> None:
        allowed, found, events = self._decide(forged(), firewall="report")
        assert (allowed, found) == (True, ["alg_none"])
        assert any(event.findings for event in events)

    def test_it_looks_away_where_it_is_told_to(self) -> None:
        assert self._decide(forged(), firewall="off")[:2] == (True, [])
        assert self._decide(forged(), exempt="/x")[:2] == (True, [])

    def test_an_id_that_is_allowed_is_only_told(self) -> None:
        assert self._decide(forged(), firewall_allow="alg_none")[:2] == (True, ["alg_none"])

    def test_without_keys_it_says_that_it_knows_structure_alone(self) -> None:
        _, _, events = self._decide(honest())
        assert "by their structure alone" in events[0].detail

    def test_a_wrong_key_stops_the_start(self) -> None:
        private = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(ConfigurationError, match="MFA_JWT_KEYS"):
            self._decide(honest(), jwt_keys=private.decode())


class TestForms:
    """MFA_FORM_TOKENS: a token may come in the body of a form (RFC 6750 2.2)."""

    @staticmethod
    def _decide(
        body: bytes, kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[bool, list[tuple[str, str]], int]:
        service, reads = FirewallService(Settings.load({"form_tokens": "access_token"}, environ={})), []
        request = Request(
            method="POST", scheme="http", raw_path="/x", query=b"", routed_path="/x", peer="192.0.2.1",
            headers=[(b"host", b"localhost"), (b"content-type", kind.encode())],
        )  # fmt: skip

        def read(limit: int) -> bytes:
            reads.append(limit)
            return body

        decision = service.decide(request, read)
        service.close()
        return decision.allowed, [(one.id, one.where) for one in decision.findings], len(reads)

    @pytest.mark.parametrize("name", ["access_token", "access%5Ftoken"])
    def test_a_forgery_in_a_field_is_refused(self, name: str) -> None:
        allowed, found, _ = self._decide(f"a=1&{name}={forged()}&b=2".encode())
        assert not allowed
        assert [trick for trick, _ in found] == ["alg_none"]
        assert found[0][1].startswith("form:access")

    def test_an_honest_token_passes(self) -> None:
        assert self._decide(f"access_token={honest()}".encode()) == (True, [], 1)

    def test_other_fields_and_other_bodies_are_left_alone(self) -> None:
        assert self._decide(f"other={forged()}".encode()) == (True, [], 1)
        assert self._decide(f"access_token={forged()}".encode(), "application/json") == (True, [], 0)

    def test_a_flood_of_fields_is_bounded(self) -> None:
        allowed, found, _ = self._decide(b"access_token=eyJhbGciOiJub25lIn0.e30.&" * 50_000)
        assert not allowed
        assert len(found) <= 8


def test_a_form_is_still_whole_for_the_app(served: Served) -> None:
    with httpx2.Client() as client:
        answer = client.post(f"http://127.0.0.1:{served.port}/form", data={"access_token": honest(), "a": "1" * 5_000})
        assert answer.json() == {"bytes": int(answer.request.headers["content-length"])}
        refused = client.post(f"http://127.0.0.1:{served.port}/form", data={"access_token": forged()})
        assert refused.json()["code"] == "forged_token"


def test_a_path_may_be_let_off(served: Served) -> None:
    with httpx2.Client() as client:
        answer = client.get(f"http://127.0.0.1:{served.port}/lax", headers={"authorization": f"Bearer {forged()}"})
    assert answer.status_code == 200
    assert "alg_none" in answer.json()["findings"]


def test_what_honest_clients_do_is_no_alarm_however_often_they_do_it() -> None:
    events: list[Event] = []
    service = FirewallService(Settings.load({}, environ={}), on_event=events.append)
    request = Request(
        method="GET", scheme="http", raw_path="/x", query=b"access_token=opaque", routed_path="/x", peer="192.0.2.1",
        headers=[(b"host", b"localhost")],
    )  # fmt: skip
    decisions = [service.decide(request, lambda _: b"") for _ in range(200)]
    service.close()
    assert all(decision.allowed and decision.findings for decision in decisions)
    assert "attack" not in [event.kind for event in events]
