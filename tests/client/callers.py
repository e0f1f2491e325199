"""One way to call through every adapter, so that one contract holds for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import aiohttp
import httpx
import httpx2
import requests

from mfa_middleware.client import Signer
from mfa_middleware.client import aiohttp as client_aiohttp
from mfa_middleware.client import httpx as client_httpx
from mfa_middleware.client import httpx2 as client_httpx2
from mfa_middleware.client import requests as client_requests


@dataclass
class Reply:
    status: int
    body: bytes
    request_headers: dict[str, str]


class Caller:
    """`call` sends one request and follows redirects; `body` is bytes, or an iterable of bytes to stream."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def call(self, method: str, url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Reply:
        raise NotImplementedError

    def close(self) -> None:
        pass


class _Httpx(Caller):
    library: ModuleType
    ours: ModuleType
    auth = False

    def __init__(self, signer: Signer) -> None:
        super().__init__(signer)
        transport = self.library.HTTPTransport(verify=False)
        if not self.auth:
            transport = self.ours.MachineTransport(signer, transport=transport)
        auth = self.ours.MachineAuth(signer) if self.auth else None
        self.client = self.library.Client(transport=transport, auth=auth, follow_redirects=True, trust_env=False)

    def call(self, method: str, url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Reply:
        response = self.client.request(method, url, headers=headers, content=body)
        return Reply(response.status_code, response.content, dict(response.request.headers))

    def close(self) -> None:
        self.client.close()


class _HttpxAsync(Caller):
    library: ModuleType
    ours: ModuleType
    auth = False

    def __init__(self, signer: Signer) -> None:
        super().__init__(signer)
        self.runner = asyncio.Runner()
        transport = self.library.AsyncHTTPTransport(verify=False)
        if not self.auth:
            transport = self.ours.AsyncMachineTransport(signer, transport=transport)
        auth = self.ours.MachineAuth(signer) if self.auth else None
        self.client = self.library.AsyncClient(transport=transport, auth=auth, follow_redirects=True, trust_env=False)

    def call(self, method: str, url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Reply:
        content = body if body is None or isinstance(body, bytes) else _async(body)
        response = self.runner.run(self.client.request(method, url, headers=headers, content=content))
        return Reply(response.status_code, response.content, dict(response.request.headers))

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


async def _async(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class _Requests(Caller):
    auth = False

    def __init__(self, signer: Signer) -> None:
        super().__init__(signer)
        self.session = requests.Session()
        self.session.trust_env = False
        if self.auth:
            self.session.auth = client_requests.MachineAuth(signer)
        else:
            self.session.mount("http://", client_requests.MachineAdapter(signer))

    def call(self, method: str, url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Reply:
        content = body if body is None or isinstance(body, bytes) else _generated(body)
        response = self.session.request(method, url, headers=headers, data=content)
        return Reply(response.status_code, response.content, dict(response.request.headers))

    def close(self) -> None:
        self.session.close()


def _generated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from chunks


class _Aiohttp(Caller):
    def __init__(self, signer: Signer) -> None:
        super().__init__(signer)
        self.runner = asyncio.Runner()
        self.session = self.runner.run(self._open())

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(middlewares=[client_aiohttp.machine_middleware(self.signer)])

    def call(self, method: str, url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Reply:
        return self.runner.run(self._call(method, url, headers, body))

    async def _call(self, method: str, url: str, headers: dict[str, str] | None, body: Any) -> Reply:
        content = body if body is None or isinstance(body, bytes) else _async(body)
        async with self.session.request(method, url, headers=headers, data=content) as response:
            return Reply(response.status, await response.read(), dict(response.request_info.headers))

    def close(self) -> None:
        self.runner.run(self.session.close())
        self.runner.close()


def _variant(base: type[Caller], library: ModuleType, ours: ModuleType, *, auth: bool) -> type[Caller]:
    return type(base.__name__, (base,), {"library": library, "ours": ours, "auth": auth})


_FAMILY = {"httpx": (httpx, client_httpx), "httpx2": (httpx2, client_httpx2)}

BELOW: dict[str, Callable[[Signer], Caller]] = {
    "requests": _Requests,
    "aiohttp": _Aiohttp,
    **{name: _variant(_Httpx, *modules, auth=False) for name, modules in _FAMILY.items()},
    **{f"{name}-async": _variant(_HttpxAsync, *modules, auth=False) for name, modules in _FAMILY.items()},
}
"""The adapters that sign below redirects and retries."""

AUTH: dict[str, Callable[[Signer], Caller]] = {
    "requests-auth": type("_RequestsAuth", (_Requests,), {"auth": True}),
    **{f"{name}-auth": _variant(_Httpx, *modules, auth=True) for name, modules in _FAMILY.items()},
    **{f"{name}-auth-async": _variant(_HttpxAsync, *modules, auth=True) for name, modules in _FAMILY.items()},
}
"""The simple auth objects."""
