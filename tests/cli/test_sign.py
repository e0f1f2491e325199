"""`sign`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from base64 import b64encode, urlsafe_b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import pytest

from mfa_middleware.client import load_key
from mfa_middleware.credentials import hash_of
from tests.cli.conftest import Cli, Result

_URL = "https://api.example.com/orders"
_CURL = """#!/bin/sh
for argument in "$@"; do printf '%s\\n' "$argument"; done > arguments
cat > input
"""


@pytest.fixture
def keyed(cli: Cli) -> Cli:
    cli.ok("keygen")
    cli.set(PATH=f"{cli.folder}:{os.environ['PATH']}")
    cli.write("curl", _CURL).chmod(0o755)
    return cli


def _claims(told: Result) -> dict[str, Any]:
    """What the proof says, by the verdict of PyJWT."""
    name, _, proof = told.out.strip().partition(": ")
    assert name == "DPoP"
    header = jwt.get_unverified_header(proof)
    claims: dict[str, Any] = jwt.decode(proof, jwt.PyJWK(header["jwk"], header["alg"]).key, [header["alg"]])
    return claims


def _sign(cli: Cli, *arguments: str, given: str = "") -> dict[str, Any]:
    return _claims(cli.ok("sign", *arguments, given=given))


def _run(cli: Cli, command: str, **variables: str) -> tuple[list[str], str]:
    subprocess.run(["sh", "-ec", command], env={**os.environ, **variables}, check=True, timeout=10)
    return (cli.folder / "arguments").read_text().splitlines(), (cli.folder / "input").read_text()


def test_proof_names_the_request_and_its_credential(keyed: Cli) -> None:
    claims = _sign(keyed, "get", f"{_URL}?q=1", "--header", "X-API-Key: an-api-key", "--nonce", "n-1")
    assert (claims["htm"], claims["htu"], claims["nonce"]) == ("GET", _URL, "n-1")
    assert claims["ath"] == hash_of(b"an-api-key")
    assert claims["htq"] == urlsafe_b64encode(hashlib.sha256(b"q=1").digest()).decode().rstrip("=")


def test_credential_comes_from_standard_input_file_or_variable(keyed: Cli) -> None:
    keyed.write("key.txt", "an-api-key\n")
    keyed.set(API_KEY="an-api-key")
    for source in ("-", "@key.txt", "env:API_KEY"):
        for header in (f"X-API-Key: {source}", f"authorization:Bearer {source}", f"Authorization: {source}"):
            assert _sign(keyed, "GET", _URL, "--header", header, given="an-api-key\n")["ath"] == hash_of(b"an-api-key")


def test_several_credentials_are_all_bound(keyed: Cli) -> None:
    claims = _sign(keyed, "GET", _URL, "--header", "Authorization: Bearer t", "--header", "X-API-Key: k")
    assert claims["ath"] == hash_of(b"t")
    assert claims["oth"] == {"x-api-key": hash_of(b"k")}


def test_places_are_those_of_the_option_else_of_the_setting(keyed: Cli) -> None:
    keyed.write("cookies", "a=1; session=s3cret")
    cookie = ("--header", "Cookie: @cookies")
    assert _sign(keyed, "GET", _URL, *cookie, "--places", "cookie:session")["ath"] == hash_of(b"s3cret")
    keyed.set(MFA_CREDENTIALS="cookie:a")
    assert _sign(keyed, "GET", _URL, *cookie)["ath"] == hash_of(b"1")


def test_proof_without_a_credential_is_made_and_told(keyed: Cli) -> None:
    told = keyed.ok("sign", "GET", _URL, "--header", "X-Other: 1")
    assert "ath" not in _claims(told)
    assert "no credential is bound" in told.err
    assert keyed.ok("sign", "GET", _URL, "--places", "none").err == ""


def test_body_is_bound(keyed: Cli) -> None:
    keyed.write("order.json", b"\x00\xff")
    for data, body in (("text", b"text"), ("-", b"text"), ("@order.json", b"\x00\xff")):
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        claims = _sign(keyed, "POST", _URL, "--places", "none", "--data", data, given="text")
        assert claims["htd"] == f"sha-256=:{digest}:"


def test_key_is_the_one_of_the_option_else_of_the_environment_else_machine_pem(keyed: Cli) -> None:
    for file in ("option.pem", "environment.pem"):
        keyed.ok("keygen", file)

    def used(*options: str) -> str:
        proof = keyed.ok("sign", "GET", _URL, "--places", "none", *options).out.split()[1]
        x: str = jwt.get_unverified_header(proof)["jwk"]["x"]
        return x

    assert used() == load_key("machine.pem").public_jwk["x"]
    keyed.set(MFA_CLIENT_KEY_FILE="environment.pem")
    assert used() == load_key("environment.pem").public_jwk["x"]
    assert used("--key", "option.pem") == load_key("option.pem").public_jwk["x"]


def test_no_key_is_made_by_signing(cli: Cli) -> None:
    refused = cli("sign", "GET", _URL)
    assert refused.status == 1
    assert "mfa-middleware keygen" in refused.err
    assert not list(cli.folder.iterdir())


@pytest.mark.parametrize("alg", ["Ed25519", "RS256"])
def test_algorithm_is_that_of_the_key(keyed: Cli, alg: str) -> None:
    keyed.ok("keygen", "k.pem", "--alg", alg)
    told = keyed.ok("sign", "GET", _URL, "--key", "k.pem", "--alg", alg, "--places", "none").out
    assert jwt.get_unverified_header(told.split()[1])["alg"] == alg


@pytest.mark.parametrize(
    "arguments",
    [
        [_URL, "GET"],
        ["GET", "/orders"],
        ["GET", "https://user:an-api-key@api.example.com/"],
        ["GET", _URL, "--header", "an-api-key"],
        ["GET", _URL, "--header", "X-API-Key: an-api-key\nX-Evil: 1"],
        ["GET", _URL, "--header", "X-API-Key: -", "--data", "-"],
        ["GET", _URL, "--header", "X-API-Key: env:"],
        ["POST", _URL, "--data", "-", "--curl"],
        ["GET", f"{_URL}?key=an-api-key", "--places", "query:key", "--curl"],
    ],
)
def test_what_cannot_be_signed_is_a_mistake_and_not_repeated(keyed: Cli, arguments: list[str]) -> None:
    refused = keyed("sign", *arguments, given="an-api-key")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.count("\n") == 1
    assert "an-api-key" not in refused.err


def test_json_has_the_headers_and_no_credential(keyed: Cli) -> None:
    told = keyed.ok("sign", "POST", f"{_URL}?key=an-api-key", "--places", "query:key", "--json")
    assert set(told.json()) == {"method", "htu", "headers"}
    assert set(told.json()["headers"]) == {"DPoP"}
    assert "an-api-key" not in told.out


def test_curl_gets_the_credential_by_standard_input_alone(keyed: Cli) -> None:
    keyed.set(API_KEY_1="an-api-key")
    told = keyed.ok("sign", "GET", f"{_URL}?a=b c", "--header", "X-API-Key: env:API_KEY_1", "--curl")
    assert "an-api-key" not in told.out
    arguments, given = _run(keyed, told.out)
    assert given == "X-API-Key: an-api-key\n"
    assert arguments[:2] == ["-H", "@-"]
    assert arguments[-1] == f"{_URL}?a=b%20c"
    assert "an-api-key" not in json.dumps(arguments)


def test_curl_sends_what_was_signed(keyed: Cli) -> None:
    keyed.write("it's a token", "t0ken\n")
    keyed.write("order.json", "{}")
    told = keyed.ok(
        "sign", "PUT", "https://api.example.com/a/../[b]", "--header", "Authorization: Bearer @it's a token",
        "--header", "Content-Type: application/json", "--header", "X-Note: a $(date) b", "--data", "@order.json",
        "--curl",
    )  # fmt: skip
    arguments, given = _run(keyed, told.out, X_NOTE="n")
    assert given == "Authorization: Bearer t0ken\nX-Note: n\n"
    assert "X_NOTE" in told.err
    pairs = list(pairwise(arguments))
    for pair in (("--request", "PUT"), ("-H", "Content-Type: application/json"), ("--data-binary", "@order.json")):
        assert pair in pairs
    assert arguments[-3:] == ["--globoff", "--path-as-is", "https://api.example.com/a/../[b]"]


def test_credential_that_was_typed_stands_in_no_curl_command(keyed: Cli) -> None:
    told = keyed.ok("sign", "HEAD", _URL, "--header", "X-API-Key: an-api-key", "--curl")
    assert "an-api-key" not in told.out
    arguments, given = _run(keyed, told.out, X_API_KEY="an-api-key")
    assert "--head" in arguments
    assert given == "X-API-Key: an-api-key\n"


def test_default_output_is_what_curl_reads_as_headers(keyed: Cli) -> None:
    told = keyed.ok("sign", "GET", _URL, "--header", "X-API-Key: k")
    assert told.out.count("\n") == 1
    assert told.out.startswith("DPoP: ey")
    assert Path("machine.pem").exists()
