"""One request as bytes, so that it can be anything a socket carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Attack", "Call", "Line", "without"]

Line = tuple[str, bytes]
"""A header line: its name, and its value as it goes out."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `lines`: in the order in which they go out; Host is added where none stands there."""

    method: str
    target: bytes
    lines: tuple[Line, ...] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)

    def octets(self, host: str) -> bytes:
        """What is sent."""
        names = {name.lower() for name, _ in self.lines}
        added: list[Line] = [] if "host" in names else [("Host", host.encode("ascii"))]
        added += [] if "connection" in names else [("Connection", b"close")]
        if self.body is not None and names.isdisjoint(("content-length", "transfer-encoding")):
            added.append(("Content-Length", str(len(self.body)).encode("ascii")))
        head = self.method.encode("ascii") + b" " + self.target + b" HTTP/1.1\r\n"
        return head + b"".join(_line(line) for line in (*added, *self.lines)) + b"\r\n" + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Attack:
    """One forgery: the row of the catalogue that it plays, what it is, and its requests; the last one counts."""

    trick: str
    note: str
    calls: tuple[Call, ...] = field(repr=False)

    @classmethod
    def of(cls, trick: str, note: str, *calls: Call) -> Attack:
        """An attack of these requests."""
        return cls(trick, note, calls)


def _line(line: Line) -> bytes:
    return line[0].encode("latin-1") + b": " + line[1] + b"\r\n"


def without(lines: Iterable[Line], *names: str) -> tuple[Line, ...]:
    """The lines but for those of some names."""
    return tuple(line for line in lines if line[0].lower() not in names)
