"""The forgeries break an app that verifies badly; the same app in the middleware, or in the firewall alone, holds."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping

import pytest

from mfa_middleware.cli.probe.playing import Played, play
from tests.firewall.attacker import estate
from tests.firewall.attacker.campaign import ROWS
from tests.firewall.attacker.estate import Estate, Running, running

BROKEN = (
    "alg_none", "alg_none_obfuscated", "null_signature", "key_confusion", "blank_hmac", "weak_hmac", "embedded_jwk",
    "x5c_injection", "private_jwk", "symmetric_jwk", "kid_traversal", "kid_file", "crit_unknown",
    "issuer_partial_match", "audience_injection", "base64_alphabet", "base64_unused_bits", "duplicate_claim",
    "extra_segments", "rsa_weak_key", "numeric_date_type", "claim_type", "json_constant",
)  # fmt: skip
"""The rows that this app falls for."""
_UVICORN = (sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--host", "127.0.0.1")


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Running]]:
    """All three, with the same keys. Without MFA_ORIGINS there is nothing to wait for on loopback."""
    estate_of = Estate(tmp_path_factory.mktemp("naive"))
    environ = {"NAIVE_KEYS": str(estate_of.folder), "MFA_ORIGINS": ""}
    commands = {
        "naive": (*_UVICORN, "tests.firewall.naive_app:naive", "--port", "{}"),
        "guarded": (*_UVICORN, "--factory", "tests.firewall.naive_app:guarded", "--port", "{}"),
        "alone": (*_UVICORN, "--factory", "tests.firewall.naive_app:alone", "--port", "{}"),
    }
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(estate, "APPS", commands)
        yield {name: stack.enter_context(running(estate_of, name, **environ)) for name in commands}


def _played(app: Running, trick: str) -> list[Played]:
    """What came of a row; proofs are sent where somebody reads them."""
    sources = (f"127.3.1.{list(ROWS).index(trick) + 1}",)
    target = app.target if app.name == "guarded" else dataclasses.replace(app.target, machine=None)
    return [play(attack, app.sender, app.events, sources) for attacks in ROWS[trick] for attack in attacks(target)]


@pytest.mark.parametrize("trick", BROKEN)
def test_app_falls_for_it(apps: Mapping[str, Running], trick: str) -> None:
    assert any(one.got_through for one in _played(apps["naive"], trick))


@pytest.mark.parametrize("trick", BROKEN)
@pytest.mark.parametrize("name", ["guarded", "alone"])
def test_same_app_holds(apps: Mapping[str, Running], name: str, trick: str) -> None:
    held = _played(apps[name], trick)
    assert [one.attack.note for one in held if one.got_through or one.broke or not one.answer.status] == []
    assert [one.attack.note for one in held if one.seen and not one.named] == []
    assert any(one.named for one in held)


def test_honest_requests_are_served_by_all(apps: Mapping[str, Running]) -> None:
    assert {name: app.honest() for name, app in apps.items()} == dict.fromkeys(apps, 200)
