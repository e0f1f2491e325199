"""A store may take the nonces of a second state (StoreState.other), as a host does that stands in for a server."""

from __future__ import annotations

import pytest

from mfa_middleware.proofs.nonce import LIFE, Issued, NonceMint
from mfa_middleware.replay import StoreState
from tests.helpers.bench import NOW, Bench
from tests.helpers.keys import key_for, stranger
from tests.test_guard import RecordingStore

BEFORE = StoreState(b"of the server   ", b"b" * 32)
PRESENT = StoreState(b"of this host    ", b"a" * 32, other=BEFORE)
MINE, THEIRS = key_for("ES256").thumbprint, stranger().thumbprint


class StandIn(RecordingStore):
    """Mints in one state, and takes the nonces of two."""

    def state(self, owner: bytes = b"") -> StoreState:
        return PRESENT

    refresh = state


@pytest.mark.parametrize("secret", [None, b"s" * 32])
class TestMint:
    def test_a_nonce_of_either_counts_and_tells_its_own_epoch(self, secret: bytes | None) -> None:
        mint = NonceMint(secret)
        for state in (PRESENT, BEFORE):
            nonce = mint.mint(state, MINE, NOW - 7)
            assert mint.issued(PRESENT, nonce, MINE, NOW) == Issued(NOW - 7, state.epoch)

    def test_none_is_minted_from_the_second(self, secret: bytes | None) -> None:
        mint = NonceMint(secret)
        assert mint.issued(BEFORE, mint.mint(PRESENT, MINE, NOW), MINE, NOW) is None

    def test_one_of_the_second_is_as_bound_and_as_short_lived(self, secret: bytes | None) -> None:
        mint = NonceMint(secret)
        nonce = mint.mint(BEFORE, MINE, NOW)
        assert mint.issued(PRESENT, nonce, MINE, NOW + LIFE) is not None
        assert mint.issued(PRESENT, nonce, MINE, NOW + LIFE + 1) is None
        assert mint.issued(PRESENT, nonce, MINE, NOW - 6) is None
        assert mint.issued(PRESENT, nonce, THEIRS, NOW) is None
        assert mint.issued(PRESENT, nonce[:-1] + ("A" if nonce[-1] != "A" else "B"), MINE, NOW) is None

    def test_a_third_state_counts_for_neither(self, secret: bytes | None) -> None:
        mint = NonceMint(secret)
        assert mint.issued(PRESENT, mint.mint(StoreState(b"third".ljust(16), b"c" * 32), MINE, NOW), MINE, NOW) is None


def test_a_proof_is_claimed_in_the_epoch_of_its_nonce() -> None:
    store = StandIn()
    bench, mint = Bench(store=store), NonceMint(None)
    for state in (BEFORE, PRESENT):
        assert bench.code(bench.proof(nonce=mint.mint(state, MINE, NOW), iat=0)) is None
    assert [claim[3] for claim in store.claims] == [BEFORE.epoch, PRESENT.epoch]
