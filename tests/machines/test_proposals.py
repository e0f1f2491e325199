from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.machines import FileRegistry, Permits, State, add, load, proposals, set_state
from mfa_middleware.machines.lock import locked
from mfa_middleware.machines.proposals import candidate, propose

from .conftest import Registered
from .keys import Jwk, entry_of, new_jwk
from .processes import finish, start


@pytest.fixture
def registry(registered: Registered) -> FileRegistry:
    registry = registered.open()
    registered.events.clear()
    return registry


def written(registry: FileRegistry) -> None:
    registry._proposals.wait(10)


def test_an_unknown_key_becomes_a_pending_machine_that_permits_nothing(
    registered: Registered, registry: FileRegistry, jwk: Jwk
) -> None:
    registry.propose(jwk, "ES256")
    written(registry)
    (machine,) = load(registered.path)
    assert (machine.thumbprint, machine.algorithm, machine.state) == (thumbprint(jwk), "ES256", State.PENDING)
    assert (machine.credentials, machine.created) == (Permits(), registered.clock.now)
    (event,) = registered.events
    assert (event.kind, event.machine, event.thumbprint) == ("machine_proposed", machine.id, machine.thumbprint)
    assert f"mfa-middleware machines resume {machine.id}" in event.detail
    registered.clock.advance(1)
    assert registry.find(thumbprint(jwk)) == machine


def test_a_key_is_proposed_once_and_a_known_one_never(registered: Registered, registry: FileRegistry) -> None:
    known, announced, fresh = new_jwk(), new_jwk(), new_jwk()
    add(registered.path, entry_of(known, next_thumbprint=thumbprint(announced)))
    set_state(registered.path, "m-1", "revoked")
    for _ in range(3):
        for key in (known, announced, fresh):
            registry.propose(key, "ES256")
        written(registry)
    assert [machine.thumbprint for machine in load(registered.path)] == [thumbprint(known), thumbprint(fresh)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda jwk: ({**jwk, "y": jwk["x"]}, "ES256"),
        lambda jwk: ({**jwk, "d": "AAAA"}, "ES256"),
        lambda jwk: ({"kty": "oct", "k": "AAAA"}, "ES256"),
        lambda jwk: (jwk, "HS256"),
        lambda jwk: (jwk, "ES384"),
    ],
)
def test_an_invalid_key_is_not_proposed(
    registered: Registered, registry: FileRegistry, jwk: Jwk, wrong: Callable[[Jwk], tuple[Jwk, str]]
) -> None:
    registry.propose(*wrong(jwk))
    written(registry)
    assert not registered.path.exists()


def test_a_request_does_not_wait_for_another_writer(registered: Registered, registry: FileRegistry, jwk: Jwk) -> None:
    with locked(registered.path):
        started = time.monotonic()
        registry.propose(jwk, "ES256")
        assert time.monotonic() - started < 1
    written(registry)
    assert len(load(registered.path)) == 1


def test_no_more_than_a_bounded_number_waits_for_approval(
    registered: Registered, registry: FileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MAX_PENDING", 3)
    for _ in range(6):
        registry.propose(new_jwk(), "ES256")
        written(registry)
    assert len(load(registered.path)) == 3
    assert registered.kinds() == ["machine_proposed"] * 3 + ["proposals_full"]


def test_approved_machines_make_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MAX_PENDING", 1)
    one, two = (candidate(new_jwk(), "ES256", 0) for _ in range(2))
    assert propose(path, [one, two]) == ([one], 1)
    set_state(path, one.id, "active")
    assert propose(path, [one, two]) == ([two], 0)


def test_what_a_process_remembers_is_bounded(
    registered: Registered, registry: FileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "_MAX_REMEMBERED", 2)
    for _ in range(5):
        registry.propose(new_jwk(), "ES256")
    written(registry)
    assert len(load(registered.path)) == 2
    assert sorted(registered.kinds()) == ["machine_proposed"] * 2 + ["proposals_full"]


def test_a_failure_is_told_once_per_attempt_and_not_tried_by_every_request(
    registered: Registered, registry: FileRegistry, jwk: Jwk
) -> None:
    registered.write_text("{")
    for _ in range(3):
        registry.propose(jwk, "ES256")
        written(registry)
    assert registered.kinds() == ["proposal_failed"]
    assert registered.path.read_text() == "{"


def test_many_threads_propose_the_same_keys_once(registered: Registered, registry: FileRegistry) -> None:
    keys = [new_jwk() for _ in range(20)]

    def run() -> None:
        for key in keys:
            registry.propose(key, "ES256")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written(registry)
    found = load(registered.path)
    assert {machine.thumbprint for machine in found} == set(map(thumbprint, keys))
    assert len(found) == 20


def test_a_forked_child_proposes_on_its_own(path: Path) -> None:
    source = """
        registry = FileRegistry(sys.argv[1])
        registry.propose(new_jwk(), "ES256")
        child = os.fork()
        registry.propose(new_jwk(), "ES256")
        registry.propose(new_jwk(), "ES256")
        registry._proposals.wait(10)
        if child == 0:
            os._exit(0)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    finish([start(source, str(path))])
    assert len(load(path)) == 5
