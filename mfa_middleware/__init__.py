"""A second factor for machines, inside the application process.

Each face has a module of its own: `mfa_middleware.fastapi`, `.flask`, `.django`, and `.asgi` and `.wsgi` for any
other app; calling machines use `mfa_middleware.client`, tests use `mfa_middleware.testing`. The names here are what
these share. None of them imports a framework, and each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mfa_middleware.decision import Decision
    from mfa_middleware.errors import Code, ConfigurationError, Refusal, StoreError
    from mfa_middleware.events import Event
    from mfa_middleware.machines import Machine, State
    from mfa_middleware.route import Route
    from mfa_middleware.service import Service
    from mfa_middleware.settings import Settings

    __version__: str

__all__ = [
    "Code",
    "ConfigurationError",
    "Decision",
    "Event",
    "Machine",
    "Refusal",
    "Route",
    "Service",
    "Settings",
    "State",
    "StoreError",
    "__version__",
]

_HOMES: Final = {
    "Code": "errors",
    "ConfigurationError": "errors",
    "Decision": "decision",
    "Event": "events",
    "Machine": "machines",
    "Refusal": "errors",
    "Route": "route",
    "Service": "service",
    "Settings": "settings",
    "State": "machines",
    "StoreError": "errors",
}


if not TYPE_CHECKING:  # or type checkers would believe that every name exists

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            value = version("mfa_middleware")
        elif name in _HOMES:
            value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
