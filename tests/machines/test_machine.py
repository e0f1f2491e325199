from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from mfa_middleware.machines import Machine, Permits, State, parse_network, parse_schedule

HERE = ip_address("10.1.2.3")
NOW = 1_780_318_800.0  # Monday, 2026-06-01 13:00 UTC

MACHINE = Machine(id="m-1", name="one", thumbprint="t", jwk={"kty": "OKP"}, algorithm="Ed25519")


def test_an_active_machine_without_limits_may_act_from_anywhere() -> None:
    assert MACHINE.refusal(NOW, HERE) is None
    assert MACHINE.refusal(NOW, None) is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_a_machine_in_any_other_state_is_refused_by_its_name(state: State) -> None:
    assert replace(MACHINE, state=state).refusal(NOW, HERE) == state.value


def test_validity_starts_with_its_first_second_and_ends_before_its_last() -> None:
    machine = replace(MACHINE, valid_from=NOW, valid_until=NOW + 10)
    assert machine.refusal(NOW - 1, HERE) == "valid from 2026-06-01T13:00:00Z"
    assert machine.refusal(NOW, HERE) is None
    assert machine.refusal(NOW + 9, HERE) is None
    assert machine.refusal(NOW + 10, HERE) == "valid until 2026-06-01T13:00:10Z"


def test_a_machine_may_not_act_outside_its_schedule() -> None:
    machine = replace(MACHINE, schedule=parse_schedule("mon 12:00-14:00 UTC"))
    assert machine.refusal(NOW, HERE) is None
    assert machine.refusal(NOW + 3600, HERE) == "outside its schedule (mon 12:00-14:00 UTC)"


def test_a_pinned_machine_may_act_from_its_networks_only() -> None:
    machine = replace(MACHINE, networks=(parse_network("10.1.0.0/16"),))
    assert machine.refusal(NOW, HERE) is None
    assert machine.refusal(NOW, ip_address("::ffff:10.1.2.3")) is None
    assert machine.refusal(NOW, ip_address("10.2.2.3")) == "not from 10.2.2.3"
    assert str(machine.refusal(NOW, None)).startswith("client address unknown")


def test_the_first_reason_is_told_in_a_fixed_order() -> None:
    steps = [
        {"state": State.PAUSED},
        {"valid_from": NOW + 1},
        {"valid_until": NOW},
        {"schedule": parse_schedule("tue 12:00-14:00 UTC")},
        {"networks": (parse_network("192.0.2.0/24"),)},
    ]
    machine = replace(MACHINE, **{name: value for step in steps for name, value in step.items()})
    reasons = ["paused", "valid from", "valid until", "outside its schedule", "not from 10.1.2.3"]
    neutral = {"state": State.ACTIVE, "valid_from": None, "valid_until": None, "schedule": None, "networks": ()}
    for step, reason in zip(steps, reasons, strict=True):
        assert str(machine.refusal(NOW, HERE)).startswith(reason)
        machine = replace(machine, **{name: neutral[name] for name in step})
    assert machine.refusal(NOW, HERE) is None


def test_an_active_machine_past_its_validity_is_shown_as_expired() -> None:
    machine = replace(MACHINE, valid_until=NOW)
    assert machine.effective_state(NOW - 1) is State.ACTIVE
    assert machine.effective_state(NOW) is State.EXPIRED
    assert replace(machine, state=State.REVOKED).effective_state(NOW) is State.REVOKED


def test_neither_the_key_nor_the_permitted_credentials_show_in_the_repr() -> None:
    machine = replace(MACHINE, credentials=Permits(hashes=frozenset({"the-hash"})))
    assert "the-hash" not in repr(machine)
    assert "kty" not in repr(machine)


def test_a_machine_is_hashable() -> None:
    assert len({MACHINE, replace(MACHINE), replace(MACHINE, id="m-2")}) == 2
