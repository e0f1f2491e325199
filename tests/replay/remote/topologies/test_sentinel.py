"""A primary that sentinels watch: what holds when it is gone and its replica takes over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.replay import Outcome
from tests.helpers.processes import until
from tests.helpers.valkey_sets import sentinels
from tests.replay.clocks import HandClock
from tests.replay.racing import key

from .conftest import Every
from .ways import Caller, Way

WARM = 26.0


def answers(caller: Caller) -> bool:
    try:
        caller.state()
    except StoreError:
        return False
    return True


def test_after_a_failover_no_proof_counts_again_and_service_is_back(every: Every, tmp_path: Path) -> None:
    clock, events = HandClock(), list[Event]()
    with sentinels(tmp_path) as watched:
        callers = every(watched.url("valkey"), clock, timeout=1.0, emit=events.append)
        clock.advance(WARM)
        used, epochs = clock.wall(), [caller.state().epoch for caller in callers]
        for caller in callers:
            assert [caller.plain(key(1)), caller.nonced(key(2))] == [Outcome.NEW, Outcome.NEW]
        assert watched.is_replicated()
        for caller in callers:
            assert caller.plain(key(3)) is Outcome.NEW  # which the replica may not have heard of

        watched.fail_over()

        for caller, epoch in zip(callers, epochs, strict=True):
            until(lambda one=caller: answers(one), "the store is back", seconds=10)
            assert caller.state().epoch != epoch
            assert [caller.nonced(key(4)), caller.nonced(key(4))] == [Outcome.NEW, Outcome.RETRIED]
        for _ in range(13):
            for caller, epoch in zip(callers, epochs, strict=True):
                assert caller.plain(key(1), issued=used) in (Outcome.COLD, Outcome.STALE)
                assert caller.nonced(key(2), epoch=epoch) is Outcome.COLD
                assert caller.plain(key(3), issued=used) in (Outcome.COLD, Outcome.STALE)
            clock.advance(10)
        assert [caller.plain(key(5)) for caller in callers] == [Outcome.NEW] * len(callers)
    assert [event.kind for event in events].count("store_began") == len(callers)


def test_a_primary_that_was_replaced_and_goes_on_is_not_asked_any_more(every: Every, tmp_path: Path) -> None:
    with sentinels(tmp_path, watchers=1) as watched:
        callers = every(watched.url("valkey"), timeout=1.0)
        epochs = [caller.state().epoch for caller in callers]
        for caller in callers:
            assert caller.nonced(key(1)) is Outcome.NEW
        watched.fail_over(hang=True)
        watched.primary.go_on()
        for caller, epoch in zip(callers, epochs, strict=True):
            assert caller.nonced(key(2), epoch=epoch) is Outcome.COLD
            assert caller.state().epoch != epoch


def test_while_no_sentinel_answers_the_primary_is_who_it_was(every: Every, tmp_path: Path) -> None:
    with sentinels(tmp_path, watchers=1) as watched:
        callers = every(watched.url("valkey"), timeout=0.4)
        for caller in callers:
            assert caller.nonced(key(1)) is Outcome.NEW
        for harm in (watched.watchers[0].hang, watched.watchers[0].kill):
            harm()
            time.sleep(1.1)  # the sentinels are asked once a second
            assert [caller.nonced(key(1)) for caller in callers] == [Outcome.RETRIED] * len(callers)


def test_sentinels_that_have_no_such_service(way: Way, tmp_path: Path) -> None:
    events: list[Event] = []
    with sentinels(tmp_path, watchers=1) as watched:
        caller = way.open(watched.url("valkey").replace(watched.service, "other"), emit=events.append)
        with pytest.raises(StoreError):
            caller.state()
        caller.close()
        assert "other" in events[0].detail


def test_a_user_of_the_sentinels_and_one_of_the_server(way: Way, tmp_path: Path) -> None:
    with sentinels(tmp_path, watchers=1) as watched:
        watched.watchers[0].ask("ACL", "SETUSER", "watch", "on", ">one", "+@all", "allchannels")
        watched.watchers[0].ask("ACL", "SETUSER", "default", "off")
        watched.primary.ask("ACL", "SETUSER", "mfa", "on", ">two", "~*", "+@all")
        url = watched.url("valkey").replace("//", "//mfa:two@")
        caller = way.open(f"{url}?sentinel_username=watch&sentinel_password=one")
        assert caller.nonced(key(1)) is Outcome.NEW
        caller.close()
        with pytest.raises(ConfigurationError, match="refuses: ") as caught:
            way.open(f"{url.replace('two', 'wrong')}?sentinel_username=watch&sentinel_password=one")
        assert "wrong" not in str(caught.value).replace("WRONGPASS", "")
