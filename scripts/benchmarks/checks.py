"""The cost of a whole check, of refusing what is broken, and of the middleware around an app."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Message, Scope

from mfa_middleware.asgi import MFAMiddleware
from mfa_middleware.client import PrivateKey
from mfa_middleware.jose.jwk import load_public_key
from mfa_middleware.route import PROTECTED
from mfa_middleware.service import Service
from scripts.benchmarks.setting import Setting, best, cpu, fresh_proof, request, signatures, steady_store, typical

_COUNT: Final = 1_000
_KEYS: Final = 200


def bare_verify(setting: Setting) -> Callable[[tuple[bytes, bytes]], object]:
    """The signature verification that nobody can do without, with its inputs as `cryptography` wants them."""
    public = load_public_key(setting.key.public_jwk)
    if setting.key.alg != "ES256":
        return lambda pair: public.verify(*pair)
    algorithm = ec.ECDSA(hashes.SHA256())
    return lambda pair: public.verify(*pair, algorithm)


def prepared(setting: Setting, proofs: list[bytes]) -> list[tuple[bytes, bytes]]:
    pairs = signatures(proofs)
    if setting.key.alg != "ES256":
        return pairs
    return [(encode_dss_signature(int.from_bytes(s[:32]), int.from_bytes(s[32:])), m) for s, m in pairs]


async def _no_body(_: int) -> bytes:
    return b""


async def _check_all(setting: Setting, proofs: list[bytes]) -> float:
    requests = [request(proof) for proof in proofs]
    decide = setting.service.decide_async
    began = time.process_time_ns()
    for one in requests:
        decision = await decide(one, PROTECTED, _no_body)
    spent = (time.process_time_ns() - began) / len(requests) / 1000
    assert decision.allowed, decision.refusal
    return spent


def whole_check(algorithm: str, rounds: int) -> dict[str, Any]:
    """A known machine and the shared store, CPU per request under asyncio, and as a ratio to the bare verification."""
    with steady_store() as store, Setting.of(algorithm, store) as setting:
        verify = bare_verify(setting)
        asyncio.run(_check_all(setting, setting.proofs(50)))
        checks, bares = [], []
        for _ in range(rounds):
            proofs = setting.proofs(_COUNT)
            checks.append(asyncio.run(_check_all(setting, proofs)))
            bares.append(cpu(verify, prepared(setting, proofs)))
        ratio = typical([check / bare for check, bare in zip(checks, bares, strict=True)])
        return {
            "name": f"whole check, {algorithm}", "us": best(checks), "bare_us": best(bares), "ratio": ratio,
            "added_us": best(checks) - best(bares),
        }  # fmt: skip


def first_use(rounds: int) -> dict[str, Any]:
    """A known machine whose key this process has not met yet, ES256."""
    keys = [PrivateKey.generate("ES256") for _ in range(_KEYS)]
    with steady_store() as store, Setting.of("ES256", store, keys) as setting:
        checks, bares = [], []
        for _ in range(rounds):
            service = Service(setting.service.settings, registry=setting.service.registry, store=store)
            proofs = [fresh_proof(key) for key in keys]
            checks.append(asyncio.run(_check_all(Setting(setting.key, service), proofs)))
            bares.append(cpu(bare_verify(setting), prepared(setting, setting.proofs(_COUNT))))
        return {
            "name": "first use of a key, ES256", "us": best(checks), "bare_us": best(bares),
            "ratio": best(checks) / best(bares), "added_us": best(checks) - best(bares),
        }  # fmt: skip


def broken() -> Iterator[tuple[str, bytes]]:
    """Proofs that must cost next to nothing."""

    def segment(value: object) -> bytes:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    jwk = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    claims = {"jti": "x", "htm": "GET", "htu": "http://127.0.0.1:8000/orders", "iat": 1}
    tail = b"." + b"A" * 86
    yield "an unknown key (not on its curve)", segment(header) + b"." + segment(claims) + tail
    yield "not three segments", b"A" * 400
    yield "an oversize proof", b"A" * 100_000
    yield "deep JSON", segment(b'{"a":' * 400 + b"1" + b"}" * 400) + b"." + segment(claims) + tail
    rsa = {"typ": "dpop+jwt", "alg": "PS256", "jwk": {"kty": "RSA", "e": "AQAB", "n": "A" * 2731}}
    yield "an RSA key of 16,384 bits", segment(rsa) + b"." + segment(claims) + b".AAAA"


def refusals(rounds: int) -> Iterator[dict[str, Any]]:
    """CPU per refusal of what is broken, and as a ratio to the bare ES256 verification."""
    with steady_store() as store, Setting.of("ES256", store) as setting:
        proofs = setting.proofs(_COUNT)
        bare = best([cpu(bare_verify(setting), prepared(setting, proofs)) for _ in range(rounds)])
        for name, proof in broken():
            requests = [request(proof)] * _COUNT

            def refuse(one: Any) -> None:
                setting.service.decide(one, PROTECTED, lambda _: b"")

            spent = best([cpu(refuse, requests) for _ in range(rounds)])
            yield {"name": f"refusing {name}", "us": spent, "ratio": spent / bare}


async def _serve_all(app: Any, proofs: list[bytes]) -> float:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        status = message.get("status", 200)
        assert status == 200, status

    scopes: list[Scope] = [_scope(proof) for proof in proofs]
    began = time.process_time_ns()
    for scope in scopes:
        await app(scope, receive, send)
    return (time.process_time_ns() - began) / len(scopes) / 1000


def _scope(proof: bytes) -> Scope:
    one = request(proof)
    return {
        "type": "http", "method": "GET", "scheme": "http", "path": "/orders", "raw_path": b"/orders",
        "query_string": b"", "root_path": "", "headers": list(one.headers), "http_version": "1.1",
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000), "asgi": {"version": "3.0"},
    }  # fmt: skip


def middleware(rounds: int) -> dict[str, Any]:
    """What the middleware adds to a Starlette request, ES256."""

    async def orders(_: Any) -> Response:
        return Response(b"ok")

    with steady_store() as store, Setting.of("ES256", store) as setting:
        plain = Starlette(routes=[StarletteRoute("/orders", orders)])
        guarded = Starlette(routes=[StarletteRoute("/orders", orders)])
        guarded.add_middleware(MFAMiddleware, service=setting.service)
        asyncio.run(_serve_all(guarded, setting.proofs(50)))
        added, bares = [], []
        for _ in range(rounds):
            proofs = setting.proofs(_COUNT)
            with_it, without = asyncio.run(_serve_all(guarded, proofs)), asyncio.run(_serve_all(plain, proofs))
            added.append(with_it - without)
            bares.append(cpu(bare_verify(setting), prepared(setting, proofs)))
        return {
            "name": "middleware on a Starlette request, ES256", "us": best(added), "bare_us": best(bares),
            "ratio": typical([a / b for a, b in zip(added, bares, strict=True)]), "added_us": best(added) - best(bares),
        }  # fmt: skip
