"""What our client signs, every face accepts; and whatever a server hands on, a face answers. Without a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from mfa_middleware.client import Signer
from mfa_middleware.errors import Code
from mfa_middleware.testing import MemoryRegistry, enrolled, memory_service
from tests.faces.inprocess import LOCAL, Sent, received
from tests.helpers.rawhttp import Response

_ORIGIN = "https://api.example.com"
_PREFIXES = ["", "/api", "/api/v2;x=1"]
_TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HIDDEN = re.compile(r"%(?:2F|5C|25|00)|\\", re.IGNORECASE)
_Faces = Mapping[str, Callable[[Sent], Response]]


@cache
def _set_up(prefix: str) -> tuple[Signer, _Faces]:
    """A machine, and every face with a store of its own, so that all can be shown the same proof."""
    registry = MemoryRegistry()
    signer = Signer(enrolled(registry).key)
    services = {name: memory_service(registry=registry, origins=_ORIGIN, path_prefix=prefix) for name in LOCAL}
    return signer, {name: build(services[name]) for name, build in LOCAL.items()}


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_segments = st.one_of(
    _text.map(lambda text: re.sub("[?#]", "", text)),
    st.sampled_from(
        ["", ".", "..", "%2F", "%2f", "%5C", "%25", "%00", "%C3%A9", "%7E", "~", ";v=1", "a b", "é", "\\", "%"]
    ),
)
_paths = st.lists(_segments, max_size=4).map(lambda segments: "".join(f"/{segment}" for segment in segments))
_keys = st.text("".join(map(chr, range(0x21, 0x7F))).replace(",", ""), min_size=1, max_size=20)
_credentials = st.one_of(
    _keys.map(lambda key: (("X-API-Key", key),)),
    st.text(_TOKEN, min_size=1).map(lambda token: (("Authorization", f"Bearer {token}"),)),
    st.tuples(_keys, st.text(_TOKEN, min_size=1)).map(
        lambda both: (("X-API-Key", both[0]), ("Authorization", f"DPoP {both[1]}"))
    ),
)


def _on_wire(text: str) -> str:
    """As HTTP libraries send a path or a query: what is not visible ASCII as UTF-8, percent-encoded."""
    return re.sub("[^!-~]+", lambda match: "".join(f"%{octet:02X}" for octet in match[0].encode()), text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]) | st.text(_TOKEN, min_size=1, max_size=10),
    prefix=st.sampled_from(_PREFIXES),
    root=st.sampled_from(["", "/shop", "/shop/v~1"]),
    path=_paths,
    query=_text.map(lambda text: text.replace("#", "")),
    credential=_credentials,
    pieces=st.lists(st.binary(max_size=60), min_size=1, max_size=3).map(tuple),
    raw=st.booleans(),
)
def test_what_the_client_signs_every_face_accepts_once(
    method: str,
    prefix: str,
    root: str,
    path: str,
    query: str,
    credential: tuple[tuple[str, str], ...],
    pieces: tuple[bytes, ...],
    raw: bool,
) -> None:
    signer, faces = _set_up(prefix)
    path = path or ("/" if prefix and not root else "")  # of a path that it strips whole, a proxy makes "/"
    url = f"{_ORIGIN}{prefix}{root}{path}" + (f"?{query}" if query else "")
    proof = signer.headers(method, url, credential, b"".join(pieces))["DPoP"]
    wire = _on_wire(path) if root else _on_wire(path) or "/"
    sent = Sent(method, wire, _on_wire(query), (*credential, ("DPoP", proof)), pieces, root, raw)
    for name, face in faces.items():
        first, second = face(sent), face(sent)
        if _is_told(name, sent):
            assert (first.status, first.body) == (200, received(sent.body)), (name, first)
            assert second.status == 401, name
            assert method == "HEAD" or second.code == Code.REPLAYED, (name, second)
        elif ".." not in sent.path:  # which may take out what is hidden, on both sides
            assert first.status == 401, (name, first)


def _is_told(face: str, sent: Sent) -> bool:
    """Whether the path that a face is told is the one on the wire."""
    if sent.raw or face in ("asgi", "fastapi", "django-async"):
        return True
    return not _HIDDEN.search(sent.path) and (face != "django" or _is_text(sent.path))


def _is_text(path: str) -> bool:
    """Django makes "/" of an empty path, and quotes anew what is not UTF-8."""
    try:
        return bool(unquote(path, errors="strict"))
    except UnicodeDecodeError:
        return False


_latin = st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
_headers = st.tuples(
    st.sampled_from(["DPoP", "Authorization", "X-API-Key", "X_API_Key", "Cookie", "Host", "Origin", "X-Forwarded-For"])
    | st.text(_TOKEN, min_size=1, max_size=8),
    _latin,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    sent=st.builds(
        Sent,
        method=st.text(_TOKEN, min_size=1, max_size=10).filter(lambda method: method != "OPTIONS"),
        path=_latin.map(lambda text: f"/{text.replace('?', '')}"),
        query=_latin,
        lines=st.lists(_headers, max_size=6).map(tuple),
        root=st.sampled_from(["", "/shop"]),
        raw=st.booleans(),
    )
)
def test_whatever_a_server_hands_on_is_refused_without_a_proof(sent: Sent) -> None:
    for name, face in _set_up("")[1].items():
        answer = face(sent)
        assert answer.status in ((400, 401) if name == "django-async" else (401,)), (name, answer)
