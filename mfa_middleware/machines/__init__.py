"""Machines: who is enrolled, what each may do, and the registries that hold them."""

from __future__ import annotations

from mfa_middleware.machines.editing import add, edit, load, rotate, set_state, update
from mfa_middleware.machines.entry import to_json
from mfa_middleware.machines.errors import RegistryError
from mfa_middleware.machines.file import FileRegistry
from mfa_middleware.machines.machine import Machine, State
from mfa_middleware.machines.networks import Address, Network, parse_network, within
from mfa_middleware.machines.permits import Permits
from mfa_middleware.machines.registry import Registry
from mfa_middleware.machines.schedule import Schedule, parse_schedule
from mfa_middleware.machines.seen import last_seen

__all__ = [
    "Address",
    "FileRegistry",
    "Machine",
    "Network",
    "Permits",
    "Registry",
    "RegistryError",
    "Schedule",
    "State",
    "add",
    "edit",
    "last_seen",
    "load",
    "parse_network",
    "parse_schedule",
    "rotate",
    "set_state",
    "to_json",
    "update",
    "within",
]
