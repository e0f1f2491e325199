"""A machine in words, and as JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mfa_middleware.cli.console import Console
from mfa_middleware.cli.permits import summary_of
from mfa_middleware.cli.times import ago, shown
from mfa_middleware.machines import Machine, State, last_seen, to_json

__all__ = ["as_json", "facts_of", "told", "warn_of_permits"]


def told(machine: Machine) -> str:
    """Which machine, for a sentence."""
    return machine.id if machine.name == machine.id else f"{machine.id} ({machine.name})"


def as_json(machine: Machine, path: Path, now: float) -> dict[str, Any]:
    """The entry of the registry, with `effective_state`, `refusal` (why it may not act now) and `last_seen`."""
    return {
        **to_json(machine),
        "effective_state": machine.effective_state(now).value,
        "refusal": _refusal(machine, now),
        "last_seen": shown(last_seen(path, machine.id)) or None,
    }


def facts_of(machine: Machine, path: Path, now: float) -> dict[str, str]:
    """What there is to know about a machine, by name; only what is set."""
    seen = last_seen(path, machine.id)
    facts = {
        "id": machine.id,
        "name": machine.name,
        "state": machine.effective_state(now).value,
        "acts now": f"no: {refusal}" if (refusal := _refusal(machine, now)) else "yes",
        "owner": machine.owner,
        "algorithm": machine.algorithm,
        "thumbprint": machine.thumbprint,
        "next key": machine.next_thumbprint or "",
        "permits": "; ".join(_permit(item) for item in machine.credentials.to_json()) or "none, so it can do nothing",
        "scopes": " ".join(sorted(machine.scopes)) or "none",
        "networks": ", ".join(map(str, machine.networks)) or "anywhere",
        "schedule": str(machine.schedule or "always"),
        "valid from": shown(machine.valid_from),
        "valid until": shown(machine.valid_until),
        "created": shown(machine.created or None),
        "last seen": f"{shown(seen)} ({ago(seen, now)})" if seen else "never",
    }
    return {name: value for name, value in facts.items() if value}


def warn_of_permits(machine: Machine, console: Console) -> None:
    """Say loudly that a machine may use no credential, unless it may."""
    if summary_of(machine) == "none" and machine.state in {State.ACTIVE, State.PENDING, State.PAUSED}:
        console.warn(
            f"{machine.id} MAY USE NO CREDENTIAL AT ALL: every request of it that carries one is refused "
            f"(scope_denied).\n  Permit one:  mfa-middleware machines change {machine.id} --permit key:-\n"
            "  which reads the API key or token from standard input; --permit any permits all of them."
        )


def _permit(item: str | dict[str, str]) -> str:
    return item if isinstance(item, str) else f"iss={item['iss']},sub={item['sub']}"


def _refusal(machine: Machine, now: float) -> str | None:
    """Why it may not act now; whether its networks hold depends on the caller."""
    return replace(machine, networks=()).refusal(now, None)
