"""The way of a command past sentinels, without any I/O: whom they name is asked, and they are asked in time."""

from __future__ import annotations

from typing import Any

import pytest
import redis.exceptions

from mfa_middleware.replay.remote.routed import Routed
from mfa_middleware.replay.remote.routing import Leg, Node
from mfa_middleware.replay.remote.watch import Watch

from .told import WORDS, A, B, C, D, Servers, by_thread


class TestWatch:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [100.0]
        monkeypatch.setattr("mfa_middleware.replay.remote.watch.time.monotonic", lambda: now[0])
        return now

    def watch(self) -> Watch:
        return Watch([A, B, C], redis.exceptions, 0.05, "the-service")

    @pytest.mark.parametrize("answer", [[b"d", b"4"], ["d", 4]])
    def test_the_primary_is_asked_and_the_sentinels_once_a_second(self, clock: list[float], answer: Any) -> None:
        servers, found = Servers({}, answer), self.watch()
        ask = by_thread(found, servers)
        for now in (100.0, 101.0, 101.1, 102.0):
            clock[0] = now
            assert ask(*WORDS) == "judged by d"
        asked = [(A, "SENTINEL"), (D, "EVALSHA"), (D, "EVALSHA"), (A, "SENTINEL"), (D, "EVALSHA"), (D, "EVALSHA")]
        assert servers.asked == asked
        assert (found.primaries, found.nodes) == ((D,), (D,))

    def test_another_primary_is_noticed_though_the_one_before_answers(self, clock: list[float]) -> None:
        servers, found = Servers({}, [b"d", b"4"]), self.watch()
        ask = by_thread(found, servers)
        assert ask(*WORDS) == "judged by d"
        servers.slots, clock[0] = [b"e", b"5"], 101.5
        assert ask(*WORDS) == "judged by e"

    def test_a_primary_that_failed_is_asked_for_again_at_once(self, clock: list[float]) -> None:
        servers, found = Servers({}, [b"d", b"4"]), self.watch()
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told[D] = ConnectionRefusedError()
        with pytest.raises(ConnectionRefusedError):
            ask(*WORDS)
        servers.slots = [b"e", b"5"]
        assert ask(*WORDS) == "judged by e"

    def test_the_sentinel_that_answered_last_is_asked_first(self, clock: list[float]) -> None:
        servers, found = Servers({A: ConnectionRefusedError(), B: ConnectionRefusedError()}, [b"d", b"4"]), self.watch()
        ask = by_thread(found, servers)
        ask(*WORDS)
        clock[0] = 102.0
        ask(*WORDS)
        assert [node for node, words in servers.asked if words == "SENTINEL"] == [A, B, C, C]

    def test_without_sentinels_the_primary_is_who_it_was(self, clock: list[float]) -> None:
        servers, found = Servers({}, [b"d", b"4"]), self.watch()
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told = {A: ConnectionRefusedError(), B: ConnectionRefusedError(), C: ConnectionRefusedError()}
        clock[0] = 102.0
        assert [ask(*WORDS), ask(*WORDS)] == ["judged by d"] * 2
        assert [node for node, words in servers.asked if words == "SENTINEL"] == [A, A, B, C]
        servers.told[D] = ConnectionRefusedError()
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                ask(*WORDS)
        del servers.told[D]
        with pytest.raises(ConnectionRefusedError):  # a primary that failed may be one that was replaced
            ask(*WORDS)

    def test_a_service_that_the_sentinels_do_not_know(self, clock: list[float]) -> None:
        with pytest.raises(ConnectionError, match="the sentinels know no service the-service"):
            by_thread(self.watch(), Servers({}, None))(*WORDS)


def test_sentinels_are_reached_as_such_and_servers_are_not() -> None:
    servers, made = Servers({}, [b"d", b"4"]), []

    def client(node: Node, is_sentinel: bool) -> Any:
        made.append((node, is_sentinel))
        return servers.client(node, is_sentinel)

    Routed(Watch([A], redis.exceptions, 0.05, "the-service"), client).execute_command(*WORDS)
    assert made == [(A, True), (D, False)]
    assert Leg(A, WORDS).to_guide is False
