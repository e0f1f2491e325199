"""`machines add`."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mfa_middleware.client import load_key
from mfa_middleware.credentials import hash_of
from tests.cli.conftest import Cli

_HASH = f"sha256:{hash_of(b'an-api-key')}"


@pytest.fixture
def keyed(cli: Cli) -> Cli:
    cli.ok("keygen", "depot.pem")
    return cli


def _added(cli: Cli, *options: str, given: str = "") -> Any:
    return cli.ok("machines", "add", "depot", "--key", "depot.pem", *options, "--json", given=given).json()


def _jwk() -> str:
    return json.dumps(dict(load_key("depot.pem", create=False).public_jwk))


def test_registry_is_made_for_its_owner_alone(keyed: Cli) -> None:
    _added(keyed, "--permit", "any")
    assert stat.S_IMODE((keyed.folder / "machines.json").stat().st_mode) == 0o600


def test_registry_is_the_one_of_the_option_else_of_the_setting(keyed: Cli) -> None:
    keyed.set(MFA_MACHINES="setting.json")
    keyed.ok("machines", "add", "one", "--key", "depot.pem", "--permit", "any")
    keyed.ok("machines", "add", "two", "--key", "depot.pem", "--permit", "any", "--file", "option.json")
    keyed.ok("machines", "--file", "group.json", "add", "three", "--key", "depot.pem", "--permit", "any")
    assert {path.name for path in keyed.folder.glob("*.json")} == {"setting.json", "option.json", "group.json"}


@pytest.mark.parametrize("permits", [[], ["--pending"]])
def test_machine_without_permits_is_told_loudly(keyed: Cli, permits: list[str]) -> None:
    told = keyed.ok("machines", "add", "depot", "--id", "depot-1", "--key", "depot.pem", *permits)
    assert "NO CREDENTIAL AT ALL" in told.err
    assert "mfa-middleware machines change depot-1 --permit key:-" in told.err


def test_machine_with_a_permit_raises_no_alarm(keyed: Cli) -> None:
    assert keyed.ok("machines", "add", "depot", "--key", "depot.pem", "--permit", "any").err == ""


def test_public_key_is_taken_from_every_form(keyed: Cli) -> None:
    raw = (keyed.folder / "depot.pem").read_bytes()
    public = load_pem_private_key(raw, None).public_key()
    keyed.write("public.pem", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    keyed.write("depot.jwk", _jwk())
    wanted = load_key("depot.pem", create=False).thumbprint
    forms = (["--key", "depot.pem"], ["--key", "public.pem"], ["--key", "depot.jwk"],
             ["--jwk", _jwk()], ["--jwk", "depot.jwk"], ["--jwk", "-"])  # fmt: skip
    for number, form in enumerate(forms):
        file = f"{number}.json"
        told = keyed.ok("machines", "add", "depot", *form, "--permit", "any", "--file", file, "--json", given=_jwk())
        assert told.json()["thumbprint"] == wanted, form


def test_private_key_that_others_can_read_is_refused_with_the_cure(keyed: Cli) -> None:
    (keyed.folder / "depot.pem").chmod(0o644)
    refused = keyed("machines", "add", "depot", "--key", "depot.pem")
    assert refused.status == 1
    assert "chmod 600 depot.pem" in refused.err


@pytest.mark.parametrize(
    "options",
    [
        ["--key", "nothing.pem"],
        ["--key", "junk"],
        ["--jwk", "nothing.jwk"],
        ["--jwk", "{"],
        ["--jwk", '{"kty":"EC"}'],
        ["--jwk", '{"kty":"oct","k":"c2VjcmV0LW1hdGVyaWFs"}'],
    ],
)
def test_what_is_no_public_key_is_refused_on_one_line(keyed: Cli, options: list[str]) -> None:
    keyed.write("junk", "junk")
    refused = keyed("machines", "add", "depot", *options)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.count("\n") == 1
    assert "c2VjcmV0" not in refused.err
    assert not (keyed.folder / "machines.json").exists()


def test_one_of_the_two_key_options_must_be_given(keyed: Cli) -> None:
    assert keyed("machines", "add", "depot").status == 2
    assert keyed("machines", "add", "depot", "--key", "depot.pem", "--jwk", _jwk()).status == 2


def test_credential_from_standard_input_file_or_variable_is_kept_as_its_hash(keyed: Cli) -> None:
    keyed.write("key.txt", "an-api-key\n")
    keyed.set(API_KEY="an-api-key")
    for number, source in enumerate(("key:-", "key:@key.txt", "key:env:API_KEY", _HASH)):
        told = _added(keyed, "--permit", source, "--file", f"{number}.json", given="an-api-key\n")
        assert told["credentials"] == [_HASH]
        assert "an-api-key" not in Path(f"{number}.json").read_text()


def test_subjects_of_tokens_are_permitted_by_issuer_and_subject(keyed: Cli) -> None:
    told = _added(keyed, "--permit", "iss=https://a.example/?x=1,y,sub=a,b", "--permit", "sub=c,iss=https://c.example")
    assert told["credentials"] == [
        {"iss": "https://a.example/?x=1,y", "sub": "a,b"},
        {"iss": "https://c.example", "sub": "c"},
    ]


@pytest.mark.parametrize("permit", ["an-api-key", "key:an-api-key", "sha256:an-api-key", "iss=an-api-key", ""])
def test_permit_in_the_wrong_form_is_refused_and_not_repeated(keyed: Cli, permit: str) -> None:
    refused = keyed("machines", "add", "depot", "--key", "depot.pem", "--permit", permit)
    assert (refused.status, refused.out) == (2, "")
    assert "an-api-key" not in refused.err
    assert not (keyed.folder / "machines.json").exists()


@pytest.mark.parametrize("given", ["", "\n", "Bearer abc", "two words", "two\nlines"])
def test_what_is_no_single_credential_is_refused(keyed: Cli, given: str) -> None:
    refused = keyed("machines", "add", "depot", "--key", "depot.pem", "--permit", "key:-", given=given)
    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert not (keyed.folder / "machines.json").exists()


def test_variable_that_is_not_set_is_named(keyed: Cli) -> None:
    refused = keyed("machines", "add", "depot", "--key", "depot.pem", "--permit", "key:env:NOBODY_SETS_THIS")
    assert "NOBODY_SETS_THIS is not set" in refused.err


def test_standard_input_is_read_for_one_thing_only(keyed: Cli) -> None:
    refused = keyed("machines", "add", "depot", "--jwk", "-", "--permit", "key:-", given=_jwk())
    assert refused.status == 2
    assert "read once" in refused.err


def test_limits_are_kept(keyed: Cli) -> None:
    told = _added(
        keyed, "--permit", "any", "--scope", "orders:write", "--scope", "orders:read", "--network", "10.1.0.0/16",
        "--schedule", "mon-fri 08:00-18:00 UTC", "--valid-from", "2026-01-02", "--valid-until", "2126-01-02T03:04:05Z",
        "--owner", "logistics", "--id", "depot-1",
    )  # fmt: skip
    assert told["scopes"] == ["orders:read", "orders:write"]
    assert told["networks"] == ["10.1.0.0/16"]
    assert told["schedule"] == "mon-fri 08:00-18:00 UTC"
    assert told["valid_from"] == "2026-01-02T00:00:00Z"
    assert told["valid_until"] == "2126-01-02T03:04:05Z"
    assert (told["owner"], told["id"]) == ("logistics", "depot-1")


@pytest.mark.parametrize(
    ("option", "value", "advice"),
    [
        ("--schedule", "always", "mon-fri"),
        ("--network", "10.1.2.3/8", "10.0.0.0/8"),
        ("--scope", "two words", "scope"),
        ("--id", "../x", "letters"),
        ("--valid-until", "tomorrow", "90d"),
    ],
)
def test_wrong_limit_is_answered_with_what_to_write(keyed: Cli, option: str, value: str, advice: str) -> None:
    refused = keyed("machines", "add", "depot", "--key", "depot.pem", option, value)
    assert refused.status in (1, 2)
    assert advice in refused.err
    assert refused.err.count("\n") == 1


def test_pending_machine_waits_for_resume(keyed: Cli) -> None:
    told = keyed.ok("machines", "add", "depot", "--id", "d", "--key", "depot.pem", "--permit", "any", "--pending")
    assert "mfa-middleware machines resume d" in told.out
    assert keyed.ok("machines", "show", "d", "--json").json()["state"] == "pending"
    keyed.ok("machines", "resume", "d")
    assert keyed.ok("machines", "show", "d", "--json").json()["state"] == "active"


def test_same_key_or_id_is_not_enrolled_twice(keyed: Cli) -> None:
    _added(keyed, "--permit", "any", "--id", "one")
    before = (keyed.folder / "machines.json").read_text()
    assert "same key" in keyed("machines", "add", "two", "--key", "depot.pem").err
    keyed.ok("keygen", "other.pem")
    assert "'one'" in keyed("machines", "add", "two", "--key", "other.pem", "--id", "one").err
    assert (keyed.folder / "machines.json").read_text() == before


def test_algorithm_must_fit_the_key(keyed: Cli) -> None:
    refused = keyed("machines", "add", "depot", "--key", "depot.pem", "--alg", "Ed25519")
    assert refused.status == 1
    assert "ES256" in refused.err


def test_registry_that_others_can_write_is_refused_with_the_cure(keyed: Cli) -> None:
    _added(keyed, "--permit", "any")
    (keyed.folder / "machines.json").chmod(0o666)
    refused = keyed("machines", "add", "two", "--key", "depot.pem")
    assert refused.status == 1
    assert "chmod go-w" in refused.err
