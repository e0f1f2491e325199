"""The members of a machine's JSON entry: how each is read. Every reader raises ValueError that says what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import public_jwk
from mfa_middleware.machines.machine import State
from mfa_middleware.machines.networks import Network, parse_network
from mfa_middleware.machines.permits import Permits
from mfa_middleware.machines.schedule import Schedule, parse_schedule
from mfa_middleware.machines.times import parse_time

__all__ = ["FIELDS", "check_members", "machine_id", "nearest", "state"]

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
# Base64url of 32 bytes: 43 characters, and the last one carries only four bits.
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_MAX_TEXT: Final = 200


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that a mistyped one is nearest to."""
    return get_close_matches(str(name)[:60], list(known), 1, 0.0)[0]


def check_members(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for the first member that is not known; it names the nearest one that is."""
    for name in given:
        if name not in known:
            raise ValueError(f"unknown member {name[:60]!a}; the nearest known one is {nearest(name, known)!r}")


def machine_id(value: object) -> str:
    """An id: it becomes a file name, so it can be no path."""
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in {".", ".."}:
        raise ValueError("write 1 to 64 letters, digits, dots, underscores or dashes")
    return value


def state(value: object) -> State:
    """A state of a machine, by its name."""
    try:
        return State(str(value))
    except ValueError:
        raise ValueError(f"write one of {', '.join(State)} (the nearest is {nearest(value, State)})") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > _MAX_TEXT:
        raise ValueError(f"write a text of at most {_MAX_TEXT} printable characters")
    return value


def _jwk(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("write the public key as a JSON Web Key, an object with kty, crv, x and so on")
    return MappingProxyType(public_jwk(value))


def _algorithm(value: object) -> str:
    if not isinstance(value, str) or value not in ALGORITHMS:
        raise ValueError(f"write one of {', '.join(ALGORITHMS)}")
    return value


def _thumbprint(value: object) -> str:
    if not isinstance(value, str) or not _THUMBPRINT.fullmatch(value):
        raise ValueError("write the RFC 7638 thumbprint, 43 characters of base64url")
    return value


def _schedule(value: object) -> Schedule:
    if not isinstance(value, str):
        raise ValueError('write a text such as "mon-fri 08:00-18:00 Europe/Berlin"')
    return parse_schedule(value)


def _networks(value: object) -> tuple[Network, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('write a list such as ["10.1.0.0/16", "2001:db8::/32"]')
    return tuple(parse_network(item) for item in value)


def _scopes(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and _SCOPE.fullmatch(item) for item in value):
        raise ValueError('write a list such as ["orders:read"]; a scope has no space, quote or backslash')
    return frozenset(value)


def _required(value: object, read: Callable[[object], Any]) -> Any:
    if value is None:
        raise ValueError("is missing")
    return read(value)


def _optional(value: object, read: Callable[[object], Any], default: Any) -> Any:
    return default if value is None else read(value)


FIELDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "id": partial(_required, read=machine_id),
    "name": partial(_optional, read=_text, default=""),
    "jwk": partial(_required, read=_jwk),
    "algorithm": partial(_required, read=_algorithm),
    "thumbprint": partial(_optional, read=_thumbprint, default=None),
    "state": partial(_optional, read=state, default=State.ACTIVE),
    "valid_from": partial(_optional, read=parse_time, default=None),
    "valid_until": partial(_optional, read=parse_time, default=None),
    "schedule": partial(_optional, read=_schedule, default=None),
    "networks": partial(_optional, read=_networks, default=()),
    "scopes": partial(_optional, read=_scopes, default=frozenset()),
    "credentials": partial(_optional, read=Permits.parse, default=Permits()),
    "owner": partial(_optional, read=_text, default=""),
    "next_thumbprint": partial(_optional, read=_thumbprint, default=None),
    "created": partial(_optional, read=parse_time, default=0.0),
}
"""Each member of an entry in the order it is written; null means the same as absent."""
