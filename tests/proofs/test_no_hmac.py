"""HMAC algorithms cannot be reached from the proofs."""

from __future__ import annotations

import ast
import hashlib
import hmac
import inspect
from typing import Any

import pytest

from mfa_middleware import parse
from mfa_middleware.errors import Code
from mfa_middleware.jose import algorithms, jwk, jws, strict
from mfa_middleware.proofs import dpop
from tests.helpers.bench import Bench, machine_of
from tests.helpers.keys import KeyPair, b64

SECRET = b"0123456789abcdef0123456789abcdef"
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def symmetric(alg: str, secret: bytes, public: dict[str, Any]) -> KeyPair:
    return KeyPair(alg, public, lambda message: hmac.digest(secret, message, DIGESTS[alg]))


def imported(module: Any) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", [dpop, algorithms, jwk, jws, strict])
def test_nothing_on_the_way_of_a_proof_can_compute_one(module: Any) -> None:
    used = {name for name in imported(module) if "hmac" in name.lower()}
    assert used <= {"hmac.compare_digest"}
    assert "jwt" not in imported(module)


@pytest.mark.parametrize("alg", DIGESTS)
def test_they_cannot_be_configured(alg: str) -> None:
    with pytest.raises(ValueError, match="write names out of"):
        parse.algorithms(f"ES256, {alg}")


@pytest.mark.parametrize("alg", DIGESTS)
@pytest.mark.parametrize("kind", ["x", "json", "empty", "oct"])
def test_a_proof_under_any_secret_is_refused_even_for_an_enrolled_key(alg: str, kind: str) -> None:
    """The registry itself is made to say HS256, and the secret is whatever an attacker knows."""
    bench = Bench()
    public = bench.key.jwk
    secret = {"x": public["x"].encode(), "json": repr(public).encode(), "empty": b"", "oct": SECRET}[kind]
    key = symmetric(alg, secret, public if kind != "oct" else {"kty": "oct", "k": b64(SECRET)})
    bench.registry.machines[bench.key.thumbprint] = machine_of(bench.key, algorithm=alg)
    assert bench.code(bench.proof(key=key)) is Code.UNSUPPORTED_ALG
    assert bench.registry.asked == []


@pytest.mark.parametrize("alg", DIGESTS)
def test_the_verifier_itself_knows_none(alg: str) -> None:
    for public in (Bench().key.jwk, {"kty": "oct", "k": b64(SECRET)}):
        with pytest.raises(strict.Malformed):
            algorithms.verifier(public, alg)
