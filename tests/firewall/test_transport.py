"""Family J: the request around the token, through the whole check."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code
from mfa_middleware.firewall import CATALOG, Action
from mfa_middleware.firewall.detectors import possession, transport
from tests.firewall.tokens import CLAIMS, segment, token
from tests.helpers.bench import TOKEN, Bench
from tests.helpers.proofs import ABSENT, ath

HOST = (b"host", b"api.example.com")
KEY = (b"authorization", f"Bearer {TOKEN}".encode())
JWT = token().decode()
OTHER = token(payload=CLAIMS | {"sub": "other"}).decode()


def check(*headers: tuple[bytes, bytes], settings: dict[str, Any] | None = None, **changes: Any) -> Decision:
    bench = Bench(**(settings or {}))
    return bench.check(bench.proof(), headers=[HOST, KEY, *headers], **changes)


def found(decision: Decision) -> dict[str, bool]:
    return {finding.id: finding.is_attack for finding in decision.findings}


def test_an_honest_request_has_no_finding() -> None:
    decision = check(
        (b"connection", b"keep-alive"), (b"accept", b"*/*"), (b"accept", b"x"), (b"content-length", b"0"),
        (b"cookie", b"session=eyJ1c2VyIjoxfQ.ZxY.abc; csrftoken=x"), (b"cookie", b"b=c"), query=b"page=2&q=a%20b",
    )  # fmt: skip
    assert (decision.allowed, decision.findings) == (True, ())


@pytest.mark.parametrize(
    ("headers", "trick"),
    [
        ([(b"connection", b"close, DPoP")], "hop_by_hop"), ([(b"connection", b"authorization")], "hop_by_hop"),
        ([(b"connection", b"keep-alive"), (b"connection", b"x-api-key")], "hop_by_hop"),
        ([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], "request_smuggling"),
        ([(b"content-length", b"5"), (b"content-length", b"6")], "request_smuggling"),
        ([(b"content-length", b"5, 6")], "request_smuggling"), ([(b"host", b"evil.example")], "host_malformed"),
    ],
)  # fmt: skip
def test_an_attack_around_the_token_is_refused(headers: list[tuple[bytes, bytes]], trick: str) -> None:
    if trick == "request_smuggling" and len(headers) == 1:
        headers = [*headers, (b"accept", b"a"), (b"accept", b"b")]
    decision = check(*headers)
    assert found(decision) == {trick: True}
    assert decision.refusal is not None
    assert decision.refusal.code is Code.FORGED_TOKEN
    assert trick in decision.refusal.detail


def test_it_is_only_told_where_the_operator_says_so() -> None:
    attack = (b"connection", b"close, DPoP")
    for settings in ({"firewall": "report"}, {"firewall_allow": "hop_by_hop"}):
        decision = check(attack, settings=settings)
        assert (decision.allowed, found(decision)) == (True, {"hop_by_hop": True})
    decision = check(attack, settings={"firewall": "off"})
    assert (decision.allowed, decision.findings) == (True, ())


@pytest.mark.parametrize("host", [b"a/?x=", b"user@api.example.com", b"api.example.com\\x", b"a b", b"\xff", b"a#"])
def test_a_host_that_is_none_is_an_attack(host: bytes) -> None:
    bench = Bench(origins=("https://api.example.com",))
    decision = bench.check(bench.proof(), headers=[(b"host", host), KEY])
    assert found(decision) == {"host_malformed": True}
    assert not decision.allowed


@pytest.mark.parametrize("host", [b"API.example.com:443", b"api.example.com:443", b"Api.Example.Com"])
def test_other_spellings_of_the_host_are_nothing(host: bytes) -> None:
    bench = Bench()
    assert found(bench.check(bench.proof(), headers=[(b"host", host), KEY])) == {}


@pytest.mark.parametrize(
    ("headers", "changes", "trick"),
    [
        ([(b"x-http-method-override", b"DELETE")], {}, "method_override"),
        ([(b"x-method-override", b"PUT")], {}, "method_override"),
        ([(b"x-forwarded-host", b"evil.example")], {}, "forwarded_host"),
        ([(b"forwarded", b'for=1.2.3.4;host="evil.example"')], {}, "forwarded_host"),
        ([], {"query": b"access_token=" + TOKEN.encode()}, "token_in_query"),
        ([], {"query": b"x=" + OTHER.encode()}, "token_in_query"),
        ([], {"query": b"dpop=" + OTHER.encode()}, "proof_elsewhere"),
        ([(b"cookie", b"DPoP=" + OTHER.encode())], {}, "proof_elsewhere"),
    ],
)  # fmt: skip
def test_what_honest_clients_do_too_is_only_told(headers: Any, changes: dict[str, Any], trick: str) -> None:
    decision = check(*headers, **changes)
    assert decision.allowed
    assert not found(decision)[trick]


@pytest.mark.parametrize("value", [b"api.example.com", b"api.example.com, api.example.com:443"])
def test_a_proxy_that_tells_our_host_is_nothing(value: bytes) -> None:
    assert found(check((b"x-forwarded-host", value), (b"forwarded", b"for=1.2.3.4;proto=https"))) == {}


@pytest.mark.parametrize("path", ["/a//b", "/a/../b", "/a;x=1/b", "/a%2fb"])
def test_a_path_with_two_readings_is_told(path: str) -> None:
    bench = Bench()
    decision = bench.check(bench.proof(htu=f"https://api.example.com{path}"), raw_path=path)
    assert not found(decision)["path_ambiguous"]


def test_a_method_in_lower_case_is_told() -> None:
    bench = Bench()
    decision = bench.check(bench.proof(htm="get"), method="get")
    assert (decision.allowed, found(decision)) == (True, {"method_case": False})


def test_a_target_with_a_host_of_its_own_is_refused() -> None:
    decision = check(raw_path="https://evil.example/orders/1", routed_path="/orders/1")
    assert found(decision)["absolute_target"]
    assert not decision.allowed


def test_an_untrusted_host_is_told_where_it_does_not_matter() -> None:
    bench = Bench(origins=("https://api.example.com",))
    decision = bench.check(bench.proof(), headers=[(b"host", b"10.0.0.7:8000"), KEY])
    assert (decision.allowed, found(decision)) == (True, {"host_untrusted": False})


def test_a_trusted_proxy_may_write_the_name_of_its_upstream() -> None:
    bench = Bench(trusted_proxies=1)
    decision = bench.check(bench.proof(), headers=[(b"host", b"backend:8000"), KEY])
    assert (decision.allowed, decision.findings) == (True, ())


@pytest.mark.parametrize(
    ("lines", "trick"),
    [
        ([f"Bearer {JWT}", f"Bearer {OTHER}"], "multiple_authorization"),
        ([f"Bearer {JWT},Bearer {OTHER}"], "multiple_authorization"),
        ([f"Bearer {JWT}, DPoP {OTHER}"], "multiple_authorization"),
        ([f"bearer {JWT},{OTHER}"], "multiple_authorization"),
        ([f"Bearer {JWT[:40]} {JWT[40:]}"], "folded_header"), ([f"DPoP {JWT[:40]}\t{JWT[40:]}"], "folded_header"),
        ([f"Bearer {JWT}\0"], "credential_bytes"), ([f"Bearer {JWT}\u00e9"], "credential_bytes"),
        ([f"Bearer\t{JWT}"], "folded_header"),
    ],
)  # fmt: skip
def test_a_credential_with_two_readings_is_named_and_refused(lines: list[str], trick: str) -> None:
    bench = Bench()
    headers = [HOST, *((b"authorization", line.encode("latin-1")) for line in lines)]
    decision = bench.check(bench.proof(), headers=headers)
    assert found(decision)[trick]
    assert not decision.allowed


def test_tokens_in_a_credential_with_two_readings_are_inspected_too() -> None:
    bench, none = Bench(), f"{segment({'alg': 'none'})}.{segment(CLAIMS)}."
    for value in (f"Bearer {JWT}, Bearer {none}", f"Bearer {none} x", f"Bearer {none},"):
        decision = bench.check(bench.proof(), headers=[HOST, (b"authorization", value.encode())])
        assert found(decision)["alg_none"]
        assert decision.refusal is not None
        assert decision.refusal.code is Code.FORGED_TOKEN
    in_json = b'{"payload":"e30","signatures":[]}'
    decision = bench.check(
        bench.proof(), headers=[HOST, (b"authorization", b"Bearer " + in_json), (b"x-api-key", b"a b")]
    )
    assert {"json_serialization", "empty_signatures"} <= found(decision).keys()


@pytest.mark.parametrize("scheme", ["Digest", "AWS4-HMAC-SHA256"])
def test_schemes_with_parameters_are_nothing(scheme: str) -> None:
    bench, value = Bench(), 'username="a b", realm="c,d"'
    proof = bench.proof(ath=ath(value))
    decision = bench.check(proof, headers=[HOST, (b"authorization", f"{scheme} {value}".encode())])
    assert (decision.allowed, decision.findings) == (True, ())


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer", "dpop", "DPOP", "Token", "Basic"])
def test_the_case_of_a_scheme_is_nothing(scheme: str) -> None:
    bench = Bench()
    assert found(bench.check(bench.proof(), headers=[HOST, (b"authorization", f"{scheme} {TOKEN}".encode())])) == {}


def test_odd_spacing_is_told() -> None:
    bench = Bench()
    decision = bench.check(bench.proof(), headers=[HOST, (b"authorization", f"Bearer  {TOKEN}".encode())])
    assert (decision.allowed, found(decision)) == (True, {"scheme_spacing": False})


def test_two_different_tokens_in_two_places_are_an_attack() -> None:
    bench = Bench()
    headers = [HOST, (b"authorization", b"Bearer " + JWT.encode())]
    proof = bench.proof(ath=ath(JWT))
    decision = bench.check(proof, headers=headers, query=b"access_token=" + OTHER.encode())
    assert found(decision)["source_mismatch"]
    assert decision.refusal is not None
    same = bench.check(bench.proof(ath=ath(JWT)), headers=headers, query=b"access_token=" + JWT.encode())
    assert (same.allowed, found(same)) == (True, {"token_in_query": False})
    cookie = bench.check(bench.proof(ath=ath(JWT)), headers=[*headers, (b"cookie", f"access_token={OTHER}".encode())])
    assert (cookie.allowed, found(cookie)) == (True, {"source_mismatch": False})


def test_an_underscore_twin_of_a_credential_is_named_and_refused() -> None:
    decision = check((b"x_api_key", b"other"))
    assert found(decision) == {"underscore_header": True}
    assert not decision.allowed
    decision = check((b"x_forwarded_for", b"1.2.3.4"))
    assert (decision.allowed, found(decision)) == (True, {"underscore_header": False})


def test_an_unbound_token_under_the_scheme_of_proofs_is_told() -> None:
    bench = Bench()
    for scheme, bound, expected in (
        ("DPoP", False, {"unbound_upgrade": False}),
        ("Bearer", False, {}),
        ("dpop", True, {}),
    ):
        claims = CLAIMS | ({"cnf": {"jkt": bench.key.thumbprint}} if bound else {})
        presented = token(payload=claims).decode()
        headers = [HOST, (b"authorization", f"{scheme} {presented}".encode())]
        decision = bench.check(bench.proof(ath=ath(presented), nonce=ABSENT), headers=headers)
        assert (decision.allowed, found(decision)) == (True, expected)


def test_every_row_of_requests_and_proofs_has_a_detector() -> None:
    seeable = {
        name
        for name, trick in CATALOG.items()
        if trick.family in ("possession", "transport") and trick.action is not Action.UNSEEABLE
    }
    assert seeable == (transport.IDS | possession.IDS | {"unbound_upgrade"})
