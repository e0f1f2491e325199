from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, ConfigurationError, Refusal
from mfa_middleware.events import Event
from mfa_middleware.machines import State
from mfa_middleware.replay import open_store
from mfa_middleware.route import PROTECTED, Route, required
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from tests.helpers.bench import NOW, ORIGIN, TOKEN, Bench
from tests.helpers.keys import stranger
from tests.helpers.proofs import ath, content_digest, jws


class Served:
    """A service over the bench's registry and clock, and the events it told."""

    def __init__(self, *, machine: dict[str, Any] | None = None, **settings: Any) -> None:
        self.bench = Bench(machine=machine, **settings)
        self.events: list[Event] = []
        self.service = Service(
            self.bench.settings,
            registry=self.bench.registry,
            store=self.bench.store,
            clock=self.bench.clock,
            on_event=self.events.append,
        )
        self.events.clear()

    def decide(self, *proofs: bytes, route: Route = PROTECTED, **changes: Any) -> Decision:
        request = self.bench.request(*(proofs or (self.bench.proof(),)), **changes)
        return self.service.decide(request, route, lambda limit: self.bench.body)

    def event(self, *proofs: bytes, **changes: Any) -> Event:
        self.decide(*proofs, **changes)
        (event,) = self.events
        self.events.clear()
        return event


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL, "mfa_middleware"):
        yield


class TestModes:
    def test_off_looks_at_nothing(self) -> None:
        served = Served(mode="off")
        decision = served.decide(b"junk", headers=[])
        assert decision.allowed
        assert decision.exempt
        assert served.events == []
        assert served.bench.registry.asked == []

        async def read(_: int) -> bytes:
            raise AssertionError

        assert asyncio.run(served.service.decide_async(served.bench.request(), PROTECTED, read)) is decision

    def test_sync_and_async_decide_alike(self) -> None:
        served = Served()
        served.bench.body = b"x"

        async def read(_: int) -> bytes:
            return b"x"

        request = served.bench.request(served.bench.proof(htd=content_digest(b"x")))
        assert asyncio.run(served.service.decide_async(request, PROTECTED, read)).refusal is None
        again = served.service.decide(request, PROTECTED, lambda _: b"x")
        assert again.refusal is not None
        assert again.refusal.told is Code.REPLAYED

    def test_both_tell_an_event(self) -> None:
        served = Served()

        async def read(_: int) -> bytes:
            return b""

        asyncio.run(served.service.decide_async(served.bench.request(b"junk"), PROTECTED, read))
        assert [event.kind for event in served.events] == ["refused"]


class TestEvents:
    def test_an_accepted_request(self) -> None:
        event = Served().event()
        assert event.kind == "accepted"
        assert event.level == logging.DEBUG
        assert (event.machine, event.method, event.path, event.client, event.at) == (
            "press-4",
            "GET",
            "/orders/1",
            "203.0.113.7",
            NOW,
        )
        assert event.credential == ath(TOKEN)[:12]

    def test_a_refused_request_tells_the_operator_why(self) -> None:
        served = Served()
        event = served.event(served.bench.proof(htu=f"{ORIGIN}/x"))
        assert (event.kind, event.level, event.code) == ("refused", logging.WARNING, Code.WRONG_TARGET)
        assert event.detail == f"htu is {ORIGIN}/x, expected {ORIGIN}/orders/1"
        assert event.machine == "press-4"

    def test_a_stranger_is_known_by_thumbprint_alone(self) -> None:
        served = Served()
        event = served.event(served.bench.proof(key=stranger()))
        assert event.machine is None
        assert event.thumbprint == stranger().thumbprint

    def test_what_would_be_refused(self) -> None:
        assert Served(mode="report").event(b"junk").kind == "would_refuse"

    def test_what_is_exempt(self) -> None:
        event = Served(exempt="/health").event(headers=[], raw_path="/health")
        assert (event.kind, event.level) == ("exempt", logging.DEBUG)

    def test_a_finding_is_told_with_its_evidence_and_place_also_where_all_is_well(self) -> None:
        served = Served(jwt_algorithms="RS256")
        token = jws(served.bench.key, {"alg": "PS512"}, {"exp": NOW}, signature=b"s" * 256)
        event = served.event(served.bench.proof(ath=ath(token)), headers=[(b"authorization", b"Bearer " + token)])
        assert (event.kind, event.level) == ("accepted", logging.INFO)
        assert event.findings == ("alg_not_accepted (policy, authorization)",)

    def test_a_tightened_request_has_an_event_of_its_own(self) -> None:
        served = Served()
        decision = served.decide()
        assert served.service.tighten(decision, PROTECTED, served.bench.request()) is decision
        served.service.tighten(decision, required(scopes="admin"), served.bench.request())
        assert [event.kind for event in served.events] == ["accepted", "refused"]
        assert served.events[1].detail == "machine press-4 lacks admin"

    def test_a_request_that_is_refused_is_not_tightened(self) -> None:
        served = Served(mode="report")
        decision = served.decide(served.bench.proof(iat=0))
        assert served.service.tighten(decision, required(scopes="admin"), served.bench.request()) is decision

    def test_only_an_accepted_request_is_a_sign_of_life(self) -> None:
        served = Served()
        served.decide(served.bench.proof(htm="POST"))
        assert served.bench.registry.seen_ids == []
        served.decide()
        assert served.bench.registry.seen_ids == ["press-4"]

    def test_the_start_says_what_protects_and_what_a_restart_forgets(self) -> None:
        events: list[Event] = []
        bench = Bench(origins=())
        Service(bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock, on_event=events.append)
        assert [event.kind for event in events] == ["started"]
        assert events[0].detail == (
            "mode enforce; replay store memory: (forgotten at a restart, and not shared with any other process); "
            "the firewall knows bearer JWTs by their structure alone (MFA_JWT_KEYS is not set); "
            "MFA_ORIGINS is not set, so only loopback callers are served"
        )

    def test_a_sink_that_fails_harms_no_request_and_no_other_sink(self, caplog: pytest.LogCaptureFixture) -> None:
        def broken(event: Event) -> None:
            raise ValueError(event.kind)

        bench = Bench()
        service = Service(
            bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock, on_event=broken
        )
        with caplog.at_level(logging.ERROR, "mfa_middleware"):
            decision = service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"")
        assert decision.allowed
        assert "an event sink failed" in caplog.text


class TestSecrecy:
    SECRETS = ("very-secret-key", "cookie-secret", "query-secret")

    def lines(self) -> tuple[list[str], list[str]]:
        """What is logged of requests that carry secrets everywhere, and the secrets."""
        served = Served(credentials="authorization, cookie:sid, query:token", nonce="required")
        bench = served.bench
        nonce = bench.nonces.mint(bench.key.thumbprint, NOW)
        bound = {
            "ath": ath("very-secret-key"),
            "oth": {"cookie:sid": ath("cookie-secret"), "query:token": ath("query-secret")},
        }
        headers = [(b"authorization", b"Bearer very-secret-key"), (b"cookie", b"sid=cookie-secret")]
        proofs = [
            bench.proof(nonce=nonce, **bound),
            bench.proof(**bound),
            bench.proof(nonce="a-nonce-of-somebody", **bound),
            bench.proof(nonce=nonce, htu="https://u:very-secret-key@a.example/", **bound),
            bench.proof(nonce=nonce, htm="very-secret-key", **bound),
            bench.proof(nonce=nonce, htq="very-secret-key", **bound),
            bench.proof(nonce=nonce, htd="very-secret-key", **bound),
            bench.proof(nonce=nonce, ath="very-secret-key"),
            bench.proof(nonce=nonce, jti=["very-secret-key"]),
            bench.proof(header={"typ": "very-secret-key"}),
            bench.proof(header={"jwk": {**bench.key.jwk, "d": "very-secret-key"}}),
            bench.proof(key=stranger()),
            b"very-secret-key",
        ]
        answers = [served.decide(sent, headers=headers, query=b"token=query-secret") for sent in proofs]
        served.decide(headers=[*headers, *headers], query=b"token=query-secret&token=query-secret")
        assert any(one.nonce for one in answers)
        parts = [part.decode() for sent in proofs[:-1] for part in sent.split(b".")[1:]]
        return [event.to_json() for event in served.events], [nonce, "a-nonce-of-somebody", *parts, *self.SECRETS]

    def test_no_event_has_a_credential_a_proof_or_a_nonce(self) -> None:
        lines, secrets = self.lines()
        assert len(lines) == 14
        assert len({json.loads(line).get("code") for line in lines}) >= 6
        for line in lines:
            assert not [secret for secret in secrets if secret in line]

    def test_no_repr_of_a_decision_has_one(self) -> None:
        served = Served(nonce="required")
        decision = served.decide()
        assert decision.nonce is not None
        for secret in (decision.nonce, TOKEN, served.bench.key.jwk["x"]):
            assert secret not in repr(decision)

    def test_a_path_cannot_write_a_second_line(self) -> None:
        served = Served()
        event = served.event(b"junk", raw_path='/a\r\n{"kind":"accepted"}\u2028\x1b[2J\x85', method="G\nT")
        line = event.to_json()
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert json.loads(line)["kind"] == "refused"

    def test_a_path_and_a_method_are_cut(self) -> None:
        event = Served().event(b"junk", raw_path="/" + "a" * 60_000, method="M" * 60_000)
        assert len(event.to_json()) < 1_000

    def test_an_algorithm_that_the_proof_names_is_cut_and_quoted(self) -> None:
        served = Served()
        event = served.event(served.bench.proof(header={"alg": "\n" + "A" * 2_000}))
        assert len(event.detail) < 120
        assert "\n" not in event.detail


class TestSinks:
    def service(self, **settings: Any) -> Service:
        bench = Bench(**settings)
        return Service(bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock)

    def test_events_are_appended_to_a_file_that_only_the_owner_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "events.jsonl"
        path.write_text("")
        path.unlink()
        for _ in range(2):
            self.service(event_log=str(path))
        assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["started", "started"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_file_that_cannot_be_written_stops_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"MFA_EVENT_LOG: .* cannot be written \(No such file"):
            self.service(event_log=str(tmp_path / "none" / "events"))
        os.symlink(tmp_path / "elsewhere", tmp_path / "link")
        with pytest.raises(ConfigurationError, match="cannot be written"):
            self.service(event_log=str(tmp_path / "link"))

    def test_the_log_gets_each_event_as_json_with_the_event_beside_it(self, caplog: pytest.LogCaptureFixture) -> None:
        bench = Bench()
        with caplog.at_level(logging.DEBUG, "mfa_middleware"):
            service = Service(bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock)
            service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"")
        assert [record.mfa_event.kind for record in caplog.records] == ["started", "accepted"]
        assert json.loads(caplog.records[1].getMessage())["machine"] == "press-4"

    def test_an_event_that_nobody_wants_is_not_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Decision, "event", lambda *_: pytest.fail("an event was made"))
        bench = Bench()
        service = Service(bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock)
        assert service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"").allowed


class TestOpenConnections:
    @pytest.mark.parametrize("change", [{"state": State.REVOKED}, {"state": State.PAUSED}, {"valid_until": NOW}])
    def test_a_machine_that_was_stopped_may_not_go_on(self, change: dict[str, Any]) -> None:
        served = Served()
        decision = served.decide()
        assert asyncio.run(served.service.still_acts(decision))
        served.bench.registry.machines[served.bench.key.thumbprint] = replace(served.bench.machine, **change)
        assert not asyncio.run(served.service.still_acts(decision))

    def test_nor_may_one_that_was_removed(self) -> None:
        served = Served()
        decision = served.decide()
        served.bench.registry.machines.clear()
        assert not asyncio.run(served.service.still_acts(decision))

    def test_a_connection_without_a_machine_stays(self) -> None:
        served = Served(exempt="/health")
        assert asyncio.run(served.service.still_acts(served.decide(headers=[], raw_path="/health")))

    def test_one_that_is_only_reported_on_stays(self) -> None:
        served = Served(mode="report")
        decision = served.decide()
        served.bench.registry.machines.clear()
        assert asyncio.run(served.service.still_acts(decision))


def test_a_service_opens_what_its_settings_name(tmp_path: Path) -> None:
    (tmp_path / "machines.json").write_text('{"version": 1, "machines": []}')
    (tmp_path / "machines.json").chmod(0o600)
    settings = Settings.load(
        {
            "machines": tmp_path / "machines.json",
            "replay_store": "memory:",
            "app": f"test-{os.getpid()}",
            "capacity": 1_000,
        },
        environ={},
    )
    service = Service(settings)
    assert service.store.scheme == "memory"
    assert service.registry.find("x") is None
    service.close()


@pytest.mark.parametrize(("origins", "code"), [(ORIGIN, Code.USE_DPOP_NONCE), ("", None)])
def test_a_new_store_is_cold_but_for_a_first_try_on_loopback(origins: str, code: Code | None) -> None:
    bench = Bench(origins=origins, replay_store="memory:", capacity=1_000, app=f"cold-{os.getpid()}")
    service = Service(bench.settings, registry=bench.registry, clock=bench.clock)
    sent = bench.proof(htu=f"{ORIGIN if origins else 'http://localhost:8000'}/orders/1")
    headers = [(b"host", b"localhost:8000"), (b"authorization", b"DPoP " + TOKEN.encode())]
    ends = {"peer": "127.0.0.1", "local": "127.0.0.1", "scheme": "http"}
    decision = service.decide(bench.request(sent, headers=headers, **ends), PROTECTED, lambda _: b"")
    assert (decision.refusal.code if decision.refusal else None) is code
    service.close()


def test_a_store_that_does_not_exist_stops_the_start() -> None:
    bench = Bench(replay_store="cloud:")
    with pytest.raises(ConfigurationError, match="cloud"):
        Service(bench.settings, registry=bench.registry)


def test_an_answer_names_the_algorithms_of_the_app() -> None:
    served = Served(algorithms="PS256, ES256")
    answer = served.service.answer(Refusal(Code.REPLAYED, ""), nonce="n", cors=True)
    assert dict(answer.headers)["WWW-Authenticate"] == 'DPoP error="invalid_dpop_proof", algs="ES256 PS256"'


def test_closing_closes_the_store_and_the_registry() -> None:
    bench = Bench()
    store = open_store("memory:", capacity=1_000, quota=10, app="closed", never_cold=True, clock=bench.clock)
    service = Service(bench.settings, registry=bench.registry, store=store, clock=bench.clock)
    service.close()
    refused = service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"")
    assert bench.registry.closed
    assert refused.refusal is not None
    assert refused.refusal.code is Code.STORE_UNAVAILABLE
