"""Sign the requests of any test client, without knowing which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mfa_middleware.client.signer import Exchange, Signer, SignerOptions
from mfa_middleware.client.target import Target
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.http import Request
from mfa_middleware.service import Service
from mfa_middleware.testing.machines import TestMachine

__all__ = ["Call", "Caller"]

_LOOPBACK: Final = "localhost"


class Caller:
    """A machine that calls an app as from outside: at its public origin and prefix, on the clock of its service."""

    def __init__(self, service: Service, machine: TestMachine, key: str | None, options: SignerOptions) -> None:
        self._service = service
        places = service.settings.credentials
        given: SignerOptions = {"places": places, "clock": service.clock.wall, **options}
        self._signer = Signer(machine.key, **given)
        self.credential = None if key is None else _credential(key, places)
        """The header that carries the key: its name in lower case, and its value."""

    @property
    def base_url(self) -> str:
        """Where the app is reached, for clients that want a URL."""
        return next(iter(self._service.settings.origins), f"http://{_LOOPBACK}")

    def host(self) -> str:
        """The Host header of a request that has none."""
        return self.base_url.partition("://")[2]

    def begin(self) -> Call:
        """One request and its retries."""
        return Call(self._service, self._signer.exchange())


class Call:
    """One request, with a new proof for each attempt."""

    def __init__(self, service: Service, exchange: Exchange) -> None:
        self._service, self._exchange = service, exchange

    def proof(self, request: Request, body: bytes) -> str:
        """The value of the DPoP header for the next attempt."""
        headers = [(name, value) for name, value in request.headers if name != b"dpop"]
        target = Target.on_wire(self._origin(request, headers), self._path(request))
        return self._exchange.headers(request.method, target, headers, body)["DPoP"]

    def again(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bool:
        """Learn from the answer. Whether to send once more, with a new proof."""
        return self._exchange.learn(status, headers, body)

    def _path(self, request: Request) -> str:
        query = f"?{request.query.decode('latin-1')}" if request.query else ""
        return f"{self._service.settings.path_prefix}{request.raw_path}{query}"

    def _origin(self, request: Request, headers: list[tuple[bytes, bytes]]) -> str:
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), _LOOPBACK)
        origins = self._service.settings.origins
        named = [origin for origin in origins if origin.partition("://")[2] == host.lower()]
        scheme = request.scheme.replace("ws", "http")  # so that a socket knows the nonces that requests were given
        return next(iter([*named, *origins]), f"{scheme}://{host}")


def _credential(key: str, places: tuple[str, ...]) -> tuple[str, str]:
    headers = [place for place in places if ":" not in place]
    if "x-api-key" in headers:
        return "x-api-key", key
    if not headers:
        raise ConfigurationError("key: the app looks for no credential in a header (MFA_CREDENTIALS); send it yourself")
    return headers[0], f"Bearer {key}" if headers[0] == "authorization" else key
