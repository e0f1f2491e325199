"""Whatever bytes come: no answer is a 5xx, and none but of what is open to all is given without a valid proof."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.faces.serving import KEY, Served
from tests.helpers.rawhttp import Lines, head

_OPEN = [{"status": "ok"}, {"machine": None}, {"machine": None, "order": "open"}]
_TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FRAMING = {"content-length", "transfer-encoding", "expect", "connection", "upgrade", "host"}
_octets = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n"))
_visible = st.lists(st.integers(0x21, 0x7E) | st.integers(0xA0, 0xFF), max_size=40).map(bytes)
_names = st.one_of(
    st.sampled_from(["DPoP", "dpop", "Authorization", "X-API-Key", "X_API_KEY", "Cookie", "Origin", "Forwarded"]),
    st.text(_TOKEN, min_size=1, max_size=12).filter(lambda name: name.lower() not in _FRAMING),
)
_paths = st.one_of(
    st.sampled_from([b"/orders", b"/health", b"/orders/1001", b"/admin", b"/heartbeat", b"/search", b"/orders/open"]),
    st.lists(
        st.sampled_from([b"/", b"..", b".", b"%2F", b"%2e", b"%00", b"%ff", b"orders", b"health", b"open", b";", b"\\"])
    ).map(lambda parts: b"/" + b"".join(parts)),
    _visible.map(lambda raw: b"/" + raw.translate(None, b"#?")),
    _octets.map(lambda raw: b"/" + raw.translate(None, b" #?\t\x0b\x0c")),
)
_queries = st.one_of(
    st.just(b""),
    _visible.map(lambda raw: b"?" + raw.translate(None, b"#")),
    _octets.map(lambda raw: b"?" + raw.translate(None, b" #\t\x0b\x0c")),
)
_edits = st.tuples(st.integers(0, 600), st.text(_TOKEN + "=,{}", max_size=3).map(str.encode), st.integers(0, 4))


def _edited(proof: bytes, edit: tuple[int, bytes, int]) -> bytes:
    at, put_in, taken_out = edit
    at %= len(proof)
    return proof[:at] + put_in + proof[at + taken_out :]


@pytest.mark.parametrize(
    "pair",
    ["fastapi-uvicorn-h11", "fastapi-uvicorn-httptools", "flask-gunicorn-gthread", "django-gunicorn"],
    indirect=True,
    scope="session",
)
@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "X"]),
    path=_paths,
    query=_queries,
    lines=st.lists(st.tuples(_names, _visible), max_size=5) | st.lists(st.tuples(_names, _octets), max_size=5),
    with_key=st.booleans(),
    edit=st.none() | _edits,
)
def test_any_request(
    served: Served,
    method: str,
    path: bytes,
    query: bytes,
    lines: list[tuple[str, bytes]],
    with_key: bool,
    edit: tuple[int, bytes, int] | None,
) -> None:
    sent: Lines = [*(KEY if with_key else []), *lines]
    if edit is not None:
        honest = served.proof("depot", method, path.decode("latin-1")).encode()
        edited = _edited(honest, edit)
        sent = [*sent, ("DPoP", edited if edited.strip(b" \t") != honest else b"")]
    with served.wire() as wire:
        wire.send(head(method, served.face.wire.encode() + path + query, sent, host=served.host))
        try:
            answer = wire.answer(method)
        except EOFError:
            event("closed")
            return
    event(f"{method} {answer.status} {answer.code}")
    assert answer.status < 500, answer
    if answer.status < 300 and method not in ("HEAD", "OPTIONS"):
        assert answer.json in _OPEN, answer
