from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.settings import Settings

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
CERTIFICATE = PEM.replace("PUBLIC KEY", "CERTIFICATE")
JWK = json.dumps({"kty": "OKP", "x": "a,b\n}{"})


@pytest.mark.parametrize(
    ("written", "items"),
    [
        ("", ()),
        (" , \n", ()),
        ("/etc/keys/a b.pem", ("/etc/keys/a b.pem",)),
        ("a.pem, https://issuer.example/jwks?a=b\nc.json", ("a.pem", "https://issuer.example/jwks?a=b", "c.json")),
        (PEM, (PEM,)),
        (PEM.replace("\n", "\\n"), (PEM.replace("\n", "\\n"),)),
        (f"{PEM}\n{CERTIFICATE}\n", (f"{PEM}\n{CERTIFICATE}",)),
        (f"{JWK},{PEM}\n,a.pem\n{JWK[:-1]} }}", (JWK, PEM, "a.pem", f"{JWK[:-1]} }}")),
        (f"{JWK}{JWK}", (JWK,)),
        ([PEM, "a,b.pem", {"kty": "oct"}, Path("/c")], (PEM, "a,b.pem", '{"kty": "oct"}', "/c")),
        ({"keys": []}, ('{"keys": []}',)),
    ],
)
def test_items_stand_apart_by_commas_and_line_ends(written: Any, items: tuple[str, ...]) -> None:
    assert Settings.load({"jwt_keys": written}, environ={}).jwt_keys == items
    if isinstance(written, str):
        assert Settings.load(environ={"MFA_JWT_KEYS": written}).jwt_keys == items


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('{"kty": "oct", "k": "topsecret"', "no complete JSON"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA", "no END line"),
        (7, "not a value of type int"),
        (b"a", "not a value of type bytes"),
        ([7], "not as a value of type int"),
    ],
)
def test_what_is_no_list_of_keys_is_refused(written: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="MFA_JWT_KEYS") as caught:
        Settings.load({"jwt_keys": written}, environ={})
    assert reason in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_keys_are_not_shown() -> None:
    assert "topsecret" not in repr(Settings.load({"jwt_keys": {"kty": "oct", "k": "topsecret"}}, environ={}))


def test_issuers_and_audiences_are_lists() -> None:
    environ = {"MFA_JWT_ISSUERS": "https://a.example, https://b.example", "MFA_JWT_AUDIENCES": "api"}
    settings = Settings.load(environ=environ)
    assert settings.jwt_issuers == ("https://a.example", "https://b.example")
    assert settings.jwt_audiences == ("api",)
