"""Secrets that everybody knows: from tutorials, defaults and examples, or none at all."""

from __future__ import annotations

import os
from typing import Final

from mfa_middleware.errors import ConfigurationError

__all__ = ["BLANKS", "KNOWN_SECRETS", "MAX_SECRETS", "read_secrets"]

MAX_SECRETS: Final = 1_000
"""The most that MFA_JWT_SECRETS_FILE may have; 1000 trials of a token of 600 bytes take about 1.2 ms."""

_MAX_FILE: Final = 1024 * 1024

BLANKS: Final = {
    b"": "an empty key, or one of NUL bytes",  # HMAC pads a key with NUL bytes, so these are one key
    b"\0" * 256: "256 NUL bytes",
    b" ": "a space",
    b"\n": "a line end",
    b"null": "the text null",
    b"None": "the text None",
    b"nil": "the text nil",
    b"undefined": "the text undefined",
    b"false": "the text false",
    b"0": "the text 0",
    b"{}": "an empty object",
    b"[]": "an empty list",
    b'""': "two quotes",
    b"[object Object]": "the text [object Object]",
}
"""What a lookup that found no key leaves as one (CVE-2026-44351 and its like)."""

_WORDS: Final = (
    "secret Secret SECRET secret1 secret123 secrets secretkey secretKey SecretKey secret_key secret-key SECRET_KEY "
    "mysecret mysecretkey mySecretKey my_secret my_secret_key my-secret my-secret-key MY_SECRET topsecret top_secret "
    "top-secret supersecret superSecret super_secret super-secret supersecretkey super_secret_key super-secret-key "
    "verysecret very-secret very-secret-key shhhhh shhhhhh shared shared-secret shared_secret sharedsecret "
    "key Key key1 mykey my-key privatekey private-key private_key publickey signingkey signing-key signing_key "
    "hmackey hmac-key hmac-secret masterkey master-key encryptionkey "
    "jwt JWT jwtsecret jwt-secret jwt_secret JWT_SECRET jwtSecret jwtkey jwt-key jwt_key JWT_KEY jwt_secret_key "
    "JWT_SECRET_KEY jwt-secret-key my-jwt-secret your-jwt-secret token tokensecret token-secret token_secret "
    "accesstoken access_token_secret ACCESS_TOKEN_SECRET refresh_token_secret REFRESH_TOKEN_SECRET session "
    "session-secret session_secret SESSION_SECRET cookie-secret "
    "yoursecret your-secret your_secret your-secret-key your_secret_key YOUR_SECRET_KEY yoursecretkey "
    "your-256-bit-secret your-384-bit-secret your-512-bit-secret your-super-secret-key your_jwt_secret "
    "a-string-secret-at-least-256-bits-long a-valid-string-secret-that-is-at-least-384-bits-long "
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long "
    "password Password PASSWORD password1 password123 Password123 Password1 passw0rd P@ssw0rd pass passwd changeme "
    "change-me change_me changeit ChangeMe CHANGEME CHANGE_ME please-change-me changethis default admin admin123 "
    "administrator root toor user guest test Test test123 testing test-secret test_secret testsecret testkey test-key "
    "dev development dev-secret dev-secret-key development-secret local example example-secret example-key sample "
    "demo demo-secret hello helloworld hello-world foo bar foobar baz qux abc abc123 abcdef abcdefg abcdefgh "
    "abcdefghijklmnopqrstuvwxyz qwerty qwerty123 qwertyuiop qwertyuiopasdfghjklzxcvbnm123456 letmein welcome monkey "
    "dragon master 1 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 "
    "0123456789 00000000 01234567890123456789012345678901 12345678901234567890123456789012 "
    "0123456789abcdef 0123456789abcdef0123456789abcdef 0123456789ABCDEF0123456789ABCDEF "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx "
    "AllYourBase thisisasecret this-is-a-secret thisisasecretkey this_is_a_secret ThisIsASecretKey notasecret "
    "django-insecure keyboardcat app application api apikey api-key api_key API_KEY server client node express flask "
    "django fastapi spring laravel rails wordpress"
)
_PHRASES: Final = (
    "keyboard cat",
    "my secret",
    "my secret key",
    "super secret",
    "this is a secret",
    "top secret",
    "your secret key",
    "the quick brown fox jumps over the lazy dog",
    "Keep it secret, keep it safe",
)
KNOWN_SECRETS: Final = tuple(dict.fromkeys(word.encode() for word in (*_WORDS.split(), *_PHRASES)))
"""Secrets that are tried for every suspect."""


def read_secrets(path: str) -> tuple[bytes, ...]:
    """The lines of MFA_JWT_SECRETS_FILE, without their ends, each once. Raises ConfigurationError."""
    try:
        if os.path.getsize(path) > _MAX_FILE:  # noqa: PTH202 - a path of a setting
            raise ConfigurationError(f"MFA_JWT_SECRETS_FILE: {path} is larger than {_MAX_FILE} bytes")
        with open(path, "rb") as file:  # noqa: PTH123
            lines = file.read(_MAX_FILE).splitlines()
    except OSError as error:
        raise ConfigurationError(f"MFA_JWT_SECRETS_FILE: {path} cannot be read ({type(error).__name__})") from None
    secrets = tuple(dict.fromkeys(line for line in lines if line))
    if len(secrets) > MAX_SECRETS:
        raise ConfigurationError(
            f"MFA_JWT_SECRETS_FILE: {path} has {len(secrets)} secrets; keep the {MAX_SECRETS} likeliest, "
            "as each costs about 1 us for every forged token"
        )
    return secrets
