"""What is signed is what goes on the wire, whatever URL and body a library is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from mfa_middleware.client import PrivateKey, Signer
from tests.client.callers import AUTH, BELOW, Caller
from tests.client.server import ProofServer, redirect

PIECES = st.sampled_from(
    [
        *"abz09-._~!$&'()*+,;=:@/|^`{}<>\"[]\\ %",
        *["//", "/./", "/../", "%2F", "%2f", "%c3%a9", "%zz", "%41", "%00", "%25", "é", "日本", "😀", "\x7f", "ÿ"],
    ]
)
PATHS = st.lists(PIECES, max_size=12).map("".join)
QUERIES = st.lists(st.one_of(PIECES, st.sampled_from(["?", "a=1", "&", "a[]=", "+"])), max_size=12).map("".join)
REDIRECTED = PATHS.filter(str.isascii).filter(str.isprintable)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@pytest.fixture(params=sorted(BELOW | AUTH))
def caller(request: pytest.FixtureRequest, key: PrivateKey) -> Iterator[Caller]:
    opened = (BELOW | AUTH)[request.param](Signer(key))
    yield opened
    opened.close()


def _attempt(call: Callable[[], object], server: ProofServer) -> object:
    """Call, unless the library finds the URL invalid and sends nothing."""
    server.seen.clear()
    try:
        return call()
    except Exception:
        if server.seen:
            raise
        reject()


@given(path=PATHS, query=st.none() | QUERIES)
@quick
def _check_target(caller: Caller, server: ProofServer, path: str, query: str | None) -> None:
    url = f"{server.origin}/{path}" + ("" if query is None else f"?{query}")
    reply = _attempt(lambda: caller.call("GET", url), server)
    assert reply.status == 200, (reply.body, server.seen[-1].target)


def test_any_path_and_query_is_signed_as_it_is_sent(caller: Caller, server: ProofServer) -> None:
    _check_target(caller, server)


@given(body=st.binary(max_size=300), method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]))
@quick
def _check_body(caller: Caller, server: ProofServer, body: bytes, method: str) -> None:
    server.seen.clear()
    assert caller.call(method, server.origin, body=body).status == 200
    assert server.seen[-1].body == body
    assert ("htd" in server.seen[-1].claims) == bool(body)


def test_any_body_is_signed_as_it_is_sent(caller: Caller, server: ProofServer) -> None:
    _check_body(caller, server)


@given(path=REDIRECTED, query=REDIRECTED)
@quick
def _check_redirect(caller: Caller, server: ProofServer, path: str, query: str) -> None:
    server.script.clear()
    server.script.append(redirect(307, f"{server.origin}/{path}?{query}"))
    server.seen.clear()
    try:
        reply = caller.call("GET", f"{server.origin}/start")
    except Exception:
        if len(server.seen) > 1:
            raise
        reject()
    assert reply.status == 200, (reply.body, server.seen[-1].target)


@pytest.mark.parametrize("name", sorted(BELOW))
def test_any_place_that_a_redirect_names_is_signed_as_it_is_sent(
    name: str, key: PrivateKey, server: ProofServer
) -> None:
    caller = BELOW[name](Signer(key))
    try:
        _check_redirect(caller, server)
    finally:
        caller.close()
