"""Family H: issuers, audiences, dates and bindings."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.firewall import Inspector, Policy
from mfa_middleware.firewall.detectors.claims import settled_until
from tests.firewall.tokens import CLAIMS, NOW, attacks, findings, ids, token

ISSUERS = {"issuers": frozenset({"https://idp.example.com"})}
AUDIENCES = {"audiences": frozenset({"https://api.example.com"})}
DAY = 86_400


def of(**claims: Any) -> bytes:
    return token(payload=CLAIMS | claims)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example.com.evil.example", "https://idp.example.com/evil", "HTTPS://IDP.EXAMPLE.COM",
        "https://idp.example.com/", "x https://idp.example.com", "https://idp.examp", "https://idpXexample.com",
    ],
)  # fmt: skip
def test_an_issuer_that_almost_matches_is_an_attack(issuer: str) -> None:
    assert attacks(of(iss=issuer), **ISSUERS) == {"issuer_partial_match"}


@pytest.mark.parametrize("issuer", ["https://other.example", "", "https"])
def test_an_unknown_issuer_is_policy(issuer: str) -> None:
    assert ids(of(iss=issuer), **ISSUERS) == ["issuer_unknown"]


def test_a_missing_issuer_is_policy_and_a_configured_one_is_nothing() -> None:
    assert ids(token(payload={"exp": NOW + 60}), **ISSUERS) == ["issuer_unknown"]
    assert ids(of(), **ISSUERS) == []
    assert ids(of(iss="https://anybody.example")) == []


@pytest.mark.parametrize(
    ("aud", "trick"),
    [
        ("https://api.example.com", None), (["https://api.example.com"], None),
        (["https://api.example.com", "https://other.example"], "audience_ambiguous"),
        ("https://other.example", "audience_mismatch"), ([], "audience_mismatch"), ("", "audience_mismatch"),
        ([7, None], "audience_mismatch"),
    ],
)  # fmt: skip
def test_other_audiences_are_policy(aud: Any, trick: str | None) -> None:
    assert ids(of(aud=aud), **AUDIENCES) == ([trick] if trick else [])
    assert attacks(of(aud=aud), **AUDIENCES) == set()


def test_a_missing_audience_is_policy_and_none_is_demanded_by_default() -> None:
    assert ids(of(), **AUDIENCES) == ["audience_mismatch"]
    assert ids(of()) == []


@pytest.mark.parametrize(
    "aud", ["https://api.example.com.evil", "x,https://api.example.com", "HTTPS://API.example.com"]
)
def test_an_audience_that_almost_matches_is_an_attack(aud: str) -> None:
    assert attacks(of(aud=aud), **AUDIENCES) == {"audience_injection"}


@pytest.mark.parametrize(
    ("claims", "trick"),
    [
        ({"exp": NOW - DAY - 1}, "expired_token"), ({"exp": NOW + 21 * 365 * DAY}, "exp_far_future"),
        ({"exp": NOW * 1000}, "exp_far_future"), ({"nbf": NOW + DAY + 1}, "nbf_future"),
        ({"iat": NOW + DAY + 1}, "nbf_future"), ({"exp": 0}, "expired_token"), ({"exp": -5.5}, "expired_token"),
    ],
)  # fmt: skip
def test_dates_out_of_reason_are_policy(claims: dict[str, Any], trick: str) -> None:
    assert ids(of(**claims)) == [trick]
    assert attacks(of(**claims)) == set()


def test_no_end_is_policy() -> None:
    assert ids(token(payload={"sub": "x"})) == ["exp_missing"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 1.5}, {"iat": NOW - 0.25}, {"exp": NOW - 3_600}, {"nbf": NOW + 30, "iat": NOW + 30},
        {"nbf": NOW - 60}, {"exp": NOW + 10 * 365 * DAY}, {"iat": 0},
    ],
)  # fmt: skip
def test_dates_of_honest_tokens_are_nothing(claims: dict[str, Any]) -> None:
    assert ids(of(**claims)) == []


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1800000600", True, None, [], {}, ""])
def test_a_date_that_is_no_number_is_an_attack(name: str, value: Any) -> None:
    assert attacks(of(**{name: value})) == {"numeric_date_type"}


@pytest.mark.parametrize("cnf", ["x", {}, [], None, 7, {"jkt": ""}, {"jkt": 7}, {"jkt": None}])
def test_a_binding_that_binds_nothing_is_policy(cnf: Any) -> None:
    assert ids(of(cnf=cnf)) == ["cnf_malformed"]


@pytest.mark.parametrize("cnf", [{"jkt": "A" * 43}, {"x5t#S256": "A" * 43}, {"jwk": {"kty": "EC"}}])
def test_a_binding_is_nothing(cnf: Any) -> None:
    assert ids(of(cnf=cnf)) == []


@pytest.mark.parametrize("value", ["", "A" * 21, 7, None, []])
def test_a_hash_that_nobody_can_check_is_policy(value: Any) -> None:
    assert "hash_binding_open" in ids(of(at_hash=value))
    assert not any(finding.is_attack for finding in findings(of(c_hash=value)))


@pytest.mark.parametrize(
    "claims",
    [{}, {"exp": 5}, {"nbf": NOW * 2}, {"iat": NOW + 2 * DAY}, {"exp": NOW + 30 * 365 * DAY}, {"exp": "x", "iat": []}],
)  # fmt: skip
def test_what_is_found_stays_the_same_until_the_time_that_is_told(claims: dict[str, Any]) -> None:
    inspector, presented, full = Inspector(Policy()), of(**claims), CLAIMS | claims
    until = settled_until(full, NOW)
    assert until > NOW
    first = inspector.inspect(presented, "x", NOW)
    for later in (NOW + (min(until, NOW + 1e9) - NOW) * share for share in (0.25, 0.5, 0.999)):
        assert inspector.inspect(presented, "x", later).findings == first.findings
