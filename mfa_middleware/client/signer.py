"""Sign requests, and learn from their answers, whatever library sends them: no I/O here."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, TypeAlias, TypedDict

from mfa_middleware.client.answer import clock_offset, demands_nonce, given_nonce, has_problem
from mfa_middleware.client.keyfile import load_key
from mfa_middleware.client.keys import Key
from mfa_middleware.client.memory import Memory, Told
from mfa_middleware.client.places import HeaderItems, Places, header_lines
from mfa_middleware.client.proof import ProofMaker, claims_of, content_digest, query_digest
from mfa_middleware.client.target import Target
from mfa_middleware.errors import ConfigurationError

__all__ = ["Exchange", "KeyOrPath", "Signer", "SignerOptions", "signer_for"]

_MAX_OFFSET: Final = 10 * 365.25 * 86_400  # a clock that is further off is not believed
PROOF_HEADER: Final = "DPoP"
_DEFAULT_PLACES: Final = ("authorization", "x-api-key")
_DEFAULT_BODY_LIMIT: Final = 1_048_576

KeyOrPath: TypeAlias = Key | str | os.PathLike[str]
"""A key, or the path of a key file, which is made where it is absent."""


class SignerOptions(TypedDict, total=False):
    """The options of `Signer`, which every adapter takes too."""

    places: Iterable[str]
    bind_query: bool
    bind_body: bool
    origins: Collection[str] | None
    body_limit: int
    buffer_streams: bool
    clock: Callable[[], float]


class Signer:
    """Makes a proof for each request, and remembers the nonce and the clock offset of each origin. Thread-safe.

    places: where credentials are looked for, in the order of the server's MFA_CREDENTIALS.
    bind_query, bind_body: whether proofs name the query (`htq`) and the body (`htd`).
    origins: the only origins whose requests are signed, such as `https://api.example.com`; None signs all.
    body_limit: a body that is not in memory (a file, a multipart form) is read to bind it where its size is
    known and at most this many bytes; a greater one goes unbound.
    buffer_streams: read every body that is not in memory, also of unknown size; ValueError beyond body_limit.
    clock: unix seconds.
    Raises ConfigurationError where an option or the key is wrong.
    """

    def __init__(
        self,
        key: KeyOrPath,
        *,
        places: Iterable[str] = _DEFAULT_PLACES,
        bind_query: bool = True,
        bind_body: bool = True,
        origins: Collection[str] | None = None,
        body_limit: int = _DEFAULT_BODY_LIMIT,
        buffer_streams: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._maker = ProofMaker(load_key(key) if isinstance(key, str | os.PathLike) else key)
        self._places = Places(places)
        self._origins = None if origins is None else frozenset(_origin(origin) for origin in origins)
        self._bind_query, self.bind_body = bind_query, bind_body
        self.body_limit, self.buffer_streams = body_limit, buffer_streams
        self._clock = clock
        self._memory = Memory()

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint under which this machine is enrolled."""
        return self._maker.thumbprint

    def signs(self, target: Target) -> bool:
        """Whether requests to the origin of a target are signed."""
        return self._origins is None or target.origin in self._origins

    def exchange(self) -> Exchange:
        """One request and its retries: what a sender should use."""
        return Exchange(self)

    def headers(self, method: str, url: str, headers: HeaderItems, body: bytes | None = None) -> dict[str, str]:
        """The DPoP header of one request; none where its origin is not among `origins`.

        method and url: as they go on the wire. body: its bytes, None where they are not known.
        Raises ValueError where the URL is not absolute.
        """
        return self.exchange().headers(method, Target.of(url), headers, body)

    def learn(self, url: str, status: int, headers: HeaderItems, body: bytes = b"") -> bool:
        """Remember what an answer to a request to `url` told. Whether to send once more, with a new proof.

        Counts no retries: the caller must not retry twice.
        """
        exchange = self.exchange()
        exchange.aim(Target.of(url))
        return exchange.learn(status, headers, body)

    def proof(self, method: str, target: Target, headers: HeaderItems, body: bytes | None, told: Told) -> str:
        """One proof, with what its origin told."""
        iat = int(self._clock() + told.offset)
        claims = claims_of(method, target.htu, iat, self._places.hashes(header_lines(headers), target.query))
        if self._bind_query:
            claims["htq"] = query_digest(target.query)
        if self.bind_body and body:
            claims["htd"] = content_digest(body)
        if told.nonce is not None:
            claims["nonce"] = told.nonce
        return self._maker.sign(claims)

    @property
    def memory(self) -> Memory:
        """What origins told."""
        return self._memory

    def __repr__(self) -> str:
        return f"<Signer {self.thumbprint}>"


class _Cause(enum.Enum):
    NONCE = enum.auto()
    CLOCK = enum.auto()


class Exchange:
    """One request, with at most one retry for each of the two causes: a demanded nonce, a told clock offset.

    A redirect is another request. Not to be shared between threads.
    """

    __slots__ = ("_retried", "_signer", "_target", "_told")

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._retried: set[_Cause] = set()
        self._target: Target | None = None
        self._told = Told()

    def aim(self, target: Target) -> None:
        """Say where the next attempt goes, for `learn`; `headers` does it too."""
        self._target = target if self._signer.signs(target) else None
        self._told = self._signer.memory.of(target.origin)

    def headers(self, method: str, target: Target, headers: HeaderItems, body: bytes | None) -> dict[str, str]:
        """The DPoP header of the next attempt; none where the target is not signed."""
        self.aim(target)
        if self._target is None:
            return {}
        return {PROOF_HEADER: self._signer.proof(method, target, headers, body, self._told)}

    def hear(self, headers: HeaderItems) -> None:
        """Remember the nonce of an answer that the caller does not see, such as one below a retry."""
        nonce = given_nonce(header_lines(headers))
        if self._target is not None and nonce is not None:
            self._signer.memory.nonce(self._target.origin, nonce)

    def reads_body(self, status: int, headers: HeaderItems) -> bool:
        """Whether `learn` wants the body of this answer: at most 8 KiB, by its Content-Length."""
        return self._target is not None and has_problem(status, header_lines(headers))

    def learn(self, status: int, headers: HeaderItems, body: bytes = b"") -> bool:
        """Remember what the answer to the last attempt told. Whether to send once more, with a new proof."""
        if self._target is None:
            return False
        cause = self._cause(self._target.origin, status, header_lines(headers), body)
        if cause is None or cause in self._retried:
            return False
        self._retried.add(cause)
        return True

    def _cause(self, origin: str, status: int, lines: list[tuple[bytes, bytes]], body: bytes) -> _Cause | None:
        nonce = given_nonce(lines)
        if nonce is not None:
            self._signer.memory.nonce(origin, nonce)
            if demands_nonce(status, lines):
                return _Cause.NONCE
        told = clock_offset(body) if has_problem(status, lines) else None
        if told is None or abs(offset := self._told.offset + told) > _MAX_OFFSET:
            return None
        self._signer.memory.offset(origin, offset)
        return _Cause.CLOCK


def _origin(text: str) -> str:
    try:
        target = Target.of(text)
    except ValueError:
        raise ConfigurationError(f"origins: {text!r} is no origin; write https://api.example.com") from None
    if target.path != "/" or target.query:
        raise ConfigurationError(f"origins: {text!r} has a path or a query; write {target.origin}")
    return target.origin


def signer_for(key: KeyOrPath | Signer, options: SignerOptions) -> Signer:
    """The signer of an adapter: a given one, which has its options already, or a new one for a key."""
    if not isinstance(key, Signer):
        return Signer(key, **options)
    if options:
        raise ConfigurationError(f"give {', '.join(options)} to the Signer, not to its adapter")
    return key
