"""Which credentials a machine may use, as they are written after `--permit`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from mfa_middleware.cli.errors import UsageError
from mfa_middleware.cli.sources import FORMS, check_one_reader, is_source, read_credential
from mfa_middleware.credentials import hash_of
from mfa_middleware.machines import Machine, Permits

__all__ = ["HELP", "merged", "read_permits", "stdin_users", "summary_of"]

HELP: Final = (
    "a credential that it may use: key:- (the API key or token comes from standard input; also key:@FILE, "
    "key:env:VARIABLE), sha256:... (see the hash command), iss=ISSUER,sub=SUBJECT (of a JWT) or any"
)
_SUBJECTS: Final = (re.compile(r"iss=(?P<iss>.+?),sub=(?P<sub>.+)"), re.compile(r"sub=(?P<sub>.+?),iss=(?P<iss>.+)"))
_KEY: Final = "key:"


def stdin_users(permits: Iterable[str]) -> list[str]:
    """The sources of the permits that hold a credential."""
    return [text.removeprefix(_KEY) for text in permits if text.startswith(_KEY)]


def read_permits(permits: Iterable[str]) -> list[Any]:
    """The JSON form of permits. A credential is read and only its hash kept. Raises UsageError or CommandError."""
    texts = list(permits)
    check_one_reader(stdin_users(texts))
    return [_read(text) for text in texts]


def merged(items: list[Any], *, without: Iterable[Any] = ()) -> list[Any]:
    """The items in their stable order, each once."""
    dropped = list(without)
    return Permits.parse([item for item in items if item not in dropped]).to_json()


def summary_of(machine: Machine) -> str:
    """What a machine may use, in a few words."""
    permits = machine.credentials
    counts = ((len(permits.hashes), "credential"), (len(permits.subjects), "subject"))
    words = ["any"] if permits.any else []
    words += [f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counts if count]
    return ", ".join(words) or "none"


def _read(text: str) -> Any:
    if text == "any" or text.startswith("sha256:"):
        return _checked(text)
    for form in _SUBJECTS:
        if match := form.fullmatch(text):
            return _checked({"iss": match["iss"], "sub": match["sub"]})
    source = text.removeprefix(_KEY)
    if text.startswith(_KEY) and is_source(source):
        return f"sha256:{hash_of(read_credential(source))}"
    if text.startswith(_KEY):
        raise UsageError(f"key: takes no credential itself, everybody can read command lines; write key: and {FORMS}")
    raise UsageError("a permit is none of any, sha256:..., iss=...,sub=... and key:- (not shown, it may be secret)")


def _checked(item: Any) -> Any:
    try:
        Permits.parse([item])
    except ValueError:
        wrong = "is too long" if isinstance(item, dict) else "is not of a SHA-256; make it with mfa-middleware hash"
        raise UsageError(f"the {'subject' if isinstance(item, dict) else 'hash'} of a permit {wrong}") from None
    return item
