"""One contract for every adapter: what it signs is what a server on loopback sees."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.client.callers import AUTH, BELOW, Caller
from tests.client.server import Answer, ProofServer, nonce_challenge, redirect, refusal

every_adapter = pytest.mark.parametrize("name", sorted(BELOW | AUTH))
below_redirects = pytest.mark.parametrize("name", sorted(BELOW))
auth_objects = pytest.mark.parametrize("name", sorted(AUTH))
Open = Callable[..., Caller]
KEY = {"X-API-Key": "k-123"}


@every_adapter
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_each_request_carries_one_proof_of_its_own(
    name: str, method: str, server: ProofServer, open_caller: Open
) -> None:
    caller = open_caller(name)
    for _ in range(2):
        assert caller.call(method, f"{server.origin}/orders?state=open&x=%2F", headers=KEY).status == 200
    assert len({seen.jti for seen in server.seen}) == 2
    assert all("htd" not in seen.claims for seen in server.seen)


@every_adapter
def test_both_credentials_are_bound(name: str, server: ProofServer, open_caller: Open) -> None:
    reply = open_caller(name).call("GET", f"{server.origin}/", headers={**KEY, "Authorization": "Bearer abc"})
    assert reply.status == 200
    assert set(server.seen[0].claims["oth"]) == {"x-api-key"}


@every_adapter
def test_a_body_in_memory_is_bound(name: str, server: ProofServer, open_caller: Open) -> None:
    assert open_caller(name).call("POST", f"{server.origin}/", body=b"\x00\xff some bytes").status == 200
    assert server.seen[0].body == b"\x00\xff some bytes"
    assert "htd" in server.seen[0].claims


@every_adapter
def test_a_streamed_body_goes_unbound(name: str, server: ProofServer, open_caller: Open) -> None:
    assert open_caller(name).call("POST", f"{server.origin}/", body=[b"one", b"two"]).status == 200
    assert server.seen[0].body == b"onetwo"
    assert "htd" not in server.seen[0].claims


@every_adapter
def test_a_streamed_body_is_bound_where_streams_are_buffered(name: str, server: ProofServer, open_caller: Open) -> None:
    caller = open_caller(name, buffer_streams=True, body_limit=6)
    assert caller.call("POST", f"{server.origin}/", body=[b"one", b"two"]).status == 200
    assert server.seen[0].body == b"onetwo"
    assert "htd" in server.seen[0].claims


@every_adapter
def test_a_buffered_stream_has_a_limit(name: str, server: ProofServer, open_caller: Open) -> None:
    caller = open_caller(name, buffer_streams=True, body_limit=5)
    with pytest.raises(ValueError, match="body_limit=5"):
        caller.call("POST", f"{server.origin}/", body=[b"one", b"two"])
    assert server.seen == []


@every_adapter
def test_binding_can_be_left_out(name: str, server: ProofServer, open_caller: Open) -> None:
    server.always = lambda seen: Answer()
    open_caller(name, bind_query=False, bind_body=False).call("POST", f"{server.origin}/?a=1", body=b"x")
    assert not {"htq", "htd"} & set(server.seen[0].claims)


@every_adapter
def test_a_demanded_nonce_is_used_at_once_and_from_then_on(name: str, server: ProofServer, open_caller: Open) -> None:
    server.script.append(nonce_challenge("n-1"))
    caller = open_caller(name)
    assert caller.call("POST", f"{server.origin}/", headers=KEY, body=b"body").status == 200
    assert caller.call("GET", f"{server.origin}/again", headers=KEY).status == 200
    assert [seen.claims.get("nonce") for seen in server.seen] == [None, "n-1", "n-1"]
    assert [seen.body for seen in server.seen] == [b"body", b"body", b""]
    assert len({seen.jti for seen in server.seen}) == 3


@every_adapter
def test_a_nonce_on_any_answer_is_remembered(name: str, server: ProofServer, open_caller: Open) -> None:
    server.script.append(Answer(headers={"DPoP-Nonce": "n-2"}))
    caller = open_caller(name)
    caller.call("GET", f"{server.origin}/")
    caller.call("GET", f"{server.origin}/")
    assert [seen.claims.get("nonce") for seen in server.seen] == [None, "n-2"]


@every_adapter
def test_a_server_that_always_demands_a_nonce_is_asked_twice(name: str, server: ProofServer, open_caller: Open) -> None:
    server.always = lambda seen: nonce_challenge(f"n-{len(server.seen)}")
    reply = open_caller(name).call("GET", f"{server.origin}/")
    assert (reply.status, len(server.seen)) == (401, 2)
    assert json.loads(reply.body)["code"] == "use_dpop_nonce"


@every_adapter
def test_a_body_that_cannot_be_sent_again_hands_the_challenge_back(
    name: str, server: ProofServer, open_caller: Open
) -> None:
    server.script.append(nonce_challenge("n-1"))
    caller = open_caller(name)
    assert caller.call("POST", f"{server.origin}/", body=[b"once"]).status == 401
    assert caller.call("POST", f"{server.origin}/", body=[b"once"]).status == 200
    assert server.seen[1].claims["nonce"] == "n-1"


@every_adapter
def test_a_told_clock_offset_is_added(name: str, server: ProofServer, open_caller: Open) -> None:
    caller = open_caller(name, clock=lambda: server.clock() - 4000)
    server.script.append(refusal("stale_proof", clock_offset=4000.25))
    assert caller.call("POST", f"{server.origin}/", body=b"body").status == 200
    assert caller.call("GET", f"{server.origin}/").status == 200
    first, *others = (seen.claims["iat"] for seen in server.seen)
    assert all(3999 <= iat - first <= 4005 for iat in others)


@every_adapter
def test_an_offset_and_a_nonce_are_each_answered_once(name: str, server: ProofServer, open_caller: Open) -> None:
    server.script.extend(
        [refusal("stale_proof", clock_offset=1), nonce_challenge("n"), refusal("stale_proof", clock_offset=1)]
    )
    assert open_caller(name).call("GET", f"{server.origin}/").status == 401
    assert len(server.seen) == 3


@every_adapter
@pytest.mark.parametrize(
    "answer",
    [
        refusal("stale_proof", clock_offset=1e300),
        refusal("stale_proof", clock_offset=3.2e8),
        refusal("stale_proof", clock_offset="60"),
        refusal("stale_proof", clock_offset=True),
        refusal("stale_proof"),
        refusal("bad_signature", clock_offset=60),
        refusal("stale_proof", clock_offset=60, padding="x" * 8192),
        Answer(401, {"Content-Type": "application/problem+json"}, b'{"code":"stale_proof","clock_offset":NaN}'),
        Answer(401, {"Content-Type": "application/problem+json"}, b"[" * 8000),
        Answer(401, {"Content-Type": "application/json"}, b'{"code":"stale_proof","clock_offset":60}'),
        Answer(403, {"Content-Type": "application/problem+json"}, b'{"code":"stale_proof","clock_offset":60}'),
        Answer(401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}),
        Answer(401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "two words"}),
        Answer(401, {"WWW-Authenticate": 'Bearer error="use_dpop_nonce"', "DPoP-Nonce": "n"}),
    ],
)
def test_other_refusals_come_back_whole(name: str, answer: Answer, server: ProofServer, open_caller: Open) -> None:
    server.script.append(answer)
    reply = open_caller(name).call("GET", f"{server.origin}/")
    assert (reply.status, reply.body, len(server.seen)) == (answer.status, answer.body, 1)


@every_adapter
def test_the_proof_stays_out_of_what_callers_see(name: str, server: ProofServer, open_caller: Open) -> None:
    reply = open_caller(name).call("GET", f"{server.origin}/")
    assert reply.status == 200
    assert "dpop" not in {header.lower() for header in reply.request_headers}


@every_adapter
def test_a_proof_set_by_hand_is_replaced(name: str, server: ProofServer, open_caller: Open) -> None:
    assert open_caller(name).call("GET", f"{server.origin}/", headers={"dpop": "by.hand.x"}).status == 200


@every_adapter
def test_only_chosen_origins_are_signed(name: str, server: ProofServer, other: ProofServer, open_caller: Open) -> None:
    server.always = other.always = lambda seen: Answer(headers={"DPoP-Nonce": "n"})
    caller = open_caller(name, origins=[server.origin + "/"])
    caller.call("GET", f"{server.origin}/")
    caller.call("GET", f"{other.origin}/")
    assert [len(server.seen[0].proofs), len(other.seen[0].proofs)] == [1, 0]


@every_adapter
def test_nonces_are_kept_by_origin(name: str, server: ProofServer, other: ProofServer, open_caller: Open) -> None:
    server.script.append(nonce_challenge("of-server"))
    caller = open_caller(name)
    for origin in (server.origin, other.origin, server.origin):
        assert caller.call("GET", f"{origin}/").status == 200
    assert "nonce" not in other.seen[0].claims
    assert server.seen[-1].claims["nonce"] == "of-server"


@every_adapter
def test_the_host_header_does_not_decide_what_is_signed(name: str, server: ProofServer, open_caller: Open) -> None:
    """Else a redirect to another host, with the old Host header kept, would hand it a valid proof."""
    caller = open_caller(name)
    assert caller.call("GET", f"{server.origin}/", headers={"Host": "api.example.com"}).status == 200


@below_redirects
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same_host", [True, False])
def test_each_hop_carries_a_proof_of_its_own(
    name: str, status: int, same_host: bool, server: ProofServer, other: ProofServer, open_caller: Open
) -> None:
    end = server if same_host else other
    server.script.append(redirect(status, f"{end.origin}/end?done=1"))
    reply = open_caller(name).call("POST", f"{server.origin}/start?x", headers=KEY, body=b"body")
    assert reply.status == 200
    first, last = server.seen[0], end.seen[-1]
    assert first.jti != last.jti
    assert last.claims["htu"] == f"{end.origin}/end"
    assert last.claims["htm"] == ("POST" if status in (307, 308) else "GET")
    assert ("htd" in last.claims) == (status in (307, 308))


@below_redirects
def test_a_challenge_at_the_end_of_a_redirect_is_answered(
    name: str, server: ProofServer, other: ProofServer, open_caller: Open
) -> None:
    server.script.append(redirect(307, f"{other.origin}/end"))
    other.script.append(nonce_challenge("of-other"))
    caller = open_caller(name)
    assert caller.call("POST", f"{server.origin}/start", body=b"body").status == 200
    assert other.seen[-1].claims["nonce"] == "of-other"
    assert caller.call("GET", f"{server.origin}/").status == 200
    assert "nonce" not in server.seen[-1].claims


@auth_objects
@pytest.mark.parametrize("same_host", [True, False])
def test_an_auth_object_lets_no_redirect_take_its_proof(
    name: str, same_host: bool, server: ProofServer, other: ProofServer, open_caller: Open
) -> None:
    end = server if same_host else other
    server.script.append(redirect(307, f"{end.origin}/end"))
    reply = open_caller(name).call("POST", f"{server.origin}/start", headers=KEY, body=b"body")
    assert (reply.status, end.seen[-1].path, end.seen[-1].proofs) == (401, "/end", [])
    assert len(server.seen[0].proofs) == 1


@auth_objects
def test_an_auth_object_learns_nothing_from_the_end_of_a_redirect(
    name: str, server: ProofServer, other: ProofServer, open_caller: Open
) -> None:
    server.script.append(redirect(307, f"{other.origin}/end"))
    other.script.append(nonce_challenge("of-other"))
    caller = open_caller(name)
    assert caller.call("GET", f"{server.origin}/start").status == 401
    assert caller.call("GET", f"{server.origin}/").status == 200
    assert "nonce" not in server.seen[-1].claims
    assert len(other.seen) == 1
