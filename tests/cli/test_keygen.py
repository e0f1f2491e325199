"""`keygen`."""

from __future__ import annotations

import json
import shlex
import stat

import pytest

from mfa_middleware.client import load_key
from mfa_middleware.jose.jwk import PRIVATE
from tests.cli.conftest import Cli


def test_key_is_written_for_its_owner_alone(cli: Cli) -> None:
    told = cli.ok("keygen", "depot.pem")
    assert stat.S_IMODE((cli.folder / "depot.pem").stat().st_mode) == 0o600
    assert load_key("depot.pem", create=False).thumbprint in told.out
    assert "PRIVATE" not in told.out + told.err


def test_without_a_name_the_file_is_machine_pem(cli: Cli) -> None:
    cli.ok("keygen")
    assert (cli.folder / "machine.pem").is_file()


def test_next_command_enrols_the_key_as_it_is_printed(cli: Cli) -> None:
    told = cli.ok("keygen", "depot 1.pem")
    command = next(line for line in told.out.splitlines() if line.startswith("  mfa-middleware "))
    cli.ok(*shlex.split(command)[1:], given="an-api-key\n")
    machine = cli.ok("machines", "list", "--json").json()
    assert machine["name"] == "depot 1"
    assert machine["thumbprint"] == load_key("depot 1.pem", create=False).thumbprint


def test_next_command_names_an_algorithm_that_the_key_does_not_tell(cli: Cli) -> None:
    told = cli.ok("keygen", "depot.pem", "--alg", "RS256")
    command = next(line for line in told.out.splitlines() if line.startswith("  mfa-middleware "))
    cli.ok(*shlex.split(command)[1:], given="an-api-key\n")
    assert cli.ok("machines", "list", "--json").json()["algorithm"] == "RS256"


@pytest.mark.parametrize("content", ["", "something else"])
def test_an_existing_file_is_left_as_it_is(cli: Cli, content: str) -> None:
    cli.write("depot.pem", content)
    refused = cli("keygen", "depot.pem")
    assert (refused.status, refused.out) == (1, "")
    assert "exists already" in refused.err
    assert (cli.folder / "depot.pem").read_text() == content


def test_a_link_that_leads_nowhere_is_not_followed(cli: Cli) -> None:
    (cli.folder / "depot.pem").symlink_to(cli.folder / "elsewhere.pem")
    assert cli("keygen", "depot.pem").status == 1
    assert not (cli.folder / "elsewhere.pem").exists()


def test_public_half_of_an_existing_key_can_be_shown_again(cli: Cli) -> None:
    made = cli.ok("keygen", "depot.pem", "--json").json()
    assert cli.ok("keygen", "depot.pem", "--show", "--json").json() == made
    assert "wrote" not in cli.ok("keygen", "depot.pem", "--show").out
    assert cli("keygen", "other.pem", "--show").status == 1
    assert not (cli.folder / "other.pem").exists()


@pytest.mark.parametrize(("typed", "algorithm"), [("ed25519", "Ed25519"), ("ES384", "ES384"), ("PS256", "PS256")])
def test_algorithm_is_understood_in_any_case(cli: Cli, typed: str, algorithm: str) -> None:
    told = cli.ok("keygen", "depot.pem", "--alg", typed, "--json").json()
    assert told["algorithm"] == algorithm
    assert PRIVATE.isdisjoint(told["jwk"])
    assert load_key("depot.pem", create=False, alg=algorithm).alg == algorithm


def test_algorithm_that_apps_must_opt_in_to_is_told(cli: Cli) -> None:
    assert "MFA_ALGORITHMS=" in cli.ok("keygen", "depot.pem", "--alg", "ES384").err
    cli.set(MFA_ALGORITHMS="ES256,ES384")
    assert cli.ok("keygen", "other.pem", "--alg", "ES384").err == ""


def test_unknown_algorithm_is_answered_with_the_known_ones(cli: Cli) -> None:
    refused = cli("keygen", "--alg", "HS256")
    assert refused.status == 2
    assert "ES256" in refused.err
    assert not list(cli.folder.iterdir())


def test_private_key_is_not_printed(cli: Cli) -> None:
    assert cli("keygen", "-").status == 2
    assert not list(cli.folder.iterdir())


def test_json_is_one_object(cli: Cli) -> None:
    told = cli.ok("keygen", "depot.pem", "--json").out
    assert set(json.loads(told)) == {"file", "algorithm", "thumbprint", "jwk"}


def test_folder_that_is_not_there_is_told_on_one_line(cli: Cli) -> None:
    refused = cli("keygen", "nowhere/depot.pem")
    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "nowhere/depot.pem" in refused.err
