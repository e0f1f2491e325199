"""One https GET for a JWK Set: of that host only, over verified TLS, bounded in size and in time, no redirects."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mfa_middleware.firewall.keys.key import BadKey

__all__ = ["FetchError", "Limits", "checked_url", "fetch"]

_PRINTABLE: Final = range(0x21, 0x7F)
_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "mfa_middleware",
}


class FetchError(Exception):
    """The JWK Set could not be fetched. The message says why, without the body."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`wait`: seconds for one step (connect, handshake, read); `whole`: seconds for all; `size`: bytes of the body."""

    wait: float = 5.0
    whole: float = 10.0
    size: int = 512 * 1024


def checked_url(url: str) -> SplitResult:
    """The parts of an https URL. Raises BadKey with what to write instead."""
    if not all(ord(character) in _PRINTABLE for character in url):
        raise BadKey("write the URL in ASCII, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadKey("it is no valid URL") from None
    if parts.scheme.lower() != "https":
        raise BadKey("only https:// URLs are fetched; write https://, or the path of a file without a scheme")
    if not parts.hostname or port == 0:
        raise BadKey("the URL has no valid host and port")
    if "@" in parts.netloc or "\\" in url or "#" in url:
        raise BadKey("write the URL without a user, a backslash and a fragment")
    return parts


def fetch(url: str, *, ca_file: str | None = None, limits: Limits = Limits()) -> bytes:
    """The body that an https URL is answered with. Proxies of the environment are not used. Raises FetchError."""
    parts = checked_url(url)
    try:
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=limits.wait, context=context)
        with _ended_after(connection, limits.whole):
            connection.request("GET", _target(parts), headers=_HEADERS)
            return _body(connection.getresponse(), limits.size)
    except TimeoutError:
        raise FetchError(f"no answer within {limits.wait:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise FetchError(f"its certificate does not verify ({error.verify_message})") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"it cannot be read ({type(error).__name__})") from None


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _body(response: http.client.HTTPResponse, size: int) -> bytes:
    if 300 <= response.status < 400:
        raise FetchError(f"answered {response.status}; redirects are not followed, write the final URL")
    if response.status != 200:
        raise FetchError(f"answered {response.status}")
    body = response.read(size + 1)
    if len(body) > size:
        raise FetchError(f"its body is longer than {size} bytes")
    if response.length:  # what Content-Length promised and did not come
        raise FetchError("its body is cut short")
    return body


@contextmanager
def _ended_after(connection: http.client.HTTPSConnection, seconds: float) -> Iterator[None]:
    """Connect, and cut the connection after `seconds`, so that a server that drips cannot hold the thread."""
    with closing(connection):
        connection.connect()
        with closing(connection.sock) as held:
            late = threading.Event()
            timer = threading.Timer(seconds, _cut, (held, late))
            timer.daemon = True
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
            if late.is_set():  # what was cut off may look complete
                raise FetchError(f"not complete within {seconds:g} s")


def _cut(held: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        socket.socket.shutdown(held, socket.SHUT_RDWR)  # below TLS, whose state the reading thread holds
    except OSError:
        held.close()
