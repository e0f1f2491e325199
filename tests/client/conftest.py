from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mfa_middleware.client import PrivateKey, Signer
from tests.client.callers import AUTH, BELOW, Caller
from tests.client.server import ProofServer


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def server() -> Iterator[ProofServer]:
    with ProofServer() as serving:
        yield serving


@pytest.fixture
def other() -> Iterator[ProofServer]:
    with ProofServer() as serving:
        yield serving


@pytest.fixture
def open_caller(key: PrivateKey) -> Iterator[Callable[..., Caller]]:
    opened: list[Caller] = []

    def open_one(name: str, **options: Any) -> Caller:
        opened.append((BELOW | AUTH)[name](Signer(key, **options)))
        return opened[-1]

    yield open_one
    for caller in opened:
        caller.close()
