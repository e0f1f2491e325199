"""A retry is told apart from a theft: to the operator, never to the caller."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mfa_middleware.errors import Code
from mfa_middleware.events import Event
from mfa_middleware.replay import Outcome
from mfa_middleware.verdict import refusal_of
from tests.helpers.bench import NOW, TOKEN
from tests.helpers.proofs import ath, jws
from tests.test_service import Served

HERE, THERE = "203.0.113.7", "198.51.100.9"


def forwarded(address: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"DPoP " + TOKEN.encode()), (b"x-forwarded-for", address.encode())]


def twice(served: Served, *, pause: float = 0.0, first: dict[str, Any], second: dict[str, Any]) -> Event:
    """The event of a proof that is sent again."""
    proof = served.bench.proof()
    assert served.decide(proof, **first).refusal is None
    served.events.clear()
    served.bench.clock.advance(pause)
    return served.event(proof, **second)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "mfa_middleware")


def test_a_retry_is_no_alarm_and_says_what_to_do() -> None:
    event = twice(Served(), pause=7, first={}, second={})
    assert (event.kind, event.code, event.level) == ("refused", "retried", logging.INFO)
    assert f"from the same address, {HERE}" in event.detail
    assert "a client or a proxy sends requests twice; each attempt needs a new proof" in event.detail
    assert event.machine == "press-4"


@pytest.mark.parametrize(
    ("pause", "peer"), [(0.0, THERE), (7.0, THERE), (10.0, HERE), (30.0, HERE), (0.0, "2001:db8::1")]
)
def test_the_same_proof_from_elsewhere_or_late_is_an_incident(pause: float, peer: str) -> None:
    event = twice(Served(), pause=pause, first={}, second={"peer": peer})
    assert (event.kind, event.code, event.level) == ("refused", "replayed", logging.WARNING)
    assert f"not from {peer} within the last 10 s" in event.detail
    assert "captured" in event.detail
    assert peer == HERE or HERE not in event.detail


@pytest.mark.parametrize("peer", [None, "unix:"])
def test_without_an_address_every_replay_is_an_incident(peer: str | None) -> None:
    for first, second in ((peer, peer), (HERE, peer)):
        event = twice(Served(), first={"peer": first}, second={"peer": second})
        assert (event.code, event.level) == ("replayed", logging.WARNING)
        assert "MFA_TRUSTED_PROXIES" in event.detail


def test_a_spelling_of_an_address_is_no_other_address() -> None:
    assert twice(Served(), first={}, second={"peer": f"::ffff:{HERE}"}).code == "retried"


@pytest.mark.parametrize(("again", "code"), [(HERE, "retried"), (THERE, "replayed")])
def test_behind_a_stated_proxy_the_forwarded_address_counts(again: str, code: str) -> None:
    first, second = ({"peer": "10.0.0.2", "headers": forwarded(address)} for address in (HERE, again))
    assert twice(Served(trusted_proxies=1), first=first, second=second).code == code


@pytest.mark.parametrize("again", [HERE, THERE])
def test_behind_a_proxy_that_no_setting_tells_of_every_replay_is_an_incident(again: str) -> None:
    """All callers have the address of the proxy there."""
    first, second = ({"peer": "10.0.0.2", "headers": forwarded(address)} for address in (HERE, again))
    event = twice(Served(), first=first, second=second)
    assert (event.code, event.level) == ("replayed", logging.WARNING)
    assert "MFA_TRUSTED_PROXIES" in event.detail


def test_both_are_refused_alike_and_the_caller_learns_no_difference() -> None:
    served = Served()
    proof = served.bench.proof()
    served.decide(proof)
    retried, replayed = served.decide(proof), served.decide(proof, peer=THERE)
    assert not retried.allowed
    assert not replayed.allowed
    assert retried.refusal is not None
    assert replayed.refusal is not None
    assert (retried.refusal.code, replayed.refusal.code) == (Code.RETRIED, Code.REPLAYED)
    assert served.service.answer(retried.refusal) == served.service.answer(replayed.refusal)
    assert retried.nonce == replayed.nonce


def test_both_are_only_told_in_report_mode() -> None:
    assert _told_in_report_mode({}) == ("would_refuse", "retried", logging.INFO)
    assert _told_in_report_mode({"peer": THERE}) == ("would_refuse", "replayed", logging.WARNING)


def _told_in_report_mode(second: dict[str, Any]) -> tuple[str, str | None, int]:
    event = twice(Served(mode="report"), first={}, second=second)
    return event.kind, event.code, event.level


def test_a_retry_with_a_finding_is_not_quiet() -> None:
    served = Served(firewall="report")
    token = jws(served.bench.key, {"alg": "none"}, {"exp": NOW}, signature=b"")
    proof = served.bench.proof(ath=ath(token))
    sent: dict[str, Any] = {"headers": [(b"authorization", b"Bearer " + token)]}
    served.decide(proof, **sent)
    served.events.clear()
    event = served.event(proof, **sent)
    assert (event.code, event.level, len(event.findings)) == ("retried", logging.WARNING, 1)


def test_a_machine_at_its_quota_is_told_of_both_reasons() -> None:
    refusal = refusal_of(Outcome.QUOTA, None, 250)
    assert refusal.code is Code.MACHINE_QUOTA
    assert "250 live proofs (MFA_MACHINE_QUOTA)" in refusal.detail
    assert "MFA_CAPACITY" in refusal.detail


def test_a_full_store_says_what_to_raise() -> None:
    refusal = refusal_of(Outcome.FULL, None, 250)
    assert refusal.code is Code.STORE_FULL
    assert "MFA_CAPACITY" in refusal.detail
