"""Honest tokens, by the libraries that most people use: none is called an attack, and all are served."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping

import pytest

from mfa_middleware.cli.probe.signing import SigningKey
from mfa_middleware.firewall import Inspector, Policy
from mfa_middleware.inspection import Inspection
from mfa_middleware.settings import Settings
from tests.firewall.attacker.estate import Running
from tests.firewall.honest.contents import CONTENTS, PLAIN
from tests.firewall.honest.corpus import MAKERS, accused, made_by
from tests.firewall.honest.keys import ALGORITHMS, SECRET_ALGORITHMS, key_for
from tests.firewall.honest.makers import LIBRARIES, UNKNOWN, Honest
from tests.firewall.honest.served import refused, trusting
from tests.interop.node import UnavailableError

_REGISTERED = [name for name in ALGORITHMS if name not in ("Ed25519", "Ed448")]
_MADE: dict[str, list[Honest]] = {}


def tokens_of(maker: str) -> list[Honest]:
    """The tokens of a maker. Skipped where npm is missing; a failure where the checks of the project run."""
    try:
        return _MADE.setdefault(maker, _MADE.get(maker) or made_by(maker))
    except UnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{maker}: {error}")


@pytest.fixture(params=MAKERS)
def tokens(request: pytest.FixtureRequest) -> list[Honest]:
    return tokens_of(request.param)


def test_no_honest_token_is_called_an_attack(tokens: list[Honest]) -> None:
    assert accused(Inspector(Policy()), tokens) == {}


def test_no_honest_token_is_called_an_attack_where_algorithms_are_listed(tokens: list[Honest]) -> None:
    for names in (SECRET_ALGORITHMS, set(ALGORITHMS) - set(SECRET_ALGORITHMS)):
        fitting = [one for one in tokens if one.algorithm in names]
        assert accused(Inspector(Policy(algorithms=frozenset(names))), fitting) == {}


@pytest.fixture(scope="module")
def with_keys() -> Iterator[Mapping[bool, Inspector]]:
    """With the secrets, and with the public keys, of all algorithms."""
    made = {}
    with contextlib.ExitStack() as stack:
        for secret in (True, False):
            names = [name for name in _REGISTERED if (name in SECRET_ALGORITHMS) is secret]
            jwks = json.dumps({"keys": [dict(key_for(name).registered) for name in names]})
            inspection = Inspection(Settings.load({"jwt_keys": jwks}, environ={}))
            made[secret] = stack.enter_context(contextlib.closing(inspection)).inspector
        yield made


def test_honest_tokens_verify_with_the_registered_keys(
    tokens: list[Honest], with_keys: Mapping[bool, Inspector]
) -> None:
    for one in tokens[::7]:
        if one.algorithm != "Ed448":
            verdict = with_keys[one.algorithm in SECRET_ALGORITHMS].inspect(one.token, "authorization", time.time())
            attacks = [finding for finding in verdict.findings if finding.is_attack]
            assert (verdict.verified, verdict.refused_for, attacks) == (True, (), []), one


def test_the_corpus_is_large_and_has_every_algorithm() -> None:
    made = {maker: tokens_of(maker) for maker in MAKERS if not maker.startswith("npm")}
    assert sum(map(len, made.values())) >= 20_000
    for library in LIBRARIES:
        assert {one.algorithm for one in made[library]} == set(ALGORITHMS) - set(UNKNOWN.get(library, ()))
        assert {one.content for one in made[library]} == {content.name for content in CONTENTS}


def test_padding_is_policy_alone() -> None:
    """As load balancers of AWS write it."""
    token = SigningKey("ES256", key_for("ES256").private).token({"alg": "ES256", "typ": "JWT"}, {**PLAIN, "a": "x"})
    padded = b".".join(part + b"=" * (-len(part) % 4) for part in token.split(b"."))
    verdict = Inspector(Policy()).inspect(padded, "x-amzn-oidc-data", time.time())
    assert [finding.id for finding in verdict.findings if finding.is_attack] == []
    assert "base64_padding" in {finding.id for finding in verdict.findings}
    assert verdict.refused_for == ()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with trusting(tmp_path_factory.mktemp("honest")) as app:
        yield app


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_honest_tokens_are_served(app: Running, tokens: list[Honest], scheme: str) -> None:
    assert refused(app, tokens[:: 1 if scheme == "bearer" else 29], scheme) == []
