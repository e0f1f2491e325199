"""A claim that was sent and not answered is not sent again, by either library, in any topology."""

from __future__ import annotations

from pathlib import Path

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from tests.helpers.fronts import Authority, front
from tests.helpers.processes import until
from tests.helpers.valkey import Valkey
from tests.helpers.valkey_sets import cluster, sentinels
from tests.replay.racing import OWNER, key

from .conftest import Every, Open
from .ways import Caller, calls

TIMEOUT = 0.2


def is_asked_once(caller: Caller, server: Valkey) -> bool:
    """A claim while the server hangs: whether it came there once at most, and counts once at most."""
    epoch = caller.state().epoch
    before = calls(server)
    server.hang()
    try:
        with pytest.raises(StoreError):
            caller.nonced(key(1), epoch=epoch)
    finally:
        server.go_on()
    until(lambda: server.ask("PING") == "PONG", "the server answers")
    asked = calls(server) - before
    until(lambda: caller.nonced(key(2), epoch=epoch) is Outcome.NEW, "the store is back", every=0.2)
    found = caller.nonced(key(1), epoch=epoch)
    return asked == 1 and found is Outcome.RETRIED


def test_a_server(opened: Open, valkey: Valkey) -> None:
    assert is_asked_once(opened(valkey.url, timeout=TIMEOUT), valkey)


def test_a_socket(opened: Open, valkey: Valkey) -> None:
    assert is_asked_once(opened(f"valkey+unix://{valkey.socket}", timeout=TIMEOUT), valkey)


def test_tls(opened: Open, valkey: Valkey, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with front(valkey.port, authority.context("127.0.0.1")) as tls:
        url = f"valkeys://127.0.0.1:{tls.port}?ssl_ca_certs={authority.path}"
        assert is_asked_once(opened(url, timeout=TIMEOUT), valkey)


def test_a_primary_that_sentinels_watch(every: Every, tmp_path: Path) -> None:
    with sentinels(tmp_path, watchers=1) as watched:
        for caller in every(watched.url("valkey"), timeout=TIMEOUT):
            assert is_asked_once(caller, watched.primary)


def test_a_node_of_a_cluster(every: Every, tmp_path: Path) -> None:
    with cluster(tmp_path) as found:
        for caller in every(found.url("valkey"), timeout=TIMEOUT):
            assert is_asked_once(caller, found.node_of(f"{{mfa:{caller.app}:{OWNER[0] % 16}}}"))


@pytest.mark.parametrize("with_tls", [False, True])
def test_a_connection_that_ends_before_the_answer(
    opened: Open, calm_valkey: Valkey, tmp_path: Path, with_tls: bool
) -> None:
    authority = Authority(tmp_path)
    with front(calm_valkey.port, authority.context("127.0.0.1") if with_tls else None) as cut:
        options = f"?ssl_ca_certs={authority.path}" if with_tls else ""
        caller = opened(f"valkey{'s' if with_tls else ''}://127.0.0.1:{cut.port}{options}")
        epoch = caller.state().epoch
        before, cut.cutting = calls(calm_valkey), True
        with pytest.raises(StoreError):
            caller.nonced(key(1), epoch=epoch)
        assert calls(calm_valkey) - before == 1
        cut.cutting = False
        assert caller.nonced(key(1), epoch=epoch) is Outcome.RETRIED
