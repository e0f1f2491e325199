"""While the store of all hosts is away, this host's store judges what nobody else can have accepted, and no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mfa_middleware.clock import SYSTEM_CLOCK
from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.proofs.nonce import NonceMint
from mfa_middleware.replay import Outcome, ReplayStore
from mfa_middleware.replay.fallback import FallbackStore
from mfa_middleware.replay.shared import SharedStore
from mfa_middleware.settings import Settings
from mfa_middleware.stores import open_configured
from tests.helpers.processes import until
from tests.helpers.valkey import Valkey, running
from tests.replay.remote.opening import app_name, opened
from tests.replay.using import OWNER, key


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def app() -> str:
    return app_name()


Host = Callable[[str], FallbackStore]


@pytest.fixture
def host(valkey: Valkey, tmp_path: Path, events: list[Event], app: str) -> Iterator[Host]:
    """Makes the store of a host, of which there may be several."""
    made: list[ReplayStore] = []

    def make(name: str) -> FallbackStore:
        first = opened(valkey, app=app, timeout=0.05)
        own = SharedStore(capacity=1000, quota=1000, app=name, directory=tmp_path)
        made.append(FallbackStore(first, own, SYSTEM_CLOCK, events.append))
        return made[-1]

    yield make
    for store in made:
        store.close()


def _nonced(store: ReplayStore, name: bytes, epoch: bytes) -> Outcome:
    return store.claim(name, OWNER, 135.0, epoch, time.time() + 120)


def _plain(store: ReplayStore, name: bytes) -> Outcome:
    return store.claim(name, OWNER, 90.0, None, time.time() + 60)


def _is_back(store: FallbackStore) -> bool:
    return store.refresh() == store._first.state()


def test_a_proof_that_the_first_store_accepted_is_not_accepted_by_the_host(valkey: Valkey, host: Host) -> None:
    store, name = host("one"), key()
    epoch = store.refresh().epoch
    assert _nonced(store, name, epoch) is Outcome.NEW
    valkey.stop()
    assert _nonced(store, name, epoch) is Outcome.COLD
    assert _plain(store, name) is Outcome.COLD


def test_a_proof_with_a_nonce_of_the_host_is_accepted_once(valkey: Valkey, host: Host, events: list[Event]) -> None:
    one, other, name = host("one"), host("other"), key()
    valkey.stop()
    assert _plain(one, name) is Outcome.COLD
    epoch = one.refresh().epoch
    assert _nonced(one, name, epoch) is Outcome.NEW
    assert _nonced(one, name, epoch) is Outcome.SEEN
    assert _nonced(other, name, epoch) is Outcome.COLD
    valkey.start()
    until(lambda: _is_back(one) and _is_back(other), "both hosts are back")
    assert [_nonced(store, name, epoch) for store in (one, other)] == [Outcome.SEEN, Outcome.COLD]
    assert _nonced(other, name, one.refresh().epoch) is Outcome.NEW
    assert _nonced(one, name, one.refresh().epoch) is Outcome.SEEN
    kinds = [event.kind for event in events]
    assert kinds == ["store_fallback", "store_fallback", "store_fallback_over", "store_fallback_over"]


def test_workers_that_notice_an_outage_at_different_times_send_no_machine_back_and_forth(
    valkey: Valkey, host: Host
) -> None:
    one, other, name = host("same"), host("same"), key()
    mint, thumbprint = NonceMint(None), "a" * 43
    before = other.refresh()
    valkey.stop()
    assert _plain(one, name) is Outcome.COLD
    nonce = mint.mint(one.refresh(), thumbprint, time.time())
    assert other.state() == before
    issued = mint.issued(other.state(), nonce, thumbprint, time.time())
    assert issued is not None
    assert _nonced(other, name, issued.epoch) is Outcome.NEW
    assert _nonced(one, name, issued.epoch) is Outcome.SEEN


def test_tasks_get_the_answers_that_threads_get(valkey: Valkey, host: Host) -> None:
    store, name = host("one"), key()

    async def outage() -> list[Outcome]:
        claim = store.claim_async
        epoch = (await store.refresh_async()).epoch
        outcomes = [await claim(name, OWNER, 135.0, epoch, time.time() + 120)]
        valkey.stop()
        outcomes.append(await claim(name, OWNER, 90.0, None, time.time() + 60))
        own = (await store.refresh_async()).epoch
        outcomes += [await claim(name, OWNER, 135.0, one, time.time() + 120) for one in (epoch, own, own)]
        await asyncio.gather(*[loop._client.aclose() for loop in store._first._loops.values()])
        return outcomes

    assert asyncio.run(outage()) == [Outcome.NEW, Outcome.COLD, Outcome.COLD, Outcome.NEW, Outcome.SEEN]


class TestSettings:
    @staticmethod
    def _open(**given: str) -> ReplayStore:
        return open_configured(Settings.load({"app": app_name(), "origins": "https://api.example.com", **given}))

    def test_closed_is_the_default(self, valkey: Valkey) -> None:
        store = self._open(replay_store=valkey.url)
        epoch = store.state().epoch
        valkey.stop()
        with pytest.raises(StoreError):
            _nonced(store, key(), epoch)
        store.close()

    def test_the_host_stands_in_where_that_is_asked_for(self, valkey: Valkey) -> None:
        store = self._open(replay_store=valkey.url, store_outage="host")
        valkey.stop()
        assert _plain(store, key()) is Outcome.COLD
        assert _nonced(store, key(), store.refresh().epoch) is Outcome.NEW
        store.close()
        store.path.unlink()  # type: ignore[attr-defined]

    @pytest.mark.parametrize("given", [{"replay_store": "shared:"}, {"replay_store": "memory:"}, {"nonce": "off"}])
    def test_what_cannot_stand_in_stops_the_start(self, valkey: Valkey, given: dict[str, str]) -> None:
        with pytest.raises(ConfigurationError, match=r"^MFA_STORE_OUTAGE: .*write "):
            self._open(**{"replay_store": valkey.url, "store_outage": "host", **given})
