"""A curl command that sends a signed request, without its credential in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from mfa_middleware.cli.headers import Header
from mfa_middleware.client.target import Target

__all__ = ["curl_command", "unset_variables"]

_HARMLESS: Final = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "user-agent"})
_GLOBS: Final = re.compile(r"[][{}]")
_DOTS: Final = re.compile(r"/\.\.?(?:/|$)")


def curl_command(
    method: str, target: Target, headers: Sequence[Header], data: str | None, signed: Mapping[str, str]
) -> str:
    """The command, over several lines. A secret header reaches curl by standard input, where no other user sees it.

    `data`: as it was typed, the text or @FILE.
    """
    secrets = [header for header in headers if header.name.lower() not in _HARMLESS]
    harmless = [f"{header.name}: {header.value}" for header in headers if header not in secrets]
    parts = ["curl -H @-" if secrets else "curl", *_method(method, data)]
    parts += [f"-H {shlex.quote(line)}" for line in harmless]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.items()]
    parts += [] if data is None else [f"--data-binary {shlex.quote(data)}"]
    return _piped(secrets) + " \\\n  ".join([*parts, *_url(target)])


def unset_variables(headers: Sequence[Header]) -> list[str]:
    """The variables of the command that its user must set: those of values that were typed, or read from a pipe."""
    return [_variable(header) for header in headers if header.name.lower() not in _HARMLESS and _is_lost(header)]


def _method(method: str, data: str | None) -> list[str]:
    if method == "HEAD":
        return ["--head"]
    return [] if method == "GET" and data is None else [f"--request {shlex.quote(method)}"]


def _url(target: Target) -> list[str]:
    url = f"{target.htu}?{target.query}" if target.query else target.htu
    flags = ["--globoff"] if _GLOBS.search(url) else []
    return [*flags, *(["--path-as-is"] if _DOTS.search(target.path) else []), shlex.quote(url)]


def _piped(secrets: Sequence[Header]) -> str:
    """printf is a part of the shell, so what it prints is in no list of processes."""
    lines = "".join(f"printf '%s: %s\\n' {shlex.quote(header.name)} {_value(header)}; " for header in secrets)
    return f"{{ {lines}}} |\n" if secrets else ""


def _value(header: Header) -> str:
    scheme = shlex.quote(f"{header.scheme} ") if header.scheme else ""
    source = header.source or "-"
    if source[:1] == "@":
        return f'{scheme}"$(cat -- {shlex.quote(source[1:])})"'
    return f'{scheme}"${{{_variable(header)}}}"'


def _is_lost(header: Header) -> bool:
    return header.source in (None, "-")


def _variable(header: Header) -> str:
    if header.source is not None and header.source.startswith("env:"):
        return header.source.removeprefix("env:")
    return re.sub(r"\W|^(?=\d)", "_", header.name, flags=re.ASCII).upper()
