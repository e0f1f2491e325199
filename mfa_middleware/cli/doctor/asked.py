"""What the command was told about the running app."""

from __future__ import annotations

import argparse
import re
from typing import Final, TypeVar

from mfa_middleware.cli.doctor.live import Call
from mfa_middleware.cli.doctor.live.call import MOST_WORKERS, OURS, Address
from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.headers import Header, read_header
from mfa_middleware.cli.parser import Parser
from mfa_middleware.cli.signing import add_signing_options, read_key, read_method, read_places, read_target
from mfa_middleware.cli.sources import check_one_reader

__all__ = ["add_call_options", "read_call"]

_EXAMPLE: Final = "--method GET"
_UNSEEN: Final = frozenset({"HEAD", "CONNECT"})
"""Methods whose answers have no body, so that a refusal would not be recognised."""
_ONLY_WITH_URL: Final = ("key", "alg", "header", "places", "method", "at", "workers", "timeout")
_WORKERS: Final = 32
_SECONDS: Final = 10.0
_LONGEST: Final = 300.0
_Number = TypeVar("_Number", int, float)
_AT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@\s]+)(?::([0-9]{1,5}))?")


def add_call_options(parser: Parser) -> None:
    """`--url` and what belongs to it."""
    parser.add_argument("--url", metavar="URL", help="a protected URL of the running app, as machines call it")
    add_signing_options(parser)
    parser.add_argument("--method", metavar="METHOD", help="how the URL is called; default: GET")
    parser.add_argument(
        "--workers", type=int, metavar="N", help=f"how many connections share one proof; default: {_WORKERS}"
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="connect there instead of to the host of the URL, for single hosts behind a balancer; repeat",
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help=f"how long an answer may take; default: {_SECONDS:.0f}"
    )


def read_call(options: argparse.Namespace) -> Call | None:
    """The request to send, None without --url. Raises UsageError, CommandError, ConfigurationError or OSError."""
    if options.url is None:
        given = [name for name in _ONLY_WITH_URL if getattr(options, name) not in (None, [])]
        if given:
            raise UsageError(f"--{given[0]} says how a running app is called; give --url too")
        return None
    target = read_target(options.url)
    if not target.origin.startswith(("http://", "https://")):
        raise UsageError("--url: write http:// or https://")
    headers = [Header.parse(text) for text in options.header]
    check_one_reader(header.source for header in headers)
    return Call(
        _method(options.method),
        target,
        read_key(options.key, options.alg),
        tuple(map(read_header, map(_checked, headers))),
        read_places(options.places),
        _within("--workers", options.workers, _WORKERS, 2, MOST_WORKERS),
        tuple(_address(text, "https" if target.origin.startswith("https:") else "http") for text in options.at),
        _within("--timeout", options.timeout, _SECONDS, 0.1, _LONGEST),
    )


def _method(text: str | None) -> str:
    method = read_method(text or "GET", _EXAMPLE)
    if method in _UNSEEN:
        raise UsageError(f"--method {method}: its answers have no body to tell a refusal by; write {_EXAMPLE}")
    return method


def _checked(header: Header) -> Header:
    if header.name.lower() in OURS:
        raise UsageError(f"--header {header.name}: the doctor writes this one itself")
    return header


def _within(option: str, value: _Number | None, default: _Number, least: _Number, most: _Number) -> _Number:
    if value is None:
        return default
    if not least <= value <= most:
        raise UsageError(f"{option}: write a number from {least} to {most:g}")
    return value


def _address(text: str, scheme: str) -> Address:
    match = _AT.fullmatch(text)
    port = int(match[2] or {"http": 80, "https": 443}[scheme]) if match else 0
    if match is None or not 0 < port < 65_536:
        raise UsageError(f"--at: {text[:60]!r} is no HOST:PORT")
    return match[1].strip("[]"), port
