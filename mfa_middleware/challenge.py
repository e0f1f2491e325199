"""A refusal as HTTP: status, WWW-Authenticate (RFC 9449 7.1) and a problem document (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mfa_middleware.errors import Code, Refusal

__all__ = ["EXPOSED_HEADERS", "Answer", "Challenger", "with_exposed_headers"]

EXPOSED_HEADERS: Final = ("DPoP-Nonce", "WWW-Authenticate")
_RETRY_AFTER: Final = {Code.MACHINE_QUOTA: "5", Code.STORE_UNAVAILABLE: "1", Code.STORE_FULL: "5"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, header pairs in their usual spelling, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status_line(self) -> str:
        """Status and phrase, as WSGI wants them."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


class Challenger:
    """Turns refusals into answers, for the algorithms of proofs that this app accepts; none where it asks for none."""

    __slots__ = ("_algs",)

    def __init__(self, algorithms: Sequence[str] = ()) -> None:
        self._algs = " ".join(algorithms)

    def answer(self, refusal: Refusal, *, nonce: str | None = None, cors: bool = False) -> Answer:
        """The answer to a refused request; `nonce` goes into DPoP-Nonce, `cors` exposes it to scripts."""
        body = self._problem(refusal)
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        headers.append(("Cache-Control", "no-store"))
        if refusal.kind.status == HTTPStatus.UNAUTHORIZED or refusal.code is Code.SCOPE_DENIED:
            headers.append(("WWW-Authenticate", self._challenge(refusal.error)))
        if nonce is not None:
            headers.append(("DPoP-Nonce", nonce))
        if refusal.code in _RETRY_AFTER:
            headers.append(("Retry-After", _RETRY_AFTER[refusal.code]))
        if cors:
            headers.append(("Access-Control-Expose-Headers", ", ".join(EXPOSED_HEADERS)))
        return Answer(refusal.kind.status, tuple(headers), body)

    def _challenge(self, error: str | None) -> str:
        if not self._algs:
            return f'Bearer error="{error}"' if error else "Bearer"
        return f'DPoP error="{error}", algs="{self._algs}"' if error else f'DPoP algs="{self._algs}"'

    @staticmethod
    def _problem(refusal: Refusal) -> bytes:
        status = HTTPStatus(refusal.kind.status)
        document = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "code": refusal.told.value,
            "detail": refusal.kind.text,
        }
        return json.dumps(document | dict(refusal.hints)).encode()


def with_exposed_headers(existing: str | None) -> str:
    """The value of Access-Control-Expose-Headers that also names DPoP-Nonce and WWW-Authenticate."""
    named = [name.strip() for name in (existing or "").split(",") if name.strip()]
    present = {name.lower() for name in named}
    return ", ".join([*named, *(name for name in EXPOSED_HEADERS if name.lower() not in present)])
