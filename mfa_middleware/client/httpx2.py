"""Sign the requests of httpx2: a transport for its clients, and a simple object for `auth=`.

    client = httpx2.Client(transport=MachineTransport("machine.pem"), headers={"X-API-Key": "..."})

The transport signs below redirects and retries: every attempt and every hop carries a proof of its own.
"""

from __future__ import annotations

from typing import Any, Unpack

from mfa_middleware.client.httpx_mixins import AsyncTransportMixin, AuthMixin, TransportMixin
from mfa_middleware.client.signer import KeyOrPath, Signer, SignerOptions, signer_for
from mfa_middleware.errors import ConfigurationError

try:
    import httpx2
except ImportError:
    raise ConfigurationError(f"{__name__} needs the httpx2 package: pip install 'mfa_middleware[httpx2]'") from None

__all__ = ["AsyncMachineTransport", "MachineAuth", "MachineTransport"]


class MachineTransport(TransportMixin, httpx2.BaseTransport):
    """Signs every request of a `httpx2.Client`.

    key: a key, the path of a key file (made where absent), or a Signer. transport: what sends the signed
    requests, such as `httpx2.HTTPTransport(http2=True)`; the client's own verify, cert, http2 and proxy do not
    reach a transport that is given to it. options: those of `Signer`.
    Raises ConfigurationError where the key or an option is wrong; ValueError while a request is sent, where
    `buffer_streams` is set and its body is longer than `body_limit`.
    """

    def __init__(
        self,
        key: KeyOrPath | Signer,
        *,
        transport: httpx2.BaseTransport | None = None,
        **options: Unpack[SignerOptions],
    ) -> None:
        self._library, self._signer = httpx2, signer_for(key, options)
        self._transport = transport or httpx2.HTTPTransport()


class AsyncMachineTransport(AsyncTransportMixin, httpx2.AsyncBaseTransport):
    """Signs every request of a `httpx2.AsyncClient`; see `MachineTransport`."""

    def __init__(
        self,
        key: KeyOrPath | Signer,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        **options: Unpack[SignerOptions],
    ) -> None:
        self._library, self._signer = httpx2, signer_for(key, options)
        self._transport = transport or httpx2.AsyncHTTPTransport()


class MachineAuth(AuthMixin, httpx2.Auth):
    """For the `auth=` of a sync or async client whose transport cannot be replaced.

    A redirect that the client follows is sent without a proof; use the transport where redirects matter.
    """

    def __init__(self, key: KeyOrPath | Signer, **options: Unpack[SignerOptions]) -> None:
        self._library, self._signer = httpx2, signer_for(key, options)

    def _attached(self, request: Any, proof: str) -> Any:
        request.headers = _ProofHeaders(request.headers, proof)
        return request


class _ProofHeaders(httpx2.Headers):
    """Headers with a proof that goes on the wire, but not into the copy that a redirect makes of them."""

    def __init__(self, headers: httpx2.Headers, proof: str) -> None:
        self._proof = (b"DPoP", proof.encode("ascii"))
        super().__init__(headers)
        self.pop("DPoP", None)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return [*super().raw, self._proof]
