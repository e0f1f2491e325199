"""What the operator reads where a proof cannot be judged is true."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from tests.helpers.bench import Bench


def refused(decision: Decision) -> tuple[Code, str]:
    assert decision.refusal is not None
    return decision.refusal.code, decision.refusal.detail


def test_without_nonces_a_proof_from_before_the_memory_is_never_judged_and_a_later_one_is() -> None:
    bench = Bench(nonce="off", never_cold=False)
    early = bench.proof()
    for seconds in (0.0, 20.0, 30.0):
        bench.clock.advance(seconds)
        code, detail = refused(bench.check(early))
        assert code is Code.STORE_UNAVAILABLE
        assert "a restart, or a clock that was set" in detail
        assert "signed more than 25 s after that: sign a new one then, or write MFA_NONCE=recover" in detail
        assert "wait" not in detail
    assert bench.code() is None


@pytest.mark.parametrize("settings", [{}, {"nonce": "recover"}, {"nonce": "required"}])
def test_with_nonces_the_machine_signs_anew_at_once(settings: dict[str, Any]) -> None:
    bench = Bench(never_cold=False, **settings)
    decision = bench.check()
    assert refused(decision)[0] is Code.USE_DPOP_NONCE
    assert decision.nonce is not None
    assert bench.code(bench.proof(nonce=decision.nonce)) is None


def test_with_nonces_the_reason_is_told() -> None:
    code, detail = refused(Bench(never_cold=False).check())
    assert code is Code.USE_DPOP_NONCE
    assert "before the memory of the store began (a restart, or a clock that was set)" in detail
    assert "with the nonce that it is given now" in detail
