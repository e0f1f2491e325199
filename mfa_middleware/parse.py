"""The checks of settings: each takes text or the natural type, and returns the value or raises ValueError.

The message of the error says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.uri import InvalidURI, is_ambiguous_path, is_printable, normalise_path, origin_of

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ORIGIN: Final = re.compile(r"(https?)://([^/?#]+)/?", re.IGNORECASE)
_NO_HOST: Final = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_PORT: Final = re.compile(r":([0-9]+)$")
_LAST_PORT: Final = 65_535
_BOOLEANS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
    "": False,
}
_JWT_ALGORITHMS: Final = frozenset(
    {*ALGORITHMS, "HS256", "HS384", "HS512", "RS384", "RS512", "PS384", "PS512", "ES512", "ES256K", "Ed448"}
)  # fmt: skip


class Nonces(StrEnum):
    """When a proof must carry a nonce of this server (RFC 9449 9)."""

    OFF = "off"
    RECOVER = "recover"
    REQUIRED = "required"


class Outage(StrEnum):
    """What happens to requests while the replay store of all hosts is away."""

    CLOSED = "closed"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Mode:
    """Whether refusals are carried out: `off`, `report`, or `enforce` for `percent` of the credentials."""

    name: str
    percent: float = 100.0

    def __str__(self) -> str:
        return self.name if self.percent == 100 or self.name != "enforce" else f"enforce:{self.percent:g}%"


def mode(value: Any) -> Mode:
    if isinstance(value, Mode):
        return value
    written = str(value).strip().lower()
    if written in ("off", "report", "enforce"):
        return Mode(written)
    match = re.fullmatch(r"enforce:(\d{1,3}(?:\.\d{1,3})?)%", written)
    if match and float(match[1]) <= 100:
        return Mode("enforce", float(match[1]))
    raise ValueError(f"write off, report, enforce or enforce:25% instead of {_shown(value)}")


def text(value: Any) -> str:
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise ValueError(f"write text instead of {_shown(value)}")
    if not (written := str(value).strip()):
        raise ValueError("write a value, or unset it for the default")
    return written


def outage(value: Any) -> Outage:
    written = str(value).strip().lower()
    if written not in ("closed", "host"):
        raise ValueError(f"write closed or host instead of {_shown(value)}")
    return Outage(written)


def seconds(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0.001 <= number <= 10:
        raise ValueError(f"write seconds from 0.001 to 10, such as 0.05, instead of {_shown(value)}")
    return number


def optional(value: Any) -> str | None:
    return text(value) if value else None


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return _BOOLEANS[str(value).strip().lower()]
    except KeyError:
        raise ValueError(f"write yes or no instead of {_shown(value)}") from None


def _integer(value: Any, low: int, high: int) -> int:
    try:
        number = int(str(value).strip().replace("_", "")) if not isinstance(value, bool) else -1
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ValueError(f"write a whole number from {low} to {high} instead of {_shown(value)}")
    return number


def count(value: Any) -> int:
    return _integer(value, 0, 16)


def size(value: Any) -> int:
    return _integer(value, 0, 2**30)


def capacity(value: Any) -> int:
    return _integer(value, 1_000, 100_000_000)


def quota(value: Any) -> int | None:
    return _integer(value, 1, 100_000_000) if value not in ("", None) else None


def words(value: Any) -> tuple[str, ...]:
    """A list, or text with commas, as stripped words without repetitions."""
    if not isinstance(value, Iterable) or isinstance(value, bytes | Mapping):
        raise ValueError(f"write a list, or text with commas, instead of {_shown(value)}")
    parts: Iterable[Any] = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(word for part in parts if (word := str(part).strip())))


def places(value: Any) -> tuple[str, ...]:
    found = words(value)
    if [word.lower() for word in found] == ["none"]:
        return ()
    if not found:
        raise ValueError("write at least one place, or none if the proof is the only factor")
    checked = tuple(dict.fromkeys(_place(word) for word in found))
    if len({place.lower() for place in checked}) < len(checked):
        raise ValueError("write places whose names differ in more than upper and lower case: `oth` has one case only")
    return checked


def _place(place: str) -> str:
    kind, colon, name = place.partition(":")
    if _TOKEN.fullmatch(name if colon else kind) is None or (colon and kind.lower() not in ("cookie", "query")):
        raise ValueError(f"write header names, cookie:NAME or query:NAME instead of {_shown(place)}")
    if colon:
        return f"{kind.lower()}:{name}"
    if kind.lower() in ("dpop", "cookie", "host", "none"):
        raise ValueError(f"{place} is not a place for a credential; for a cookie write cookie:NAME")
    if "_" in kind:
        raise ValueError(f"write {kind.replace('_', '-')} instead of {kind}: many servers drop a header with _")
    return kind.lower()


def origins(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_origin(word) for word in words(value)))


def _origin(word: str) -> str:
    match = _ORIGIN.fullmatch(word)
    shown = _shown(word.rpartition("@")[2])
    if match is None:
        raise ValueError(f"write origins such as https://api.example.com, without a path, instead of {shown}")
    try:
        host = match[2] if match[2].isascii() else match[2].encode("idna").decode("ascii")
        origin = origin_of(match[1], host) if _NO_HOST.search(host) is None else None
    except (InvalidURI, UnicodeError):
        origin = None
    if origin is None:
        raise ValueError(f"write a host and an optional port, without a user or a pattern, instead of {shown}")
    if (port := _PORT.search(origin)) is not None and int(port[1]) > _LAST_PORT:
        raise ValueError(f"write a port up to {_LAST_PORT} instead of {port[1]}")
    return origin


def path_prefix(value: Any) -> str:
    prefix = str(value).strip().rstrip("/")
    if prefix and not _is_exact_path(prefix):
        raise ValueError(f"write a path such as /api instead of {_shown(value)}")
    return normalise_path(prefix) if prefix else ""


def paths(value: Any) -> frozenset[str]:
    found = words(value)
    for path in found:
        if not _is_exact_path(path) or "*" in path or "%" in path:
            raise ValueError(f"write exact paths such as /health, without patterns, instead of {_shown(path)}")
    return frozenset(found)


def _is_exact_path(path: str) -> bool:
    return path.startswith("/") and is_printable(path) and not is_ambiguous_path(path) and not set(path) & {"?", "#"}


def algorithms(value: Any) -> frozenset[str]:
    return _names(value, frozenset(ALGORITHMS), required=True)


def jwt_algorithms(value: Any) -> frozenset[str]:
    return _names(value, _JWT_ALGORITHMS, required=False)


def _names(value: Any, known: frozenset[str], *, required: bool) -> frozenset[str]:
    found = frozenset(words(value))
    if unknown := found - known:
        raise ValueError(f"write names out of {', '.join(sorted(known))} instead of {_shown(min(unknown))}")
    if required and not found:
        raise ValueError("write at least one algorithm, for example ES256")
    return found


def nonces(value: Any) -> Nonces:
    try:
        return Nonces(str(value).strip().lower())
    except ValueError:
        raise ValueError(f"write off, recover or required instead of {_shown(value)}") from None


def app_name(value: Any) -> str:
    name = str(value).strip()
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) is None:
        raise ValueError(f"write 1 to 64 letters, digits, dots, dashes or underscores instead of {_shown(value)}")
    return name


def secret(value: Any) -> bytes | None:
    if value in ("", b"", None):
        return None
    if not isinstance(value, str | bytes):
        raise ValueError(f"write text or bytes, not a value of type {type(value).__name__}")
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) < 32:
        raise ValueError(f"write at least 32 random characters instead of {len(raw)}; one way: openssl rand -base64 32")
    return raw


def _shown(value: Any) -> str:
    return repr(str(value)[:60])
