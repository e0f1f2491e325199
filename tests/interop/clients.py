"""DPoP clients off the shelf, unmodified. Each knows nothing of this project."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx
import pydpop
import pydpop.integrations.httpx
import pydpop.integrations.requests
import requests
import requests_oauth2client

from tests.interop.node import NodeClient

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
    import pydpop.integrations.aiohttp  # it inherits from aiohttp.ClientSession, which aiohttp discourages


class Client(Protocol):
    """A client with a key of its own."""

    jwk: Mapping[str, Any]

    def send(self, method: str, url: str, token: str) -> tuple[int, str]:
        """The status and the body of the answer to a request with that token, and a proof bound to it."""

    def close(self) -> None:
        """End what runs."""


class RequestsOAuth2Client:
    """`requests_oauth2client.DPoPToken` as the auth of requests."""

    def __init__(self, alg: str) -> None:
        self._key = requests_oauth2client.DPoPKey.generate(alg)
        self.jwk = self._key.public_jwk.to_dict()

    def send(self, method: str, url: str, token: str) -> tuple[int, str]:
        auth = requests_oauth2client.DPoPToken(token, _dpop_key=self._key)
        answer = requests.request(method, url, auth=auth, timeout=20)
        return answer.status_code, answer.text

    def close(self) -> None:
        pass


class PyDPoP:
    """pydpop under one of the HTTP libraries that it integrates with."""

    def __init__(self, call: Callable[[Any, str, str, str], tuple[int, str]]) -> None:
        self._key, self._call = pydpop.generate_key(), call
        self.jwk = pydpop.public_jwk(self._key)

    def send(self, method: str, url: str, token: str) -> tuple[int, str]:
        return self._call(self._key, method, url, token)

    def close(self) -> None:
        pass


def _with_requests(key: Any, method: str, url: str, token: str) -> tuple[int, str]:
    auth = pydpop.integrations.requests.DPoPAuth(key, access_token=token)
    answer = requests.request(method, url, auth=auth, headers={"Authorization": f"DPoP {token}"}, timeout=20)
    return answer.status_code, answer.text


def _with_httpx(key: Any, method: str, url: str, token: str) -> tuple[int, str]:
    auth = pydpop.integrations.httpx.DPoPAuth(key, access_token=token)
    answer = httpx.request(method, url, auth=auth, headers={"Authorization": f"DPoP {token}"}, timeout=20)
    return answer.status_code, answer.text


def _with_aiohttp(key: Any, method: str, url: str, token: str) -> tuple[int, str]:
    async def call() -> tuple[int, str]:
        async with (
            pydpop.integrations.aiohttp.DPoPClientSession(key, access_token=token) as session,
            session.request(method, url) as answer,
        ):
            return answer.status, await answer.text()

    return asyncio.run(call())


NPM: Mapping[str, Callable[[], Client]] = {
    f"npm {name} {alg}": lambda name=name, alg=alg: NodeClient(name, alg)  # type: ignore[misc]
    for name in ("dpop", "oauth4webapi")
    for alg in ("ES256", "Ed25519", "PS256")
}
PYTHON: Mapping[str, Callable[[], Client]] = {
    "requests-oauth2client ES256": lambda: RequestsOAuth2Client("ES256"),
    "requests-oauth2client EdDSA": lambda: RequestsOAuth2Client("EdDSA"),
    "requests-oauth2client PS256": lambda: RequestsOAuth2Client("PS256"),
    "pydpop requests": lambda: PyDPoP(_with_requests),
    "pydpop httpx": lambda: PyDPoP(_with_httpx),
    "pydpop aiohttp": lambda: PyDPoP(_with_aiohttp),
}
