"""Family J: the HTTP request around the token. What no HTTP client would write is written here byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from mfa_middleware.cli.probe.call import Attack, Call, Line, without
from mfa_middleware.cli.probe.forgeries.made import Attacks
from mfa_middleware.cli.probe.target import Target

__all__ = ["ATTACKS"]

_Calls: TypeAlias = Iterable[tuple[str, Call]]


def _attacks(trick: str, calls: Callable[[Target, bytes], _Calls]) -> Attacks:
    def attacks(target: Target) -> Iterator[Attack]:
        for note, call in calls(target, target.token.encode("ascii")):
            yield Attack.of(trick, note, call)

    return attacks


def _more(*lines: Line) -> Callable[[Target, bytes], _Calls]:
    """An honest request with one line more."""
    return lambda target, token: ((f"{name}: {value.decode('latin-1')}", target.call(token, (name, value)))
                                  for name, value in lines)  # fmt: skip


def _hosts(*hosts: bytes) -> Callable[[Target, bytes], _Calls]:
    """An honest request with another Host; HOST stands for the right one."""
    return lambda target, token: (
        (made.decode(), target.call(token, ("Host", made)))
        for made in (host.replace(b"HOST", target.host.encode("ascii")) for host in hosts)
    )


def _instead(target: Target, value: bytes, token: bytes, *more: Line) -> Call:
    """An honest request with another value of Authorization."""
    lines = without(target.lines(token), "authorization")
    return Call("GET", target.path.encode("ascii"), (("Authorization", value), *more, *lines))


def _two(target: Target, token: bytes) -> _Calls:
    forged = target.signed(claims=target.forged_claims)
    yield "two lines", _instead(target, b"Bearer " + token, token, ("Authorization", b"Bearer " + forged))
    yield "one line with a comma", _instead(target, b"Bearer " + token + b", Bearer " + forged, token)


def _folded(target: Target, token: bytes) -> _Calls:
    middle = len(token) // 2
    yield "a folded line", _instead(target, b"Bearer " + token[:middle] + b"\r\n " + token[middle:], token)
    yield "a space", _instead(target, b"Bearer " + token[:middle] + b" " + token[middle:], token)
    yield "a tab", _instead(target, b"Bearer " + token[:middle] + b"\t" + token[middle:], token)


def _bytes(target: Target, token: bytes) -> _Calls:
    for note, octets in (("Latin-1", b"\xe9"), ("UTF-8", "\u00e9".encode()), ("NUL", b"\0")):
        yield note, _instead(target, b"Bearer " + token + octets, token)


def _spacing(target: Target, token: bytes) -> _Calls:
    yield "two spaces", _instead(target, b"Bearer  " + token, token)
    yield "three spaces", _instead(target, b"Bearer   " + token, token)


def _query(target: Target, query: bytes, token: bytes) -> Call:
    mark = b"&" if "?" in target.path else b"?"
    return replace(target, url=target.url + (mark + query).decode("ascii")).call(token)


def _two_places(target: Target, token: bytes) -> _Calls:
    forged = target.signed(claims=target.forged_claims)
    yield "header and query", _query(target, b"access_token=" + forged, token)


def _in_query(target: Target, token: bytes) -> _Calls:
    yield "access_token", _query(target, b"access_token=" + token, token)
    yield "any name", _query(target, b"t=" + token, token)


def _at(target: Target, address: bytes, token: bytes, *more: Line, method: str = "GET") -> Call:
    return Call(method, address, (*target.lines(token), *more))


def _absolute(target: Target, token: bytes) -> _Calls:
    yield "another host", _at(target, b"http://attacker.example" + target.path.encode("ascii"), token)


def _smuggled(target: Target, token: bytes) -> _Calls:
    both: tuple[Line, ...] = (("Content-Length", b"5"), ("Transfer-Encoding", b"chunked"))
    twice: tuple[Line, ...] = (("Content-Length", b"5"), ("Content-Length", b"0"))
    for note, lines in (("chunked with a length", both), ("two lengths", twice)):
        yield note, Call("GET", target.path.encode("ascii"), (*target.lines(token), *lines), b"0\r\n\r\n")


def _paths(target: Target, token: bytes) -> _Calls:
    path = target.path.partition("?")[0]
    for other in (f"/.{path}", f"/x/..{path}", f"/{path}", f"{path};a=1", path.replace("/", "/%2e/", 1), f"{path}%2f"):
        proof = target.proof(token, htu=f"{target.url.partition('://')[0]}://{target.host}{other}", htq=None)
        lines = without(target.lines(token), "dpop")
        yield other, Call("GET", other.encode("ascii"), (*lines, *([("DPoP", proof)] if proof else [])))


def _lower_case(target: Target, token: bytes) -> _Calls:
    yield "get", _at(target, target.path.encode("ascii"), token, method="get")


_OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
ATTACKS: Final[Mapping[str, Attacks]] = {
    trick: _attacks(trick, calls)
    for trick, calls in {
        "multiple_authorization": _two,
        "folded_header": _folded,
        "underscore_header": _more(("X_Api_Key", b"other-key")),
        "source_mismatch": _two_places,
        "token_in_query": _in_query,
        "scheme_spacing": _spacing,
        "credential_bytes": _bytes,
        "host_malformed": _hosts(b"HOST/?x=", b"user@HOST", b"HOST\\attacker.example"),
        "host_untrusted": _hosts(b"attacker.example"),
        "absolute_target": _absolute,
        "method_override": _more(*((name, b"DELETE") for name in _OVERRIDES)),
        "request_smuggling": _smuggled,
        "hop_by_hop": _more(("Connection", b"close, DPoP"), ("Connection", b"close, Authorization")),
        "path_ambiguous": _paths,
        "forwarded_host": _more(("X-Forwarded-Host", b"attacker.example"), ("Forwarded", b"host=attacker.example")),
        "method_case": _lower_case,
    }.items()
}
