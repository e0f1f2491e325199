"""The request that the doctor sends to an app: where to, with what, and how often at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mfa_middleware.client.keys import Key
from mfa_middleware.client.places import header_lines
from mfa_middleware.client.signer import Exchange, Signer
from mfa_middleware.client.target import Target
from mfa_middleware.clock import Clock

__all__ = ["MOST_WORKERS", "OURS", "Address", "Call"]

Address = tuple[str, int]
Lines = Sequence[tuple[str, str]]

MOST_WORKERS: Final = 512
_SHORT: Final = 3
OURS: Final = frozenset({"dpop", "host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers that the doctor writes itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """`headers`: with the credential. `places`: where the app finds it. `workers`: connections at the same moment.

    `at`: hosts and ports to connect to instead of those of the URL. `seconds`: how long an answer may take.
    """

    method: str
    target: Target
    key: Key = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    places: tuple[str, ...] = ()
    workers: int = 32
    at: tuple[Address, ...] = ()
    seconds: float = 10.0

    def exchange(self, clock: Clock) -> Exchange:
        """What signs the request, and learns from the answers."""
        return Signer(self.key, places=self.places, clock=clock.wall).exchange()

    def signed(self, exchange: Exchange) -> Lines:
        """The headers with a new proof."""
        return [*self.headers, *exchange.headers(self.method, self.target, self.headers, None).items()]

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.target.origin.startswith("https:")

    @property
    def authority(self) -> str:
        """Host and port as they stand in Host."""
        return self.target.origin.partition("://")[2]

    @property
    def address(self) -> Address:
        """Host and port of the URL."""
        host, colon, port = self.authority.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = self.authority, "443" if self.tls else "80"
        return host.strip("[]"), int(port)

    def octets(self, lines: Lines) -> bytes:
        """The request with these headers, as it goes out."""
        query = f"?{self.target.query}" if self.target.query else ""
        fixed = [("Host", self.authority), ("Connection", "close"), ("Accept-Encoding", "identity")]
        fields = b"".join(b"%b: %b\r\n" % line for line in header_lines([*fixed, *lines]))
        return f"{self.method} {self.target.path}{query} HTTP/1.1\r\n".encode("ascii") + fields + b"\r\n"

    def secrets(self, lines: Lines) -> list[str]:
        """What must never be shown: all that was sent but method, origin and path."""
        sent = [part for _, value in lines for part in (value, *value.split())]
        return [secret for secret in (*sent, self.target.query) if len(secret) > _SHORT]
