"""Many refusals from one source are told once."""

from __future__ import annotations

import logging
from ipaddress import ip_address

import pytest

from mfa_middleware.errors import Code
from mfa_middleware.events import Event
from mfa_middleware.firewall import Evidence, Finding
from mfa_middleware.firewall.alarms import THRESHOLD, WINDOW, Alarms
from mfa_middleware.route import PROTECTED
from mfa_middleware.service import Service
from tests.helpers.bench import Bench
from tests.helpers.keys import stranger

HERE, THERE = ip_address("203.0.113.7"), ip_address("203.0.113.8")
UNKNOWN = (Finding("proof_key_unknown", Evidence.POLICY, "dpop"),)
ATTACK = (Finding("alg_none", Evidence.STRUCTURAL, "authorization"),)


def test_the_threshold_is_told_once_in_a_window_and_names_the_trick() -> None:
    alarms = Alarms()
    told = [alarms.note(HERE, UNKNOWN, float(second)) for second in range(THRESHOLD + 20)]
    assert [number for number, text in enumerate(told) if text] == [THRESHOLD - 1]
    assert f"{THRESHOLD} x proof_key_unknown" in str(told[THRESHOLD - 1])
    assert "203.0.113.7" in str(told[THRESHOLD - 1])


def test_slow_refusals_and_other_sources_add_up_to_nothing() -> None:
    alarms = Alarms()
    assert not any(alarms.note(HERE, UNKNOWN, 3.0 * second) for second in range(200))
    assert not any(alarms.note(ip_address(number), UNKNOWN, 0.0) for number in range(5_000))


def test_an_attack_is_told_by_its_own_event_and_not_counted() -> None:
    alarms = Alarms()
    assert not any(alarms.note(HERE, ATTACK, 0.0) for _ in range(100))


def test_tricks_are_counted_apart_and_a_new_window_begins_anew() -> None:
    alarms = Alarms()
    other = (Finding("proof_stale", Evidence.POLICY, "dpop"),)
    for number in range(THRESHOLD - 1):
        assert alarms.note(HERE, UNKNOWN + other if number == 0 else (UNKNOWN, other)[number % 2], 0.0) is None
    late = [alarms.note(HERE, UNKNOWN, WINDOW + 1.0) for _ in range(THRESHOLD)]
    assert [text is not None for text in late] == [False] * (THRESHOLD - 1) + [True]


def test_a_whole_network_of_version_6_is_one_source_and_unknown_ones_are_another() -> None:
    alarms = Alarms()
    told = [alarms.note(ip_address(f"2001:db8::{number:x}"), UNKNOWN, 0.0) for number in range(1, THRESHOLD + 1)]
    assert "2001:db8::/64" in str(told[-1])
    assert not any(alarms.note(None, UNKNOWN, 0.0) for _ in range(THRESHOLD - 1))
    assert "unknown address" in str(alarms.note(None, UNKNOWN, 0.0))


def test_memory_is_bounded() -> None:
    alarms = Alarms()
    for number in range(10_000):
        alarms.note(ip_address(number), UNKNOWN, 0.0)
    assert len(alarms._counts) <= 4_096


@pytest.mark.parametrize("mode", ["enforce", "report"])
def test_the_operator_is_told_and_nobody_is_refused_for_it(mode: str) -> None:
    bench, events = Bench(mode=mode), list[Event]()
    service = Service(
        bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock, on_event=events.append
    )
    for _ in range(THRESHOLD + 5):
        service.decide(bench.request(bench.proof(key=stranger())), PROTECTED, lambda _: b"")
    (alarm,) = [event for event in events if event.kind == "attack"]
    assert (alarm.level, alarm.client) == (logging.ERROR, "203.0.113.7")
    assert f"{THRESHOLD} x proof_key_unknown" in alarm.detail
    assert service.decide(bench.request(bench.proof()), PROTECTED, lambda _: b"").refusal is None
    refused = [event for event in events if event.code is not None]
    assert {event.code for event in refused} == {Code.UNKNOWN_MACHINE}


def test_accepted_requests_with_odd_tokens_are_never_an_alarm() -> None:
    bench, events = Bench(), list[Event]()
    service = Service(
        bench.settings, registry=bench.registry, store=bench.store, clock=bench.clock, on_event=events.append
    )
    for _ in range(THRESHOLD * 2):
        request = bench.request(bench.proof(), query=b"jwt=eyJhbGciOiJSUzI1NiJ9.e30.AA")
        assert service.decide(request, PROTECTED, lambda _: b"").allowed
    assert not [event for event in events if event.kind == "attack"]
