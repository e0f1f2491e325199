"""Every option, once: its field, its MFA_ variable, its default, its check and its line in the docs."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mfa_middleware import parse, parse_firewall, parse_keys
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.firewall.inspector import Mode as FirewallMode
from mfa_middleware.parse import Mode, Nonces, Outage

__all__ = ["Mode", "Nonces", "Outage", "Settings", "options", "table", "without_login"]

_PREFIX: Final = "MFA_"
_SECRET_FILE: Final = "secret_file"  # noqa: S105 - the name of a setting
_FOREIGN: Final = frozenset({"MFA_CLIENT_KEY", "MFA_CLIENT_KEY_FILE"})  # read by the client side


def _option(check: Callable[[Any], Any], default: str, text: str, *, secret: bool = False) -> Any:
    return field(default=check(default), repr=not secret, metadata={"check": check, "default": default, "text": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one app, checked. Build one with `Settings.load`."""

    mode: Mode = _option(
        parse.mode,
        "enforce",
        "`off`, `report` (refuse nothing, tell everything), `enforce`, or `enforce:N%` of the credentials.",
    )
    credentials: tuple[str, ...] = _option(
        parse.places,
        "authorization, x-api-key",
        "Where the primary credential is, in order: header names, `cookie:NAME`, `query:NAME`; `none`: no such factor.",
    )
    machines: str = _option(parse.text, "machines.json", "The file of enrolled machines.")
    first_use: bool = _option(
        parse.boolean, "no", "In report mode, enrol an unknown machine as *pending* when its proof verifies."
    )
    origins: tuple[str, ...] = _option(
        parse.origins,
        "",
        "The public origins of the app, such as `https://api.example.com`. Empty: only loopback is served.",
    )
    path_prefix: str = _option(parse.path_prefix, "", "The public path prefix that a proxy strips, for example `/api`.")
    trusted_proxies: int = _option(
        parse.count,
        "0",
        "How many trusted proxies append to X-Forwarded-For; the client address is counted from the right.",
    )
    exempt: frozenset[str] = _option(
        parse.paths, "", "Paths that need neither credential nor proof, exactly as routed, for example `/health`."
    )
    algorithms: frozenset[str] = _option(
        parse.algorithms,
        "ES256, Ed25519, EdDSA, PS256",
        "The algorithms of proofs. Also possible: ES384, RS256, ML-DSA-44, ML-DSA-65.",
    )
    nonce: Nonces = _option(
        parse.nonces,
        "recover",
        "`off`, `recover` (a proof out of time, or after a restart, is answered with a nonce) or `required`.",
    )
    require_query: bool = _option(parse.boolean, "no", "Every proof must bind the query (`htq`).")
    require_body: bool = _option(parse.boolean, "no", "Every proof must bind the body (`htd`).")
    body_limit: int = _option(
        parse.size, "1048576", "The largest body that can be bound, in bytes; a larger one is answered 413."
    )
    replay_store: str = _option(
        parse.text,
        "shared:",
        "Where used proofs are remembered: `shared:` (all workers of this host), `valkey://HOST:PORT` or "
        "`redis://HOST:PORT` (all hosts), `django-cache:ALIAS` (the server of a cache of the project), or `memory:` "
        "(one process).",
        secret=True,
    )
    store_timeout: float = _option(
        parse.seconds, "0.05", "How long a request waits for a store on a server, in seconds; then it is refused."
    )
    store_outage: Outage = _option(
        parse.outage,
        "closed",
        "While a store on a server is away: `closed` (every request is answered 503), or `host` (the store of this "
        "host stands in, for proofs with a nonce of this host).",
    )
    accept_replays_during_outage: frozenset[str] = _option(
        parse.paths,
        "",
        "DANGER. Paths, exactly as routed, on which a captured proof can be used again while the store is away.",
    )
    app: str = _option(
        parse.app_name,
        "default",
        "The name of the app on this host; apps with the same name and user share the `shared:` store.",
    )
    capacity: int = _option(parse.capacity, "1000000", "How many used proofs the store holds at a time.")
    machine_quota: int | None = _option(
        parse.quota,
        "",
        "How many live proofs one machine may have, less while the store is nearly full; empty: a quarter of the "
        "capacity.",
    )
    secret: bytes | None = _option(
        parse.secret,
        "",
        "The key of nonces and of `enforce:N%`, at least 32 characters; empty: random and kept in the store.",
        secret=True,
    )
    firewall: FirewallMode = _option(
        parse_firewall.mode,
        "enforce",
        "What becomes of a bearer JWT, or a request, with a bypass trick in it: `off`, `report` or `enforce`.",
    )
    firewall_allow: frozenset[str] = _option(
        parse_firewall.allowed, "", "Ids of the catalogue of tricks that are told and not refused."
    )
    firewall_report: frozenset[str] = _option(
        parse.paths, "", "Paths, exactly as routed, on which tricks are told and not refused."
    )
    form_tokens: frozenset[str] = _option(
        parse_firewall.fields,
        "",
        "Names of form fields that hold tokens, such as `access_token`: the bodies of forms are read for them.",
    )
    jwt_algorithms: frozenset[str] = _option(
        parse.jwt_algorithms,
        "",
        "The algorithms of bearer JWTs that this app accepts; others are forgeries. Empty: all but `none`.",
    )
    jwt_keys: tuple[str, ...] = _option(
        parse_keys.jwt_keys,
        "",
        "The keys of bearer JWTs: PEM, certificates, JWKs or JWK Sets, as text, files or https URLs of JWK Sets.",
        secret=True,
    )
    jwt_issuers: tuple[str, ...] = _option(
        parse.words, "", "The `iss` that a bearer JWT may have, exactly; empty: any. Counts with MFA_JWT_KEYS."
    )
    jwt_audiences: tuple[str, ...] = _option(
        parse.words, "", "The `aud` of this app, exactly; empty: any. Counts with MFA_JWT_KEYS."
    )
    jwt_ca_file: str | None = _option(
        parse.optional, "", "The CA certificates for the URLs of MFA_JWT_KEYS, in PEM; empty: those of the system."
    )
    jwt_secrets_file: str | None = _option(
        parse.optional,
        "",
        "A file with up to 1000 HMAC secrets that attackers know, one a line, which forged tokens are tried with.",
    )
    event_log: str | None = _option(
        parse.optional, "", "A file that every event is appended to, one line of JSON each."
    )

    @classmethod
    def load(cls, given: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from `given` (field names, or MFA_ names) over the environment.

        Raises ConfigurationError with one line that says what to write instead.
        """
        environment = os.environ if environ is None else environ
        values = _from_environment(environment) | _from_mapping(given or {})
        return cls(**{name: _checked(name, value) for name, value in values.items()})

    @property
    def quota(self) -> int:
        """How many live proofs one machine may have (MFA_MACHINE_QUOTA)."""
        return self.machine_quota if self.machine_quota is not None else max(1, self.capacity // 4)


def without_login(uri: str) -> str:
    """The URI of a store as it may be shown."""
    uri = re.sub(r"//[^/?#]*@", "//...@", uri)
    return re.sub(r"([?&]sentinel_(?:username|password))=[^&]*", r"\1=...", uri)


def options() -> Mapping[str, dataclasses.Field[Any]]:
    """The options by the name of their field."""
    return {option.name: option for option in dataclasses.fields(Settings)}


def table() -> str:
    """The options as a Markdown table, for the docs."""
    lines = ["| variable | default | what it says |", "|---|---|---|"]
    for name, option in options().items():
        default = f"`{option.metadata['default']}`" if option.metadata["default"] else "empty"
        lines.append(f"| `{_PREFIX}{name.upper()}` | {default} | {option.metadata['text']} |")
    return "\n".join(lines) + "\n"


def _checked(name: str, value: Any) -> Any:
    try:
        return options()[name].metadata["check"](value)
    except ValueError as error:
        raise ConfigurationError(f"{_PREFIX}{name.upper()}: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    return _from_mapping({name: environ[name] for name in environ if name.startswith(_PREFIX) and name not in _FOREIGN})


def _from_mapping(given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = key.removeprefix(_PREFIX).lower()
        if name in options() or name == _SECRET_FILE:
            values |= {name: value} if value is not None else {}
        elif key.startswith(_PREFIX):
            _refuse_near_miss(key)
        else:
            raise ConfigurationError(f"{key} is not an option{_suggestion(name)}")
    return _with_secret(values)


def _with_secret(values: dict[str, Any]) -> dict[str, Any]:
    if _SECRET_FILE not in values:
        return values
    if "secret" in values:
        raise ConfigurationError("MFA_SECRET and MFA_SECRET_FILE are both set; keep one of them")
    path = str(values.pop(_SECRET_FILE))
    return values | {"secret": _secret_in(path)}


def _secret_in(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a plain path from the environment
            secret = file.read(65_536).strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"MFA_SECRET_FILE: {path} cannot be read ({type(error).__name__})") from None
    if not secret:
        raise ConfigurationError(f"MFA_SECRET_FILE: {path} is empty; write at least 32 random characters into it")
    return secret


def _refuse_near_miss(variable: str) -> None:
    suggestion = _suggestion(variable.removeprefix(_PREFIX).lower())
    if suggestion:
        raise ConfigurationError(f"{variable} is not an option{suggestion}, or unset it")


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, [*options(), _SECRET_FILE], n=1, cutoff=0.75)
    return f"; write {_PREFIX}{near[0].upper()} instead" if near else ""
