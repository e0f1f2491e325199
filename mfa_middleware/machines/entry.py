"""One machine as JSON: the entry of the registry file, and back."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, TypeAlias

from mfa_middleware.jose.algorithms import ALGORITHMS
from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.machines.fields import FIELDS, check_members
from mfa_middleware.machines.machine import Machine
from mfa_middleware.machines.times import format_time

__all__ = ["Entry", "completed", "machine_of", "to_json"]

Entry: TypeAlias = dict[str, Any]


def machine_of(entry: Mapping[str, object]) -> Machine:
    """Read an entry. Raises ValueError that names the member and what to write; no key is quoted."""
    check_members(entry, FIELDS)
    values: dict[str, Any] = {}
    for name, read in FIELDS.items():
        try:
            values[name] = read(entry.get(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    _check_key(values)
    _check_validity(values)
    return Machine(**{**values, "name": values["name"] or values["id"]})


def completed(entry: Mapping[str, Any], now: float) -> Entry:
    """The entry of a machine that is enrolled now: with an id, an algorithm that fits and its time of creation."""
    made = {"id": f"m-{b32encode(secrets.token_bytes(5)).decode().lower()}", "created": format_time(int(now))}
    given = {name: value for name, value in entry.items() if value is not None}
    return {**made, "algorithm": _default_algorithm(given.get("jwk")), **given}


def _default_algorithm(jwk: object) -> str | None:
    if not isinstance(jwk, Mapping):
        return None
    fitting = [name for name, algorithm in ALGORITHMS.items() if algorithm.fits(jwk)]
    named = jwk.get("alg")
    return named if named in fitting else next(iter(fitting), None)


def _check_key(values: Entry) -> None:
    own = thumbprint(values["jwk"])
    if values["thumbprint"] not in {None, own}:
        raise ValueError(f"thumbprint: does not belong to jwk; write {own!r} or leave it out")
    if values["next_thumbprint"] == own:
        raise ValueError("next_thumbprint: is that of the present key; write that of the next one")
    if not ALGORITHMS[values["algorithm"]].fits(values["jwk"]):
        fitting = " or ".join(name for name, algorithm in ALGORITHMS.items() if algorithm.fits(values["jwk"]))
        raise ValueError(f"algorithm: {values['algorithm']} does not fit the key in jwk; write {fitting}")
    values["thumbprint"] = own


def _check_validity(values: Entry) -> None:
    start, end = values["valid_from"], values["valid_until"]
    if start is not None and end is not None and end <= start:
        raise ValueError("valid_until: must be later than valid_from")


def to_json(machine: Machine) -> Entry:
    """The complete entry of a machine, as the registry file has it."""
    return {
        "id": machine.id,
        "name": machine.name,
        "jwk": dict(machine.jwk),
        "algorithm": machine.algorithm,
        "thumbprint": machine.thumbprint,
        "state": machine.state.value,
        "valid_from": _time(machine.valid_from),
        "valid_until": _time(machine.valid_until),
        "schedule": None if machine.schedule is None else machine.schedule.text,
        "networks": [str(network) for network in machine.networks],
        "scopes": sorted(machine.scopes),
        "credentials": machine.credentials.to_json(),
        "owner": machine.owner,
        "next_thumbprint": machine.next_thumbprint,
        "created": _time(machine.created or None),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)
