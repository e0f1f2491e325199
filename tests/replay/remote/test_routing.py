"""The way of a command through a cluster, without any I/O: which node is asked, in which order, how often."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import redis.exceptions
import valkey.exceptions

from mfa_middleware.replay.remote.layout import Layout
from mfa_middleware.replay.remote.routed import AsyncRouted, Routed
from mfa_middleware.replay.remote.routing import Node

from .told import TWO, WORDS, A, AsyncClient, B, C, D, Servers, by_thread

SLOT = 700
ONE = [[0, 16383, [b"a", 1, b"id", []]]]
LIBRARIES = pytest.mark.parametrize("errors", [redis.exceptions, valkey.exceptions])


def layout(errors: Any = redis.exceptions, seeds: Sequence[Node] = (A, B)) -> Layout:
    return Layout(seeds, errors, 0.05, lambda key: SLOT if key == b"{mfa:shop:3}:state" else 0)


def moved(errors: Any, text: str) -> Exception:
    """As the library raises it outside its cluster classes."""
    if errors is redis.exceptions:
        return errors.MovedError(text)
    return errors.ResponseError(f"MOVED {text}")


class TestLayout:
    def test_the_layout_is_learnt_once_and_the_primary_of_the_slot_is_asked(self) -> None:
        servers, found = Servers({}), layout()
        ask = by_thread(found, servers)
        assert [ask(*WORDS), ask(*WORDS)] == ["judged by b", "judged by b"]
        assert servers.asked == [(B, "CLUSTER"), (B, "EVALSHA"), (B, "EVALSHA")]
        assert found.primaries == (A, B)
        assert set(found.nodes) == {A, B, C}

    def test_the_bounds_of_a_range_belong_to_it(self) -> None:
        servers = Servers({}, [[0, 699, [b"a", 1]], [700, 700, [b"b", 2]], [701, 16383, [b"a", 1]]])
        assert by_thread(layout(), servers)(*WORDS) == "judged by b"

    @pytest.mark.parametrize("host", [b"", None, b"?", ""])
    def test_a_node_that_does_not_know_its_host_is_where_it_was_asked(self, host: Any) -> None:
        servers = Servers({}, [[0, 16383, [host, 9]]])
        assert by_thread(layout(seeds=[A]), servers)(*WORDS) == "judged by a"
        assert servers.asked[-1] == (("a", 9), "EVALSHA")

    def test_a_seed_that_refuses_connections_is_passed_over(self) -> None:
        for down in (
            ConnectionRefusedError(),
            redis.exceptions.ConnectionError(),
            redis.exceptions.ResponseError("LOADING"),
        ):
            servers = Servers({A: down}, [[0, 16383, [b"c", 3]]])
            assert [by_thread(layout(), servers)(*WORDS) for _ in range(2)] == ["judged by c"] * 2

    def test_where_none_answers_the_last_error_is_raised(self) -> None:
        servers = Servers({A: OSError("a"), B: OSError("b")})
        with pytest.raises(OSError, match="a"):
            by_thread(layout(), servers)(*WORDS)
        assert servers.asked == [(B, "CLUSTER"), (A, "CLUSTER")]

    def test_nobody_waits_for_a_second_node_after_a_slow_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = iter([10.0, 10.03])
        monkeypatch.setattr("mfa_middleware.replay.remote.routing.time.monotonic", lambda: next(now))
        servers = Servers({B: OSError("b")})
        with pytest.raises(OSError, match="b"):
            by_thread(layout(), servers)(*WORDS)
        assert servers.asked == [(B, "CLUSTER")]

    def test_another_node_is_asked_first_each_time(self) -> None:
        servers, found = Servers({A: OSError("a"), B: OSError("b"), C: OSError("c")}), layout(seeds=[A, B, C])
        for _ in range(3):
            with pytest.raises(OSError, match=r"^[abc]$"):
                by_thread(found, servers)(*WORDS)
        assert [node for node, _ in servers.asked[::3]] == [B, C, A]

    def test_a_slot_that_nobody_keeps(self) -> None:
        servers, found = Servers({}, []), layout()
        with pytest.raises(ConnectionError, match="no node of the cluster keeps slot 700"):
            by_thread(found, servers)(*WORDS)
        servers.slots = TWO
        assert by_thread(found, servers)(*WORDS) == "judged by b"


class TestFailures:
    @pytest.mark.parametrize(
        "error", [ConnectionRefusedError(), redis.exceptions.TimeoutError(), redis.exceptions.ResponseError("x")]
    )
    def test_a_node_that_failed_is_asked_again_only_after_another_told_the_layout(self, error: Exception) -> None:
        servers, found = Servers({}), layout()
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told[B] = error
        servers.asked.clear()
        with pytest.raises(type(error)):
            ask(*WORDS)
        assert servers.asked == [(B, "EVALSHA")]
        servers.slots = ONE
        assert ask(*WORDS) == "judged by a"
        assert servers.asked[1][1] == "CLUSTER"
        assert servers.asked[1][0] != B

    def test_a_node_that_is_back_is_asked_as_before(self) -> None:
        servers, found = Servers({}), layout()
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told[B] = ConnectionRefusedError()
        with pytest.raises(ConnectionRefusedError):
            ask(*WORDS)
        del servers.told[B]
        servers.asked.clear()
        assert [ask(*WORDS), ask(*WORDS)] == ["judged by b", "judged by b"]
        assert [words for _, words in servers.asked] == ["CLUSTER", "EVALSHA", "EVALSHA"]

    def test_a_script_that_is_not_there_is_no_failure(self) -> None:
        servers, found = Servers({}), layout()
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told[B] = redis.exceptions.NoScriptError()
        with pytest.raises(redis.exceptions.NoScriptError):
            ask(*WORDS)
        del servers.told[B]
        servers.asked.clear()
        assert ask("EVAL", *WORDS[1:]) == "judged by b"
        assert servers.asked == [(B, "EVAL")]

    def test_who_gives_up_waiting_is_heard_on_an_event_loop_too(self) -> None:
        servers, found = Servers({}), layout()
        routed = AsyncRouted(found, lambda node, _: AsyncClient(servers, node))

        async def use() -> None:
            assert await routed.execute_command(*WORDS) == "judged by b"
            servers.told[B] = asyncio.CancelledError()
            with pytest.raises(asyncio.CancelledError):
                await routed.execute_command(*WORDS)
            servers.slots = ONE
            assert await routed.execute_command(*WORDS) == "judged by a"
            await routed.aclose()

        asyncio.run(use())
        assert sorted(servers.closed) == [A, B, C]


@LIBRARIES
class TestMoved:
    def test_a_slot_that_has_moved_is_followed_and_remembered(self, errors: Any) -> None:
        servers = Servers({B: moved(errors, "700 d:4")})
        ask = by_thread(layout(errors), servers)
        assert [ask(*WORDS), ask(*WORDS)] == ["judged by d", "judged by d"]
        assert [node for node, words in servers.asked if words == "EVALSHA"] == [B, D, D]

    @pytest.mark.parametrize(("text", "target"), [("700 :7", ("b", 7)), ("700 ::1:7", ("::1", 7))])
    def test_the_host_may_be_left_out_and_may_have_colons(self, errors: Any, text: str, target: Node) -> None:
        servers = Servers({B: moved(errors, text)})
        by_thread(layout(errors), servers)(*WORDS)
        assert servers.asked[-1] == (target, "EVALSHA")

    def test_nodes_that_send_on_for_ever(self, errors: Any) -> None:
        servers = Servers({B: moved(errors, "700 c:3"), C: moved(errors, "700 b:2")})
        with pytest.raises(ConnectionError, match="slot 700 of the cluster is sent from node to node"):
            by_thread(layout(errors), servers)(*WORDS)
        assert [words for _, words in servers.asked].count("EVALSHA") == 4

    def test_a_slot_that_is_about_to_move_is_not_judged(self, errors: Any) -> None:
        servers = Servers({B: errors.AskError("700 c:3")})
        with pytest.raises(errors.AskError):
            by_thread(layout(errors), servers)(*WORDS)
        assert [node for node, words in servers.asked if words == "EVALSHA"] == [B]


class TestClients:
    def test_clients_of_nodes_that_are_gone_are_closed(self) -> None:
        servers, found = Servers({}), layout(seeds=[A])
        ask = by_thread(found, servers)
        ask(*WORDS)
        servers.told[B], servers.slots = ConnectionRefusedError(), [[0, 16383, [b"d", 4]]]
        with pytest.raises(ConnectionRefusedError):
            ask(*WORDS)
        assert ask(*WORDS) == "judged by d"
        assert B in servers.closed
        assert A not in servers.closed

    def test_all_are_closed_in_the_end(self) -> None:
        servers = Servers({})
        routed = Routed(layout(), servers.client)
        assert routed.primaries() == (A, B)
        routed.execute_command(*WORDS)
        routed.close()
        assert servers.closed == [B]
