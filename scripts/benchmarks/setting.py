"""What is measured: one machine, its honest requests, and a service with a shared store in its steady state."""

from __future__ import annotations

import contextlib
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from mfa_middleware.client import PrivateKey, sign_headers
from mfa_middleware.http import Request
from mfa_middleware.jose.strict import decode_segment, split_compact
from mfa_middleware.machines import add
from mfa_middleware.replay import open_store
from mfa_middleware.replay.shared import SharedStore
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings

ORIGIN: Final = "http://127.0.0.1:8000"
CREDENTIAL: Final = {"X-API-Key": "a-static-key"}
_HEADERS: Final = [
    (b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench/1"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"),
    (b"x-api-key", b"a-static-key"),
]  # fmt: skip
_TOUCHED: Final = 60_000
T = TypeVar("T")


def cpu(work: Callable[[T], object], inputs: Sequence[T]) -> float:
    """CPU microseconds per call, over all inputs once."""
    began = time.process_time_ns()
    for one in inputs:
        work(one)
    return (time.process_time_ns() - began) / len(inputs) / 1000


def best(values: Iterable[float]) -> float:
    """The quietest round: what the machine can do when nothing else disturbs it."""
    return min(values)


def typical(values: Sequence[float]) -> float:
    """The median round."""
    return statistics.median(values)


@contextlib.contextmanager
def steady_store() -> Iterator[SharedStore]:
    """A `shared:` store of the default size whose pages have all been used, as after a minute of service."""
    store = open_store("shared:", capacity=1_000_000, quota=250_000, app=f"bench-{os.getpid()}", never_cold=True)
    assert isinstance(store, SharedStore)
    deadline = time.time() + 60
    for number in range(_TOUCHED):
        key = hashlib.blake2b(b"%d" % number, digest_size=16).digest()
        store.claim(key, (number % 50).to_bytes(16), 90.0, None, deadline)
    try:
        yield store
    finally:
        path = store.path
        store.close()
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """One enrolled machine and the service that knows it."""

    key: PrivateKey
    service: Service

    @classmethod
    @contextlib.contextmanager
    def of(
        cls, algorithm: str, store: SharedStore, further: Iterable[PrivateKey] = (), **settings: Any
    ) -> Iterator[Setting]:
        """`further`: keys of other machines that are enrolled as well."""
        key = PrivateKey.generate(algorithm)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "machines.json"
            for one in (key, *further):
                add(path, {"name": "bench", "jwk": one.public_jwk, "algorithm": one.alg, "credentials": ["any"]})
            given = {"machines": str(path), "origins": ORIGIN, **settings}
            service = Service(Settings.load(given, environ={}), store=store)
            yield cls(key, service)
            service.registry.close()

    def proofs(self, count: int) -> list[bytes]:
        """Fresh proofs, each for the same request."""
        return [fresh_proof(self.key) for _ in range(count)]


def fresh_proof(key: PrivateKey) -> bytes:
    """A proof for the request that everything here is measured with."""
    return sign_headers(key, "GET", f"{ORIGIN}/orders", headers=CREDENTIAL)["DPoP"].encode()


def request(proof: bytes) -> Request:
    """The request that a proof was made for, as a face builds it."""
    headers = [*_HEADERS, (b"dpop", proof)]
    return Request("GET", "http", "/orders", b"", headers, "/orders", "", True, "127.0.0.1", "127.0.0.1", False)


def signatures(proofs: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Signature and signed bytes of each proof, for the bare verification."""
    return [(decode_segment(c.signature), c.signing_input) for c in map(split_compact, proofs)]
