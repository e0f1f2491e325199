"""The same proofs checked by others, where they are installed: what each adds to the bare verification."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from mfa_middleware.bearer import BearerReader
from mfa_middleware.credentials import Credential, hash_of
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


def _token(number: int) -> bytes:
    """A bearer JWT as identity providers make them; its signature is for the app to verify."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "2026-01"}
    claims = {
        "iss": "https://idp.example.com/", "sub": f"client-{number}", "aud": ["https://api.example.com"],
        "iat": 1_760_000_000, "exp": 1_760_003_600, "scope": "orders:read orders:write", "azp": f"client-{number}",
    }  # fmt: skip
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    return b".".join((*parts, base64.urlsafe_b64encode(hashlib.sha256(b"%d" % number).digest() * 8).rstrip(b"=")))


def firewall(rounds: int) -> dict[str, Any]:
    """The firewall on bearer JWTs that are honest, each seen for the first time."""
    tokens = [_token(number) for number in range(_COUNT)]
    credentials = [Credential("authorization", hash_of(token), token) for token in tokens]
    spent = best(cpu(BearerReader(frozenset({"RS256"})).read, credentials) for _ in range(rounds))
    return {"name": "firewall on an honest bearer JWT, first seen", "us": spent}
