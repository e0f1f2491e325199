"""Verified claims are offered to the app: those of the first bearer that a registered key signed, and no others."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from mfa_middleware.route import required
from tests.helpers.bench import NOW, Bench
from tests.helpers.proofs import ath

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
HOST = (b"host", b"api.example.com")


def token(subject: str) -> str:
    return jwt.encode({"sub": subject, "exp": int(NOW) + 60}, KEY, "ES256")


def check(bench: Bench, credentials: dict[str, str], **more: Any) -> Decision:
    """A request with these credentials, of which the proof binds the first by ath and the others by oth."""
    first, *others = credentials
    scheme = {"authorization": "Bearer "}
    headers = [HOST, *((n.encode(), (scheme.get(n, "") + value).encode()) for n, value in credentials.items())]
    oth = {"oth": {name: ath(credentials[name]) for name in others}} if others else {}
    made = bench.proof(ath=ath(credentials[first]), **oth)
    return bench.decide(bench.request(made, headers=headers), **more)


def test_of_a_token_that_a_registered_key_signed() -> None:
    bench = Bench(jwt_keys=PEM)
    for _ in range(2):  # the second time it is remembered
        decision = check(bench, {"authorization": token("press-4")})
        assert decision.allowed
        assert decision.claims == {"sub": "press-4", "exp": int(NOW) + 60}
    assert "press-4" not in repr(decision).replace(bench.machine.id, "").replace(repr(bench.machine), "")


def test_of_the_first_of_several_credentials_that_is_such_a_token() -> None:
    bench = Bench(jwt_keys=PEM, credentials="x-api-key, authorization, x-other")
    given = {"x-api-key": "opaque", "authorization": token("one"), "x-other": token("other")}
    decision = check(bench, given)
    assert decision.allowed
    assert decision.claims is not None
    assert decision.claims["sub"] == "one"


@pytest.mark.parametrize("settings", [{}, {"jwt_keys": PEM}])
def test_of_nothing_else(settings: dict[str, str]) -> None:
    assert check(Bench(**settings), {"authorization": "opaque"}).claims is None
    if not settings:
        assert check(Bench(), {"authorization": token("unverified")}).claims is None


def test_of_no_request_that_is_refused() -> None:
    bench = Bench(jwt_keys=PEM)
    decision = check(bench, {"authorization": token("press-4")}, route=required(scopes="orders:write"))
    assert decision.refusal is not None
    assert decision.refusal.code is Code.SCOPE_DENIED
    assert decision.claims is None
