"""Sends attacks, and sees what comes of them: the answer of the app, and what its operator was told."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mfa_middleware.cli.probe.call import Attack, Call

__all__ = ["Answer", "EventTail", "Played", "Sender", "play"]

_SECONDS: Final = 20.0
_MAX_BODY: Final = 65_536
_DECISIONS: Final = frozenset({"accepted", "refused", "would_refuse", "exempt"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and the `code` of its problem document; status 0 where none came."""

    status: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one attack. `told`: the ids that the operator read; `seen`: whether the app told him anything."""

    attack: Attack
    answer: Answer
    told: tuple[str, ...] = ()
    seen: bool = False

    @property
    def got_through(self) -> bool:
        """Whether the app served it."""
        return 100 <= self.answer.status < 400

    @property
    def broke(self) -> bool:
        """Whether the app failed over it, rather than refuse it; a refusal for want of a store is none."""
        return self.answer.status >= 500 and not self.answer.code

    @property
    def named(self) -> bool:
        """Whether the operator read the very name of the trick."""
        return self.attack.trick in self.told


class Sender:
    """Sends requests to the host of a URL, each on a connection of its own. `source`: the local address."""

    def __init__(self, url: str, *, seconds: float = _SECONDS) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._name = parts.hostname or ""
        self._address = self._name, parts.port or (443 if self._secure else 80)
        self._seconds = seconds
        self.host = parts.netloc

    def send(self, call: Call, source: str = "") -> Answer:
        """One request. Raises OSError only where the host cannot be reached at all."""
        with contextlib.closing(self._connected(source)) as connection:
            with contextlib.suppress(OSError):  # who refuses early may close early; the answer may still be there
                connection.sendall(call.octets(self.host))
            return _read(connection, call.method)

    def _connected(self, source: str) -> socket.socket:
        local = (source, 0) if source else None
        plain = socket.create_connection(self._address, self._seconds, local)
        if not self._secure:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self._name)


class EventTail:
    """The lines that an event log grew by since it was last looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path.stat().st_size if path.exists() else 0

    def decisions(self) -> list[dict[str, Any]]:
        """The new events about requests."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._place)
            text = file.read()
            self._place = file.tell()
        events = [json.loads(line) for line in text.splitlines()]
        return [event for event in events if event.get("kind") in _DECISIONS]


def play(attack: Attack, sender: Sender, events: EventTail | None = None, sources: tuple[str, ...] = ()) -> Played:
    """Send all requests of an attack, one after the other, until one is turned away; the last answer counts.

    `sources`: the local addresses to send from, in turn; the same request from another address is a theft.
    """
    answer = Answer(0)
    if events is not None:
        events.decisions()
    for call, source in zip(attack.calls, itertools.cycle(sources or ("",))):
        answer = sender.send(call, source)
        if not 0 < answer.status < 400:
            break
    new = events.decisions() if events is not None else []
    told = (finding.partition(" ")[0] for event in new for finding in event.get("findings", ()))
    return Played(attack, answer, tuple(dict.fromkeys(told)), bool(new))


def _read(connection: socket.socket, method: str) -> Answer:
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read(_MAX_BODY)
    except (OSError, HTTPException):
        return Answer(0)
    return Answer(response.status, _code(body))


def _code(body: bytes) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(body)
        if isinstance(document, dict):
            return str(document.get("code") or "")
    return ""
