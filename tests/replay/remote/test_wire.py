"""What is no answer of the script is an error of the store, never an exception of another kind and never a NEW."""

from __future__ import annotations

import struct

import pytest

from mfa_middleware.errors import StoreError
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.remote.wire import EvictionError, pack, read

CLAIM = pack(b"k" * 16, b"o" * 16, 90.0, None, 1e9, b"")
HEAD = b"+" + b"e" * 16 + b"s" * 32 + struct.pack(">d", 1e9)


def test_an_answer_has_one_outcome_for_each_claim() -> None:
    assert read(HEAD + bytes((6, 2)), 1e9, CLAIM * 2).outcomes == [Outcome.NEW, Outcome.SEEN]
    assert read(HEAD, 1e9, b"").outcomes == []


@pytest.mark.parametrize(
    "answer",
    [None, 0, [], "+", b"", b"+", HEAD[:-1], HEAD, HEAD + bytes(2), HEAD + b"\x07", HEAD + b"\xff", b"x" * 58, b"C"],
)
def test_anything_else_is_an_error_of_the_store(answer: object) -> None:
    with pytest.raises(StoreError, match="did not answer as its script does"):
        read(answer, 1e9, CLAIM)


def test_a_policy_is_named() -> None:
    with pytest.raises(EvictionError, match="allkeys-lru"):
        read(b"Pallkeys-lru", 1e9, CLAIM)
