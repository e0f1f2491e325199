"""From nothing to a machine whose proofs verify, with the installed command, as an operator types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MFA_")}
    command = Path(sys.executable).with_name("mfa-middleware")

    def run(*arguments: str, given: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [command, *arguments], cwd=tmp_path, env=environ, input=given, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == status, done.stderr
        return done

    return run


def test_machine_is_made_enrolled_and_listed_and_its_proofs_verify(run: Run) -> None:
    key = json.loads(run("keygen", "depot.pem", "--json").stdout)
    jwk = json.dumps(key["jwk"])
    run("machines", "add", "depot", "--id", "depot-1", "--jwk", "-", "--permit", "any", given=jwk)
    assert "depot-1" in run("machines", "list").stdout
    proof = run(
        "sign", "GET", "https://api.example.com/orders", "--key", "depot.pem", "--header", "X-API-Key: -", given="k"
    ).stdout.split()[1]
    enrolled = json.loads(run("machines", "show", key["thumbprint"], "--json").stdout)
    claims = jwt.decode(proof, jwt.PyJWK(enrolled["jwk"], enrolled["algorithm"]).key, [enrolled["algorithm"]])
    assert claims["htu"] == "https://api.example.com/orders"
    assert jwt.get_unverified_header(proof)["jwk"] == key["jwk"]


def test_machine_is_paused_resumed_and_revoked(run: Run) -> None:
    run("keygen")
    run("machines", "add", "depot", "--id", "depot-1", "--key", "machine.pem", "--permit", "key:-", given="k")
    for command, state in (("pause", "paused"), ("resume", "active"), ("revoke", "revoked")):
        assert json.loads(run("machines", command, "depot-1", "--json").stdout)["state"] == state
    assert "revoked" in run("machines", "list").stdout
    assert "for good" in run("machines", "resume", "depot-1", status=1).stderr


def test_configuration_is_checked(run: Run) -> None:
    assert "there is no file" in run("check-config", status=1).stdout
