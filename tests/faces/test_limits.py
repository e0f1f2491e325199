"""Where there is little room, every face says of what: the body, a machine's quota, the replay store, time.

The twin has MFA_NONCE=off, bodies of 4000 bytes, five live proofs for each machine, and room for a thousand.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import Code
from mfa_middleware.replay import Outcome
from mfa_middleware.replay.files import store_path
from mfa_middleware.replay.shared import SharedStore
from tests.faces.answers import assert_refused
from tests.faces.conftest import SMALL_BODY, SMALL_QUOTA
from tests.faces.matrix import FACES, Trait
from tests.faces.serving import Served
from tests.helpers.processes import until
from tests.helpers.rawhttp import Response, chunked, head

_AT_ONCE = [name for name, face in FACES.items() if face.origin is None]
_AFTER_A_WHILE = [name for name, face in FACES.items() if face.origin is not None]
_FOREIGN = b"what I wanted to keep\n" * 1000
_for_each = pytest.mark.parametrize


def _get(twin: Served, machine: str = "depot", **options: Any) -> Response:
    return twin.call(machine, "GET", "/orders", nonce=None, **options)


@pytest.fixture
def foreign_file(twin: Served) -> Iterator[Path]:
    """Somebody puts a file of his own in the place of the store's."""
    path = store_path(twin.app)
    foreign = path.with_name(f"{path.name}.foreign")
    foreign.write_bytes(_FOREIGN)
    foreign.chmod(0o600)
    foreign.replace(path)
    yield path
    path.unlink(missing_ok=True)


def test_a_body_over_the_limit(twin: Served) -> None:
    body = b"x" * (SMALL_BODY + 1)
    assert_refused(twin.call("depot", "POST", "/orders", body, nonce=None), Code.BODY_TOO_LARGE)


def test_a_chunked_body_over_the_limit(twin: Served) -> None:
    body = b"x" * (SMALL_BODY + 1)
    lines = [*twin.signed("depot", "POST", "/orders", body=body, nonce=None), ("Transfer-Encoding", "chunked")]
    start = head("POST", f"{twin.face.wire}/orders", lines, host=twin.host)
    with twin.wire() as wire:
        answer = wire.send(start + b"".join(chunked([body[:2_000], body[2_000:]]))).answer("POST")
    assert_refused(answer, Code.BODY_TOO_LARGE if twin.face.has(Trait.CHUNKED) else Code.WRONG_DIGEST)


@pytest.mark.parametrize("ahead", [-90, 60])
def test_a_proof_from_another_time(twin: Served, ahead: int) -> None:
    document = assert_refused(_get(twin, iat=int(time.time()) + ahead), Code.STALE_PROOF)
    assert document["clock_offset"] == pytest.approx(-ahead, abs=30)


@_for_each("pair", _AFTER_A_WHILE, indirect=True, scope="session")
def test_a_store_that_just_began_counts_nothing_without_a_nonce(twin: Served) -> None:
    assert_refused(_get(twin), Code.STORE_UNAVAILABLE)


@_for_each("pair", _AT_ONCE, indirect=True, scope="session")
def test_a_machine_has_so_many_live_proofs(twin: Served) -> None:
    assert [_get(twin, "lab").status for _ in range(SMALL_QUOTA)] == [200] * SMALL_QUOTA
    for answer in twin.by_all_workers(lambda: _get(twin, "lab")):
        assert_refused(answer, Code.MACHINE_QUOTA)
    assert _get(twin, "office").status == 200


@_for_each("pair", _AT_ONCE, indirect=True, scope="session")
def test_a_full_store_accepts_nobody_and_forgets_nothing(twin: Served) -> None:
    lines = twin.signed("archive", "GET", "/orders")
    assert twin.send("GET", "/orders", lines).status == 200
    _fill(twin.app)
    for answer in twin.by_all_workers(lambda: _get(twin, "depot")):
        assert_refused(answer, Code.STORE_FULL)
    assert_refused(twin.send("GET", "/orders", lines), Code.REPLAYED)


def _fill(app: str) -> None:
    """Another process of the app uses the store up: of more than its capacity of random keys, none finds room."""
    store = SharedStore(capacity=1_000, quota=100_000, app=app, never_cold=True)
    try:
        outcomes = [
            store.claim(secrets.token_bytes(16), b"someone else 16B", 90, None, time.time() + 60) for _ in range(8_000)
        ]
    finally:
        store.close()
    assert set(outcomes[-1_000:]) == {Outcome.FULL}


@_for_each("pair", _AT_ONCE, indirect=True, scope="session")
def test_a_store_that_cannot_be_used_accepts_nobody_until_it_is_mended(twin: Served, foreign_file: Path) -> None:
    until(lambda: _get(twin).code == Code.STORE_UNAVAILABLE, "the foreign file is noticed", seconds=3)
    for answer in twin.by_all_workers(lambda: _get(twin)):
        assert_refused(answer, Code.STORE_UNAVAILABLE)
    assert foreign_file.read_bytes() == _FOREIGN
    foreign_file.unlink()
    assert _get(twin, "kiosk", source="127.0.0.2").status == 200
