"""Every forged token against the inspector alone, which knows no key and what is accepted at most."""

from __future__ import annotations

import time

import pytest

from mfa_middleware.cli.probe.forgeries import TOKENS
from mfa_middleware.cli.probe.target import Target
from mfa_middleware.firewall import CATALOG, Action, Inspector, Policy
from tests.firewall.attacker import libraries
from tests.firewall.attacker.estate import AUDIENCE, ISSUER, Estate

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
BY_STRUCTURE = sorted(
    trick for trick in TOKENS if CATALOG[trick].action is Action.BLOCK and "MFA_JWT_KEYS" not in CATALOG[trick].needs
)
"""Rows that take no key to see."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return Estate(tmp_path_factory.mktemp("estate")).target("http://127.0.0.1:1")


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(Policy(algorithms=ALGORITHMS, issuers=frozenset({ISSUER}), audiences=frozenset({AUDIENCE})))


@pytest.mark.parametrize("trick", BY_STRUCTURE)
def test_is_refused_by_its_structure(inspector: Inspector, target: Target, trick: str) -> None:
    more = [libraries.TOKENS[trick]] if trick in libraries.TOKENS else []
    for token, note in (forged for tokens in [TOKENS[trick], *more] for forged in tokens(target)):
        assert trick in inspector.inspect(token, "authorization", time.time()).refused_for, note


def test_key_confusion_is_refused_where_algorithms_are_listed(inspector: Inspector, target: Target) -> None:
    for token, note in TOKENS["key_confusion"](target):
        assert "key_confusion" in inspector.inspect(token, "authorization", time.time()).refused_for, note


def test_most_rows_about_tokens_take_no_key() -> None:
    assert len(BY_STRUCTURE) > 55


def test_honest_token_is_in_order(inspector: Inspector, target: Target) -> None:
    verdict = inspector.inspect(target.token.encode(), "authorization", time.time())
    assert (verdict.findings, verdict.refused_for) == ((), ())
