"""Sign the requests of requests: an adapter for its sessions, and a simple object for `auth=`.

    session = requests.Session()
    session.mount("https://", MachineAdapter("machine.pem"))

The adapter signs below redirects and below the retries of urllib3: every attempt carries a proof of its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

from mfa_middleware.client.requests_bodies import Rewinder, collect, content_of
from mfa_middleware.client.signer import Exchange, KeyOrPath, Signer, SignerOptions, signer_for
from mfa_middleware.client.target import Target
from mfa_middleware.errors import ConfigurationError

try:
    import requests
    from requests.adapters import DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, DEFAULT_RETRIES, HTTPAdapter
    from requests.auth import AuthBase
    from urllib3.util import Retry, parse_url

    from mfa_middleware.client.requests_pools import Sending, sending, sign_pools
except ImportError:
    raise ConfigurationError(f"{__name__} needs the requests package: pip install 'mfa_middleware[requests]'") from None

__all__ = ["MachineAdapter", "MachineAuth"]


class MachineAdapter(HTTPAdapter):
    """Signs every request of a `requests.Session` that is mounted on it.

    key: a key, the path of a key file (made where absent), or a Signer. max_retries and pool_*: as in
    `requests.adapters.HTTPAdapter`. options: those of `Signer`.
    Raises ConfigurationError where the key or an option is wrong; ValueError while a request is sent, where
    `buffer_streams` is set and its body is longer than `body_limit`.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "_signer"]  # noqa: RUF012 - the form that HTTPAdapter gives it

    def __init__(
        self,
        key: KeyOrPath | Signer,
        *,
        max_retries: Retry | int = DEFAULT_RETRIES,
        pool_connections: int = DEFAULT_POOLSIZE,
        pool_maxsize: int = DEFAULT_POOLSIZE,
        pool_block: bool = DEFAULT_POOLBLOCK,
        **options: Unpack[SignerOptions],
    ) -> None:
        self._signer = signer_for(key, options)
        super().__init__(pool_connections, pool_maxsize, max_retries, pool_block)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections sign."""
        super().init_poolmanager(*args, **kwargs)
        sign_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools of proxied connections sign."""
        manager = super().proxy_manager_for(*args, **kwargs)
        sign_pools(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request with a proof on each attempt, and at most once more for each reason an answer gives."""
        target = Target.of(str(request.url))
        if not self._signer.signs(target):
            return super().send(request, *args, **kwargs)
        _buffer(self._signer, request)
        exchange, body = self._signer.exchange(), Rewinder(request.body)
        current = Sending(exchange, target.origin, self._signer.body_limit)
        while True:
            with sending(current):
                response = super().send(request, *args, **kwargs)
            if not (_learn(exchange, response) and body.rewind()):
                return response
            response.close()

    def __repr__(self) -> str:
        return f"<MachineAdapter {self._signer.thumbprint}>"


class MachineAuth(AuthBase):
    """For the `auth=` of a session or a request whose adapter cannot be replaced.

    A redirect that the session follows is sent without a proof, and a retry of urllib3 repeats the old one:
    use the adapter where these matter.
    """

    def __init__(self, key: KeyOrPath | Signer, **options: Unpack[SignerOptions]) -> None:
        self._signer = signer_for(key, options)
        self._plain = HTTPAdapter()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a prepared request, and see its answer."""
        url = parse_url(str(request.url)).url  # urllib3 escapes some characters that requests leaves
        if self._signer.signs(Target.of(url)):
            request.url = url
            _buffer(self._signer, request)
            exchange, body = self._signer.exchange(), Rewinder(request.body)
            self._sign(exchange, request)
            request.hooks["response"].append(partial(self._answer, exchange, body))
        return request

    def _sign(self, exchange: Exchange, request: requests.PreparedRequest) -> None:
        target = Target.on_wire(str(request.url), self._plain.request_url(request, None))
        content = content_of(request.body, self._signer.body_limit)
        request.headers.update(exchange.headers(str(request.method), target, request.headers, content))

    def _answer(
        self, exchange: Exchange, body: Rewinder, response: requests.Response, **kwargs: Any
    ) -> requests.Response:
        sent = response.request
        if sent.headers.pop("DPoP", None) is None:
            return response  # a redirect was followed: this answer is not about a proof of ours
        if not (_learn(exchange, response) and body.rewind()):
            return response
        response.close()
        again = sent.copy()
        self._sign(exchange, again)
        answer: requests.Response = response.connection.send(again, **kwargs)
        answer.history.append(response)
        return self._answer(exchange, body, answer, **kwargs)

    def __repr__(self) -> str:
        return f"<MachineAuth {self._signer.thumbprint}>"


def _buffer(signer: Signer, request: requests.PreparedRequest) -> None:
    """Read a streamed body into memory, where the signer is to bind every body."""
    if not (signer.bind_body and signer.buffer_streams):
        return
    if content_of(request.body, signer.body_limit) is None:
        request.body = collect(request.body, signer.body_limit)
        request.headers.pop("Transfer-Encoding", None)
        request.prepare_content_length(request.body)


def _learn(exchange: Exchange, response: requests.Response) -> bool:
    headers = list(response.raw.headers.items())
    reads = exchange.reads_body(response.status_code, headers)
    return exchange.learn(response.status_code, headers, response.content if reads else b"")
