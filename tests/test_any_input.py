"""Whatever comes in, a check ends in a Decision with a code of the closed set, and never in an exception."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mfa_middleware.challenge import Challenger
from mfa_middleware.decision import Decision
from mfa_middleware.errors import REFUSALS, Code
from mfa_middleware.http import Request
from mfa_middleware.route import PROTECTED, required
from tests.helpers.bench import ORIGIN, TOKEN, Bench
from tests.helpers.keys import b64
from tests.helpers.proofs import ath, jws

BENCH = Bench(
    credentials="authorization, x-api-key, cookie:sid, query:token",
    jwt_algorithms="RS256",
    exempt="/health",
    secret="s" * 32,
)
OPEN = Bench(credentials="none", origins=(), trusted_proxies=2)
MANY = Bench(
    origins="https://a.example, http://a.example, https://b.example:8443",
    nonce="off",
    path_prefix="/api",
    mode="enforce:50%",
)
BENCHES = [BENCH, OPEN, MANY]
CHALLENGER = Challenger(["ES256"])
ROUTES = [
    PROTECTED,
    required(scopes="a", body=True, query=True, nonce=True, networks="10.0.0.0/8"),
    required(credential=False),
]

names = st.sampled_from(
    [
        b"dpop",
        b"host",
        b"authorization",
        b"x-api-key",
        b"x_api_key",
        b"cookie",
        b"origin",
        b"x-forwarded-for",
        b"access-control-request-method",
        b"content-length",
        b"transfer-encoding",
        b"forwarded",
    ]
)
values = st.binary(max_size=80) | st.sampled_from(
    [
        b"",
        b"DPoP " + TOKEN.encode(),
        b"Bearer a.b.c",
        b"Bearer eyJhbGciOiJub25lIn0.e30.",
        b"sid=a; sid=b",
        b"api.example.com",
        b"127.0.0.1:8000",
        b"[::1]",
        b"1.2.3.4, ::1",
        b"e30.e30.AA",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
paths = st.text(st.characters(max_codepoint=255), max_size=40) | st.text("/.%2eFf5Cc0;\\~a*", max_size=30).map(
    "/{}".format
)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_sound(decision: Decision) -> None:
    """A decision is an acceptance or a refusal that can be answered and told."""
    if decision.refusal is None:
        assert decision.allowed
        return
    assert decision.refusal.code in Code
    assert decision.refusal.kind is REFUSALS[decision.refusal.code]
    answer = CHALLENGER.answer(decision.refusal, nonce=decision.nonce)
    assert 400 <= answer.status <= 503
    json.loads(answer.body)
    assert all(value.isascii() and value.isprintable() for _, value in answer.headers)


def check(bench: Bench, request: Request, route: Any = PROTECTED) -> Decision:
    decision = bench.decide(request, route)
    is_sound(decision)
    line = decision.event(request, 0.0).to_json()
    assert line.isascii()
    assert line.isprintable()
    return decision


@few
@given(
    bench=st.sampled_from(BENCHES),
    route=st.sampled_from(ROUTES),
    headers=st.lists(st.tuples(names | st.binary(max_size=12), values), max_size=8),
    method=st.sampled_from(["GET", "OPTIONS", "POST"]) | st.text(max_size=8),
    path=paths,
    query=st.binary(max_size=30),
    peer=st.sampled_from([None, "127.0.0.1", "::1", "unix:"]) | st.text(max_size=20),
    exact=st.booleans(),
    websocket=st.booleans(),
)
def test_any_request(bench: Bench, route: Any, path: str, **changes: Any) -> None:
    check(bench, bench.request(raw_path=path, routed_path=path, local="127.0.0.1", **changes), route)


@few
@given(
    sent=st.binary(max_size=300)
    | st.lists(st.binary(max_size=60).map(b64), min_size=1, max_size=5).map(lambda parts: ".".join(parts).encode())
)
@example(sent=b"..")
@example(sent=b"\xff" * 5_000)
def test_any_proof(sent: bytes) -> None:
    assert not check(BENCH, BENCH.request(sent)).allowed


@few
@given(
    header=json_values | st.binary(max_size=60),
    payload=json_values | st.binary(max_size=60),
    signature=st.binary(max_size=70),
)
def test_any_json_in_any_segment(header: Any, payload: Any, signature: bytes) -> None:
    assert not check(BENCH, BENCH.request(jws(BENCH.key, header, payload, signature=signature))).allowed


@few
@given(member=st.sampled_from(["typ", "alg", "jwk", "crit", "b64", "kid"]), value=json_values)
def test_any_header_member(member: str, value: Any) -> None:
    check(BENCH, BENCH.request(BENCH.proof(header={member: value})))


@few
@given(
    claim=st.sampled_from(["jti", "htm", "htu", "iat", "ath", "oth", "nonce", "htq", "htd"]),
    value=json_values,
    route=st.sampled_from(ROUTES),
)
def test_any_claim_that_an_enrolled_machine_signs(claim: str, value: Any, route: Any) -> None:
    check(BENCH, BENCH.request(BENCH.proof(**{claim: value})), route)


@few
@given(
    member=st.sampled_from(["kty", "crv", "x", "y", "n", "e", "pub", "alg"]),
    value=json_values | st.text("AQg-_", max_size=700),
)
def test_any_key(member: str, value: Any) -> None:
    """Also one that is enrolled as it is, so that it is loaded."""
    bench = Bench(algorithms="ES256, Ed25519, PS256, RS256")
    for base in (
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AA", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
    ):
        jwk = {**base, member: value}
        for alg in ("ES256", "PS256", "Ed25519"):
            enrolled = replace(bench.machine, jwk=jwk, algorithm=alg)
            bench.registry.find = lambda _, enrolled=enrolled: enrolled
            assert not check(bench, bench.request(bench.proof(header={"alg": alg, "jwk": jwk}))).allowed


@few
@given(
    htu=st.text(max_size=40) | st.text("htps:/.@%[]\\?#a1 ", max_size=40).map((ORIGIN + "{}").format),
    path=paths,
    exact=st.booleans(),
)
def test_any_htu_and_any_path(htu: str, path: str, exact: bool) -> None:
    check(BENCH, BENCH.request(BENCH.proof(htu=htu), raw_path=path, exact=exact))


@few
@given(header=json_values, payload=json_values, signature=st.sampled_from([b"", b"s"]))
def test_any_bearer_token(header: Any, payload: Any, signature: bytes) -> None:
    token = jws(BENCH.key, header, payload, signature=signature)
    for claims in ({"iss": payload, "sub": payload, "cnf": payload}, {"cnf": {"jkt": payload}}):
        bound = jws(BENCH.key, {"alg": "RS256"}, claims, signature=b"s")
        for one in (token, bound):
            headers = [(b"authorization", b"Bearer " + one)]
            for bench in (BENCH, MANY):
                check(bench, bench.request(bench.proof(ath=ath(one)), headers=headers))


@pytest.mark.parametrize("size", [4_096, 16_384])
def test_long_hostile_input_is_refused_in_time_that_grows_with_its_length(size: int) -> None:
    """Each of these once took a second or more, or never ended."""
    escapes = b'{"' + b'\\"' * (size // 3) + b"[" * 20
    for credential in (
        b"X a=" + b" , a= " * (size // 6),
        b"Bearer " + b64(b'{"alg":"RS256"}').encode() + b"." + b64(escapes).encode() + b".s",
    ):
        check(BENCH, BENCH.request(BENCH.proof(), headers=[(b"authorization", credential)]))
    check(BENCH, BENCH.request(jws(BENCH.key, escapes[:2_800], {}, signature=b"s")))
    check(BENCH, BENCH.request(BENCH.proof(), raw_path="/" + "%2e/" * (size // 4)))
    check(BENCH, BENCH.request(BENCH.proof(), query=b"t%6Fken&" * (size // 8)))
