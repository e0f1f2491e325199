"""The same proofs checked by others, where they are installed: what each adds to the bare verification."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, Final

from scripts.benchmarks.checks import bare_verify, prepared
from scripts.benchmarks.setting import CREDENTIAL, ORIGIN, Setting, best, cpu, steady_store

_COUNT: Final = 300
_LIVE: Final = 10_000
_URL: Final = f"{ORIGIN}/orders"

Check = Callable[[bytes], object]


def _pyjwt() -> Check:
    """What tutorials show: the key out of the header, PyJWT, a few comparisons; no replay check, no strict parser."""
    import jwt

    ath = base64.urlsafe_b64encode(hashlib.sha256(CREDENTIAL["X-API-Key"].encode()).digest()).rstrip(b"=").decode()

    def check(proof: bytes) -> None:
        header = jwt.get_unverified_header(proof)
        assert header["typ"] == "dpop+jwt"
        key = jwt.PyJWK(header["jwk"], algorithm="ES256").key
        claims = jwt.decode(proof, key, algorithms=["ES256"], options={"require": ["iat", "jti"]}, leeway=15)
        assert (claims["htm"], claims["htu"], claims["ath"]) == ("GET", _URL, ath)

    return check


def _pydpop(live: int) -> Check:
    """pydpop with its replay store, in which this many proofs are live."""
    import pydpop  # type: ignore[import-untyped]

    store = pydpop.MemoryJtiStore()
    for number in range(live):
        store.add(f"live-{number}")

    def check(proof: bytes) -> None:
        pydpop.verify_proof(
            proof=proof.decode(), htm="GET", htu=_URL, access_token=CREDENTIAL["X-API-Key"], jti_store=store
        )

    return check


def _installed() -> Iterator[tuple[str, Callable[[], Check]]]:
    if importlib.util.find_spec("jwt"):
        yield "PyJWT used naively, no replay check", _pyjwt
    if importlib.util.find_spec("pydpop"):
        yield f"pydpop, at most {_COUNT} live proofs", lambda: _pydpop(0)
        yield f"pydpop, {_LIVE:,} live proofs", lambda: _pydpop(_LIVE)


def peers(rounds: int) -> Iterator[dict[str, Any]]:
    """CPU per proof of the same machine, ES256, and what it costs beyond the bare verification."""
    with steady_store() as store, Setting.of("ES256", store) as setting:
        for name, make in _installed():
            checks, bares = [], []
            for _ in range(rounds):
                proofs = setting.proofs(_COUNT)
                checks.append(cpu(make(), proofs))
                bares.append(cpu(bare_verify(setting), prepared(setting, proofs)))
            yield {
                "name": name, "us": best(checks), "bare_us": best(bares), "ratio": best(checks) / best(bares),
                "added_us": best(checks) - best(bares),
            }  # fmt: skip
