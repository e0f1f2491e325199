"""Both drivers of a check: what may block is waited for, and what does not is called straight away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, StoreError
from mfa_middleware.machines import Machine, Permits
from mfa_middleware.replay import Outcome, StoreState
from mfa_middleware.steps import Resources, run_async
from tests.helpers.bench import TOKEN, Bench, FakeRegistry
from tests.helpers.keys import stranger
from tests.helpers.proofs import ath, content_digest, jws
from tests.test_guard import RecordingStore


class Remote:
    """Whether a call was waited for, of each call."""

    def __init__(self) -> None:
        self.waited: list[bool] = []


class RemoteRegistry(FakeRegistry, Remote):
    """A registry that counts calls and waits."""

    def __init__(self, *machines: Machine) -> None:
        FakeRegistry.__init__(self, *machines)
        Remote.__init__(self)

    def find(self, thumbprint: str) -> Machine | None:
        self.waited.append(False)
        return super().find(thumbprint)

    async def find_async(self, thumbprint: str) -> Machine | None:
        self.waited.append(True)
        return super().find(thumbprint)


class RemoteStore(RecordingStore, Remote):
    """A store that counts calls and waits."""

    def __init__(self) -> None:
        RecordingStore.__init__(self)
        Remote.__init__(self)

    def refresh(self, owner: bytes = b"") -> StoreState:
        self.waited.append(False)
        return self.state(owner)

    async def refresh_async(self, owner: bytes = b"") -> StoreState:
        self.waited.append(True)
        return self.state(owner)

    def claim(self, *given: Any) -> Outcome:
        self.waited.append(False)
        return super().claim(*given)

    async def claim_async(self, *given: Any) -> Outcome:
        self.waited.append(True)
        return super().claim(*given)

    def state(self, owner: bytes = b"") -> StoreState:
        return StoreState(owner[:16].ljust(16, b"e"), owner.ljust(32, b"s"))


def bench_of(*, store: bool = False, registry: bool = False, **settings: Any) -> Any:
    bench: Any = Bench(store=RemoteStore(), **settings)
    bench.registry = RemoteRegistry(bench.machine)
    bench.store.blocking, bench.registry.blocking = store, registry
    bench.body, bench.limits = b"body", []
    return bench


def decide(bench: Any, *proofs: bytes, **changes: Any) -> Decision:
    async def read(limit: int) -> bytes:
        await asyncio.sleep(0)
        bench.limits.append(limit)
        return bytes(bench.body)

    request = bench.request(*proofs, **changes)
    return asyncio.run(run_async(bench.guard.check(request), Resources(bench.registry, bench.store, read)))


def code(decision: Decision) -> Code | None:
    return decision.refusal.code if decision.refusal else None


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("registry", [True, False])
class TestWaiting:
    def test_only_what_may_block_is_waited_for(self, store: bool, registry: bool) -> None:
        bench = bench_of(store=store, registry=registry, nonce="required", body_limit=99)
        given = decide(bench, bench.proof())
        assert code(given) is Code.USE_DPOP_NONCE
        accepted = decide(bench, bench.proof(nonce=given.nonce, htd=content_digest(b"body")))
        assert code(accepted) is None
        assert accepted.machine is bench.machine
        assert set(bench.store.waited) == {store}
        assert set(bench.registry.waited) == {registry}
        assert bench.limits == [99, 99]
        assert len(bench.store.claims) == 1

    def test_an_unknown_machine_is_unknown(self, store: bool, registry: bool) -> None:
        bench = bench_of(store=store, registry=registry)
        assert code(decide(bench, bench.proof(key=stranger()))) is Code.UNKNOWN_MACHINE

    @pytest.mark.parametrize(("token", "enforced"), [("mine", True), ("yours", False)])
    def test_whether_a_credential_is_permitted_to_some_machine_counts(
        self, store: bool, registry: bool, token: str, enforced: bool
    ) -> None:
        permits = Permits(hashes=frozenset({ath("mine")}))
        bench = bench_of(store=store, registry=registry, mode="enforce:0%", machine={"credentials": permits})
        decision = decide(bench, headers=[(b"authorization", f"Bearer {token}".encode())])
        assert decision.enforced is enforced
        assert decision.allowed is not enforced

    @pytest.mark.parametrize(("subject", "enforced"), [("press-4", True), ("press-5", False)])
    def test_so_does_whether_its_subject_is(self, store: bool, registry: bool, subject: str, enforced: bool) -> None:
        permits = Permits(subjects=frozenset({("https://idp", "press-4")}))
        bench = bench_of(store=store, registry=registry, mode="enforce:0%", machine={"credentials": permits})
        token = jws(bench.key, {"alg": "RS256"}, {"iss": "https://idp", "sub": subject}, signature=b"s")
        assert decide(bench, headers=[(b"authorization", b"Bearer " + token)]).enforced is enforced

    def test_an_unknown_key_is_proposed(self, store: bool, registry: bool) -> None:
        bench = bench_of(store=store, registry=registry, mode="report", first_use=True)
        assert code(decide(bench, bench.proof(key=stranger()))) is Code.UNKNOWN_MACHINE
        proposed: list[tuple[Mapping[str, Any], str]] = bench.registry.proposed
        assert proposed == [(stranger().jwk, "ES256")]

    def test_what_cannot_answer_accepts_nothing(self, store: bool, registry: bool) -> None:
        bench = bench_of(store=store, registry=registry)
        bench.store.outcome = StoreError("the disk is gone")
        decision = decide(bench, bench.proof())
        assert not decision.allowed
        assert code(decision) is Code.STORE_UNAVAILABLE


def test_the_credential_of_a_checked_request_is_the_one_it_carries() -> None:
    bench = bench_of(store=True, registry=True)
    assert decide(bench, bench.proof()).credential == ath(TOKEN)
