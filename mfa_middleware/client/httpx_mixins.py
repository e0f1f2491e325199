"""The transports and auth objects of httpx and httpx2, but for their base classes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from types import ModuleType, TracebackType
from typing import Any, Self

from mfa_middleware.client.httpx_steps import auth_flow, auth_flow_async, send, send_async, steps
from mfa_middleware.client.signer import Signer

__all__ = ["AsyncTransportMixin", "AuthMixin", "TransportMixin"]


class _Signing:
    _library: ModuleType
    _signer: Signer

    def _sealed(self, request: Any, proof: str) -> Any:
        """A copy of the request with its proof: the request that callers and redirects see never has one."""
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"dpop"]
        return self._library.Request(
            request.method,
            request.url,
            headers=[*headers, (b"DPoP", proof.encode("ascii"))],
            stream=request.stream,
            extensions=request.extensions,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._signer.thumbprint}>"


class TransportMixin(_Signing):
    """Signs each request that passes to an inner transport."""

    _transport: Any

    def handle_request(self, request: Any) -> Any:
        """Send a request with a proof, and at most once more for each reason that an answer gives."""
        flow = steps(self._library, self._signer, request, self._sealed)
        return send(self._library, flow, self._transport.handle_request)

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(exc_type, exc_value, traceback)

    def close(self) -> None:
        """Close the inner transport."""
        self._transport.close()


class AsyncTransportMixin(_Signing):
    """Signs each request that passes to an inner async transport."""

    _transport: Any

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request with a proof, and at most once more for each reason that an answer gives."""
        flow = steps(self._library, self._signer, request, self._sealed)
        return await send_async(self._library, flow, self._transport.handle_async_request)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._transport.aclose()


class AuthMixin(_Signing):
    """Signs what a client sends first; a redirect goes without a proof."""

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """The flow of a sync client."""
        return auth_flow(steps(self._library, self._signer, request, self._attached))

    def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The flow of an async client."""
        return auth_flow_async(steps(self._library, self._signer, request, self._attached))

    def _attached(self, request: Any, proof: str) -> Any:
        raise NotImplementedError
