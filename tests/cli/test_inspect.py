"""`inspect` explains tokens of every kind, and gives nothing away that it must not."""

from __future__ import annotations

import json
import re
import time
import warnings

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mfa_middleware.cli.probe.signing import fresh_key
from mfa_middleware.cli.probe.tokens import compact, hmac_signed
from tests.cli.conftest import Cli

SECRET = "a secret of thirty-two characters"


def token(claims: dict[str, object] | None = None, **header: object) -> str:
    return jwt.encode(
        {"sub": "depot", "exp": int(time.time()) + 3_600, **(claims or {})}, SECRET, "HS256", headers=header
    )


def test_tells_what_it_is_and_each_trick_with_its_references(cli: Cli) -> None:
    told = cli.ok("inspect", "-", given=token(kid="../../dev/null", jku="http://127.0.0.1/")).out
    assert "a signed token (JWS, RFC 7515)" in told
    assert "claim sub" in told
    assert re.search(r"claim exp   +20\d\d-\d\d-\d\dT[0-9:]+Z \(in 60 min\)", told)
    for trick in ("kid_traversal (structural)", "jku_spoof (structural)", "jku_internal (structural, jku)"):
        assert f"\n{trick}\n" in told
    assert "RFC 8725 3.10, CWE-22" in told


def test_json_has_the_same(cli: Cli) -> None:
    told = cli.ok("inspect", "-", "--json", given=token(kid="../../dev/null")).json()
    assert told["header"] == {"alg": "HS256", "kid": "../../dev/null", "typ": "JWT"}
    assert [(one["id"], one["evidence"]) for one in told["findings"]] == [("kid_traversal", "structural")]
    assert (told["attack"], told["verified"]) == (True, None)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("just-a-key", "an opaque credential"),
        ("a.b.c.d.e", "an opaque credential"),
        ('{"payload":"e30","signatures":[]}', "a token in JSON"),
        (compact({"alg": "dir", "enc": "A256GCM"}, {}).decode() + "..", "an encrypted token"),
        (compact({"alg": "none"}, {}).decode().rstrip("."), "a broken token of 2 segments"),
    ],
)
def test_names_every_kind(cli: Cli, given: str, kind: str) -> None:
    assert kind in cli.ok("inspect", "-", given=given).out


def test_takes_off_the_scheme(cli: Cli) -> None:
    assert "signed token" in cli.ok("inspect", "-", given=f"Bearer {token()}\n").out


def test_token_on_the_command_line_is_warned_of(cli: Cli) -> None:
    told = cli.ok("inspect", token())
    assert "no trick was found in it" in told.out
    assert "can be read by other users of this host" in told.err


def test_neither_signature_nor_private_key_is_shown(cli: Cli) -> None:
    key = fresh_key("ES256")
    private = {**key.jwk, "d": "PRIVATE-MEMBER"}
    given = key.token({"alg": "ES256", "jwk": private}, {"sub": "a"}).decode()
    for form in ([], ["--json"]):
        told = cli.ok("inspect", "-", *form, given=given).out
        assert given.rpartition(".")[2] not in told
        assert "PRIVATE-MEMBER" not in told
        assert "private_jwk" in told


def test_terminal_obeys_nothing_of_a_token(cli: Cli) -> None:
    header = {"alg": "none", "\x1b]0;name\x07": "\x1b[31m"}
    told = cli.ok("inspect", "-", given=compact(header, {"\x1b[2J": "\x9b31m"})).out
    assert told.isprintable() or not {"\x1b", "\x07", "\x9b"} & set(told)


def test_numbers_that_json_lacks_are_text(cli: Cli) -> None:
    given = compact({"alg": "none"}, b'{"a":NaN,"exp":1e400}').decode()
    assert cli.ok("inspect", "-", "--json", given=given).json()["claims"] == {"a": "nan", "exp": "inf"}


def test_keys_are_read_from_files_alone(cli: Cli) -> None:
    told = cli("inspect", "-", "--keys", "https://issuer.example/jwks.json", given=token())
    assert (told.status, "keys are never fetched" in told.err) == (1, True)


def test_file_without_a_key_is_told(cli: Cli) -> None:
    cli.write("keys.json", json.dumps({"keys": []}))
    told = cli("inspect", "-", "--keys", "keys.json", given=token())
    assert (told.status, told.err.count("\n")) == (1, 1)


def test_nothing_is_no_token(cli: Cli) -> None:
    assert cli("inspect", "-", given="\n").status == 1


def test_keys_tell_which_tokens_they_signed(cli: Cli) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    cli.write("issuer.json", jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    good = jwt.encode({"sub": "depot", "exp": int(time.time()) + 3_600}, private, "ES256")
    bad = jwt.encode(
        {"sub": "depot", "exp": int(time.time()) + 3_600}, ec.generate_private_key(ec.SECP256R1()), "ES256"
    )
    assert "yes, by one of the keys" in cli.ok("inspect", "-", "--keys", "issuer.json", given=good).out
    assert "NO: none of the keys" in cli.ok("inspect", "-", "--keys", "issuer.json", given=bad).out


def test_known_secret_is_found_without_any_key(cli: Cli) -> None:
    with warnings.catch_warnings(action="ignore"):
        given = jwt.encode({"sub": "depot", "exp": int(time.time()) + 3_600}, "secret", "HS256")
    assert "weak_hmac (confirmed, " in cli.ok("inspect", "-", given=given).out


def test_what_a_forged_token_was_signed_with_is_told(cli: Cli) -> None:
    public = fresh_key("ES256", 7).private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    cli.write("issuer.pem", pem)
    given = hmac_signed({"alg": "HS256", "typ": "JWT"}, {"sub": "admin", "exp": int(time.time()) + 60}, pem)
    told = cli.ok("inspect", "-", "--keys", "issuer.pem", given=given.decode()).out
    assert "key_confusion (confirmed, the signature is the HMAC-SHA256 with " in told
    assert "NO: none of the keys" in told
