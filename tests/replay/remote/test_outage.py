"""A server that is stopped, hangs, comes back empty or not at all: nothing is accepted twice, and nobody waits long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.remote.breaker import Breaker
from mfa_middleware.replay.remote.store import RemoteStore
from tests.helpers.processes import free_port, until
from tests.helpers.valkey import Valkey
from tests.replay.remote.opening import app_name, closed, opened
from tests.replay.using import OWNER, key

Claim = Callable[[bytes, bytes | None], Outcome]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def store(valkey: Valkey, events: list[Event]) -> Iterator[RemoteStore]:
    store = opened(valkey, timeout=0.05, emit=events.append)
    yield store
    store.close()


@pytest.fixture(params=["threads", "tasks"])
def claim(request: pytest.FixtureRequest, store: RemoteStore) -> Iterator[Claim]:
    """Claims a key with a nonce of this epoch, from a thread or from a task."""

    def arguments(name: bytes, epoch: bytes | None) -> tuple[Any, ...]:
        return name, OWNER, 135.0, epoch or store.state().epoch, time.time() + 120

    if request.param == "threads":
        yield lambda name, epoch: store.claim(*arguments(name, epoch))
        return
    with asyncio.Runner() as runner:
        yield lambda name, epoch: runner.run(store.claim_async(*arguments(name, epoch)))
        runner.run(closed(store))


def _comes_back(store: RemoteStore, claim: Claim) -> None:
    """The first claims after an outage may be turned away; then all is as before."""

    def answers() -> bool:
        try:
            store.refresh()
            return claim(key(), None) is Outcome.NEW
        except StoreError:
            return False

    until(answers, "the store answers again", seconds=10)


def test_a_server_that_was_stopped_and_comes_back_empty(
    valkey: Valkey, store: RemoteStore, claim: Claim, events: list[Event]
) -> None:
    name, epoch = key(), store.state().epoch
    assert claim(name, epoch) is Outcome.NEW
    valkey.stop()
    for _ in range(5):
        with pytest.raises(StoreError, match="does not answer"):
            claim(key(), None)
    assert [event.kind for event in events] == ["store_lost"]
    valkey.start()
    _comes_back(store, claim)
    assert claim(name, epoch) is Outcome.COLD
    assert store.state().epoch != epoch
    assert [event.kind for event in events] == ["store_lost", "store_back", "store_began"]
    assert all(str(valkey.port) in event.detail for event in events)


def test_a_server_that_hangs_is_waited_for_briefly_and_then_not_at_all(
    valkey: Valkey, store: RemoteStore, claim: Claim, events: list[Event]
) -> None:
    name, epoch = key(), store.state().epoch
    assert claim(name, epoch) is Outcome.NEW
    valkey.hang()
    lost, waits = key(), []
    for attempt in range(30):
        began = time.perf_counter()
        with pytest.raises(StoreError):
            claim(lost if not attempt else key(), epoch)
        waits.append(time.perf_counter() - began)
    waits.sort()
    assert waits[len(waits) // 2] < 0.01  # the breaker is open: a median, as the machine is busy
    valkey.go_on()
    _comes_back(store, claim)
    assert claim(name, epoch) is Outcome.SEEN
    assert claim(lost, epoch) in (Outcome.SEEN, Outcome.NEW)
    assert claim(lost, epoch) is Outcome.SEEN


def test_a_claim_that_was_not_answered_is_not_made_again(valkey: Valkey, store: RemoteStore, claim: Claim) -> None:
    claim(key(), None)
    before = _calls(valkey)
    valkey.hang()
    with pytest.raises(StoreError):
        claim(key(), None)
    valkey.go_on()
    until(lambda: _calls(valkey) > before, "the server judges what it was asked")
    time.sleep(0.3)
    assert _calls(valkey) == before + 1


def test_a_server_that_only_restarted_its_connections_costs_nobody_a_claim(
    valkey: Valkey, store: RemoteStore, claim: Claim
) -> None:
    """Idle connections are closed by servers and by what stands between."""
    name, epoch = key(), store.state().epoch
    assert claim(name, epoch) is Outcome.NEW
    valkey.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    time.sleep(0.05)
    assert claim(name, epoch) is Outcome.SEEN


def test_a_script_that_the_server_has_forgotten_is_sent_again(valkey: Valkey, store: RemoteStore, claim: Claim) -> None:
    valkey.ask("SCRIPT", "FLUSH")
    assert claim(key(), None) is Outcome.NEW


def test_an_app_may_start_before_its_server(valkey: Valkey, events: list[Event]) -> None:
    valkey.stop()
    store = opened(valkey, timeout=0.05, emit=events.append)
    with pytest.raises(StoreError, match="has not answered yet"):
        store.state()
    with pytest.raises(StoreError):
        store.claim(key(), OWNER, 90.0, None, time.time() + 60)
    assert [event.kind for event in events] == ["store_lost"]
    valkey.start()
    until(lambda: _refreshed(store), "the store answers")
    assert store.claim(key(), OWNER, 135.0, store.state().epoch, time.time() + 120) is Outcome.NEW
    store.close()


def _refreshed(store: RemoteStore) -> bool:
    try:
        return bool(store.refresh().epoch)
    except StoreError:
        return False


def test_what_answers_on_the_port_may_be_no_such_server() -> None:
    """A web server, say: an error, not an answer, and no exception of another kind."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=babble, daemon=True).start()
        url = f"valkey://127.0.0.1:{listener.getsockname()[1]}"
        store = opened(None, url=url, timeout=0.5)  # type: ignore[arg-type]
        with pytest.raises(StoreError):
            store.claim(key(), OWNER, 90.0, None, time.time() + 60)
        with pytest.raises(StoreError):
            asyncio.run(_claim_async(store))
        store.close()


async def _claim_async(store: RemoteStore) -> Outcome:
    try:
        return await store.claim_async(key(), OWNER, 90.0, None, time.time() + 60)
    finally:
        await closed(store)


@pytest.mark.parametrize("login", ["", "nobody:wrong@", ":wrong@"])
def test_a_login_that_the_server_refuses_stops_the_start(valkey: Valkey, login: str) -> None:
    valkey.ask("CONFIG", "SET", "requirepass", "right")
    with pytest.raises(ConfigurationError, match=r"^MFA_REPLAY_STORE: .* refuses: ") as caught:
        opened(valkey, url=f"valkey://{login}127.0.0.1:{valkey.port}")
    assert "wrong" not in str(caught.value).replace("wrong number", "").lower().replace("wrongpass", "")


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "valkey", None)
    with pytest.raises(ConfigurationError, match=r"needs the package valkey: pip install 'mfa_middleware\[valkey\]'"):
        opened(None, url=f"valkey://127.0.0.1:{free_port()}", app=app_name())  # type: ignore[arg-type]


class TestBreaker:
    def test_three_failures_in_a_row_open_it(self) -> None:
        breaker = Breaker()
        assert [breaker.failed(0.0), breaker.failed(0.0)] == [False, False]
        assert not breaker.succeeded()
        assert [breaker.failed(0.0), breaker.failed(0.0), breaker.failed(0.0)] == [False, False, True]
        assert breaker.is_open

    def test_one_caller_in_half_a_second_tries(self) -> None:
        breaker = Breaker()
        for _ in range(3):
            assert breaker.admits(0.0)
            breaker.failed(0.0)
        assert [breaker.admits(now) for now in (0.0, 0.4, 0.5, 0.5, 0.9, 1.0)] == [
            False,
            False,
            True,
            False,
            False,
            True,
        ]

    def test_one_answer_closes_it(self) -> None:
        breaker = Breaker()
        for _ in range(3):
            breaker.failed(0.0)
        assert breaker.succeeded()
        assert breaker.admits(0.0)
        assert not breaker.failed(0.0)


def _calls(valkey: Valkey) -> int:
    told = str(valkey.ask("INFO", "commandstats"))
    lines = [line for line in told.splitlines() if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:"))]
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in lines)
