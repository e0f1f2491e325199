"""What a calling machine uses: its key, and a proof on each request.

One module for each HTTP library stands beside this one: `httpx2`, `httpx`, `requests` and `aiohttp`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from mfa_middleware.client.keyfile import key_from_env, load_key
from mfa_middleware.client.keys import Key, PrivateKey
from mfa_middleware.client.memory import Told
from mfa_middleware.client.places import HeaderItems
from mfa_middleware.client.signer import KeyOrPath, Signer, SignerOptions
from mfa_middleware.client.target import Target
from mfa_middleware.errors import ConfigurationError

__all__ = [
    "ConfigurationError",
    "Key",
    "PrivateKey",
    "Signer",
    "SignerOptions",
    "key_from_env",
    "load_key",
    "sign_headers",
]


def sign_headers(
    key: KeyOrPath,
    method: str,
    url: str,
    *,
    headers: HeaderItems | None = None,
    body: str | bytes | None = None,
    nonce: str | None = None,
    places: Iterable[str] = ("authorization", "x-api-key"),
    bind_query: bool = True,
    bind_body: bool = True,
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """The DPoP header of one request that something else sends: curl, or a library without an adapter here.

    method: any case. url: absolute, spelled as it will be sent. headers: those of the request, so that its
    credential is bound. body: exactly as it will be sent; text as UTF-8. nonce: the DPoP-Nonce of the last answer.
    Raises ValueError where the URL is not absolute, ConfigurationError where the key cannot be used.
    """
    signer = Signer(key, places=places, bind_query=bind_query, bind_body=bind_body, clock=clock)
    content = body.encode("utf-8") if isinstance(body, str) else body
    proof = signer.proof(method.upper(), Target.of(url), headers or {}, content, Told(nonce))
    return {"DPoP": proof}
