"""What the tests of an app need: enrolled machines, signed clients, a frozen clock, enforcement switched off.

    def test_orders():
        client = signed_client(app, enrolled(app, scopes="orders:read"), key="demo-key")
        assert client.get("/orders").status_code == 200

Nothing in the package imports this, and what changes a ready-made app raises outside a running test.
"""

from __future__ import annotations

from mfa_middleware.testing.clients import signed_client
from mfa_middleware.testing.clock import FrozenClock
from mfa_middleware.testing.machines import TestMachine, enrolled
from mfa_middleware.testing.off import mfa_off
from mfa_middleware.testing.registry import MemoryRegistry
from mfa_middleware.testing.services import memory_service, service_of

__all__ = [
    "FrozenClock",
    "MemoryRegistry",
    "TestMachine",
    "enrolled",
    "memory_service",
    "mfa_off",
    "service_of",
    "signed_client",
]
