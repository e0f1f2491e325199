"""Connections of urllib3 that sign each attempt.

The retries of urllib3 happen inside its pools, below everything that an adapter of requests sees, and they send
the same headers again. The connection is the one place that each attempt passes, with the target as it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool

from mfa_middleware.client.requests_bodies import content_of
from mfa_middleware.client.signer import Exchange
from mfa_middleware.client.target import Target

__all__ = ["Sending", "sending", "sign_pools"]


@dataclass(frozen=True, slots=True)
class Sending:
    """A request while its attempts are made: its exchange, its origin, how much of a body file is read."""

    exchange: Exchange
    origin: str
    body_limit: int

    def signed(self, method: str, target: str, body: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
        """The headers of one attempt, with a proof of its own."""
        url, content = Target.on_wire(self.origin, target), content_of(body, self.body_limit)
        proof = self.exchange.headers(method, url, headers, content)
        return {name: value for name, value in headers.items() if name.lower() != "dpop"} | proof


_SENDING: ContextVar[Sending | None] = ContextVar("mfa_middleware_sending", default=None)


@contextmanager
def sending(request: Sending) -> Iterator[None]:
    """While this is open, connections of signing pools in this thread sign for `request`."""
    token = _SENDING.set(request)
    try:
        yield
    finally:
        _SENDING.reset(token)


class _SigningConnection:
    """Comes before a connection class of urllib3."""

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any) -> None:
        request = _SENDING.get()
        if request is not None:
            headers = request.signed(method, url, body, headers or {})
        super().request(method, url, body=body, headers=headers, **kwargs)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        request = _SENDING.get()
        if request is not None:
            request.exchange.hear(response.headers.items())
        return response


def sign_pools(manager: PoolManager) -> None:
    """Have a pool manager make signing connections from now on, direct or through any proxy that it knows."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _signing(pool) for scheme, pool in pools.items()}


@lru_cache(maxsize=16)
def _signing(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    if issubclass(pool.ConnectionCls, _SigningConnection):
        return pool
    connection = type(f"Signing{pool.ConnectionCls.__name__}", (_SigningConnection, pool.ConnectionCls), {})
    return type(f"Signing{pool.__name__}", (pool,), {"ConnectionCls": connection})
