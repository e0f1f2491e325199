"""What a request is signed with, as several commands are told it: method, URL, places of credentials, key."""

from __future__ import annotations

import os
import re
from typing import Final

from mfa_middleware.cli.environment import settings_of
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.options import add_algorithm
from mfa_middleware.cli.parser import Parser
from mfa_middleware.client import PrivateKey, key_from_env, load_key
from mfa_middleware.client.target import Target
from mfa_middleware.settings import Settings

__all__ = ["add_signing_options", "read_key", "read_method", "read_places", "read_target"]

_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_USERINFO: Final = re.compile(r"[^/]*//[^/?#]*@")


def add_signing_options(parser: Parser) -> None:
    """`--key`, `--alg`, `--header` and `--places`."""
    parser.add_argument("--key", metavar="FILE", help="default: MFA_CLIENT_KEY_FILE, MFA_CLIENT_KEY, else machine.pem")
    add_algorithm(parser, "RS256 for an RSA key; default: what the key is for (RSA: PS256)")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header of the request, above all the one with its credential; the value (or what stands behind the "
        "scheme of Authorization) may be - (standard input), @FILE or env:VARIABLE; repeat",
    )
    parser.add_argument("--places", metavar="LIST", help="where the app finds credentials; default: MFA_CREDENTIALS")


def read_method(text: str, example: str) -> str:
    """A method in upper case. Raises UsageError, which shows `example`."""
    if _METHOD.fullmatch(text) is None:
        raise UsageError(f"{text[:40]!r} is no method; write: {example}")
    return text.upper()


def read_target(url: str) -> Target:
    """The target of an absolute URL. Raises UsageError."""
    if _USERINFO.match(url):
        raise UsageError("the URL has a user or password in it; write --header 'Authorization: Basic @FILE' instead")
    try:
        return Target.of(url)
    except ValueError as error:
        raise UsageError(f"URL: {error}") from error


def read_places(text: str | None) -> tuple[str, ...]:
    """The places of `--places`, else those of MFA_CREDENTIALS. Raises ConfigurationError."""
    if text is not None:
        return Settings.load({"credentials": text}, environ={}).credentials
    return settings_of("MFA_CREDENTIALS").credentials


def read_key(path: str | None, alg: str | None) -> PrivateKey:
    """The key of `--key`, else of the environment, else of machine.pem. Raises ConfigurationError."""
    if path is not None:
        return load_key(path, create=False, alg=alg)
    if os.environ.get("MFA_CLIENT_KEY") or os.environ.get("MFA_CLIENT_KEY_FILE"):
        return key_from_env()
    return load_key("machine.pem", create=False, alg=alg)
