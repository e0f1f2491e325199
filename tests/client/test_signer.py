from __future__ import annotations

import http.client
import threading
from pathlib import Path

import pytest

from mfa_middleware.client import ConfigurationError, PrivateKey, Signer, sign_headers
from mfa_middleware.client.memory import Memory, Told
from mfa_middleware.client.target import Target
from tests.client.server import ProofServer, b64url_sha256, nonce_challenge, refusal, verified

URL = "https://api.example.com/orders?state=open"
CHALLENGE = nonce_challenge("n-1")


def claims(headers: dict[str, str]) -> dict[str, object]:
    return verified(headers["DPoP"])


def test_the_claims_of_a_proof(key: PrivateKey) -> None:
    signer = Signer(key, clock=lambda: 1_700_000_000.9)
    headers = {"Authorization": "Bearer  abc", "X-API-Key": "k"}
    proof = claims(signer.headers("POST", URL, headers, b"hello"))
    assert len(str(proof.pop("jti"))) == 22
    assert proof == {
        "htm": "POST",
        "htu": "https://api.example.com/orders",
        "iat": 1_700_000_000,
        "ath": b64url_sha256(b"abc"),
        "oth": {"x-api-key": b64url_sha256(b"k")},
        "htq": b64url_sha256(b"state=open"),
        "htd": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
    }


def test_the_ath_of_the_rfc(key: PrivateKey) -> None:
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # RFC 9449 7.1
    proof = claims(sign_headers(key, "GET", URL, headers={"Authorization": f"DPoP {token}"}))
    assert proof["ath"] == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.mark.parametrize(
    ("places", "headers", "ath", "oth"),
    [
        (["x-api-key"], {"x-api-KEY": " k "}, b"k", None),
        (["Authorization"], {"authorization": "token-without-scheme"}, b"token-without-scheme", None),
        (["authorization", "x-api-key"], {"X-API-Key": "k"}, b"k", None),
        (
            ["x-api-key", "authorization"],
            {"Authorization": "Bearer t", "X-API-Key": "k"},
            b"k",
            {"authorization": b"t"},
        ),
        (["cookie:SID"], {"Cookie": 'sid=no; SID="quoted=1" ; x=y'}, b'"quoted=1"', None),
        (["query:state"], {}, b"open", None),
        (["x-api-key", "Query:state"], {"X-API-Key": "k"}, b"k", {"query:state": b"open"}),
        (["x-api-key"], {"X-API-Key": "é"}, "é".encode("latin-1"), None),
        (["x-api-key"], {"X-API-Key": "€"}, "€".encode(), None),
        (["x-api-key"], {}, None, None),
        ([], {"Authorization": "Bearer t"}, None, None),
    ],
)
def test_credentials_are_bound_where_they_stand(
    places: list[str],
    headers: dict[str, str],
    ath: bytes | None,
    oth: dict[str, bytes] | None,
    key: PrivateKey,
) -> None:
    proof = claims(Signer(key, places=places).headers("GET", URL, headers))
    assert proof.get("ath") == (None if ath is None else b64url_sha256(ath))
    assert proof.get("oth") == (None if oth is None else {name: b64url_sha256(value) for name, value in oth.items()})


def test_a_query_credential_is_bound_as_it_reads(key: PrivateKey) -> None:
    proof = claims(Signer(key, places=["query:k"]).headers("GET", "https://a/?z=1&%6B=a%20b+c", {}))
    assert proof["ath"] == b64url_sha256(b"a b c")


@pytest.mark.parametrize("places", [["cookie:"], ["body:x"], ["X API"], [""], "authorization"])
def test_other_places_are_refused(places: list[str] | str, key: PrivateKey) -> None:
    with pytest.raises(ConfigurationError, match="place"):
        Signer(key, places=places)


@pytest.mark.parametrize(
    ("url", "htu", "query"),
    [
        ("HTTPS://API.Example.COM:443", "https://api.example.com/", ""),
        ("http://h:80?x", "http://h/", "x"),
        ("http://h:8080/a?#f?x", "http://h:8080/a", ""),
        ("https://user:secret@h/a", "https://h/a", ""),
        ("https://h/a b/é/%7e/%c3/../x?ü=\\ |", "https://h/a%20b/%C3%A9/%7e/%c3/../x", "%C3%BC=\\%20|"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/", ""),
        ("https://bücher.example/", "https://xn--bcher-kva.example/", ""),
        ("wss://h:443/live", "wss://h/live", ""),
        ("http://h:00080/", "http://h/", ""),
        ("https://h//a;b/\\", "https://h//a;b/%5C", ""),
    ],
)
def test_the_target_is_the_url_as_it_is_sent(url: str, htu: str, query: str, key: PrivateKey) -> None:
    proof = claims(sign_headers(key, "GET", url))
    assert (proof["htu"], proof["htq"]) == (htu, b64url_sha256(query.encode()))


@pytest.mark.parametrize(
    "url", ["", "/orders", "api.example.com/x", "https://", "https:///x", "https://h\\x", "https://\udcff/"]
)
def test_other_urls_are_refused(url: str, key: PrivateKey) -> None:
    with pytest.raises(ValueError, match=r"URL|host"):
        sign_headers(key, "GET", url)


def test_headers_for_something_else_that_sends(server: ProofServer, tmp_path: Path) -> None:
    server.script.append(nonce_challenge("n-1"))
    path, headers, answers = tmp_path / "machine.pem", {"X-API-Key": "k"}, []
    for nonce in (None, "n-1"):
        proof = sign_headers(path, "post", f"{server.origin}/a?b=c", headers=headers, body="é", nonce=nonce)
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("POST", "/a?b=c", body="é".encode(), headers=headers | proof)
        answers.append(connection.getresponse().status)
        connection.close()
    assert answers == [401, 200]
    assert server.seen[1].claims["nonce"] == "n-1"


def test_a_signer_remembers_by_hand(key: PrivateKey) -> None:
    signer = Signer(key, clock=lambda: 1000.0)
    assert signer.learn(URL, CHALLENGE.status, CHALLENGE.headers, CHALLENGE.body)
    stale = refusal("stale_proof", clock_offset=-100)
    stale.headers["Content-Length"] = str(len(stale.body))
    assert signer.learn(URL, stale.status, stale.headers, stale.body)
    proof = claims(signer.headers("GET", URL, {}))
    assert (proof["nonce"], proof["iat"]) == ("n-1", 900)
    other = claims(signer.headers("GET", "https://other.example.com/", {}))
    assert ("nonce" in other, other["iat"]) == (False, 1000)


def test_an_origin_that_is_not_signed_teaches_nothing(key: PrivateKey) -> None:
    signer = Signer(key, origins=["https://API.example.com:443"])
    other = "https://other.example.com/"
    assert not signer.learn(other, CHALLENGE.status, CHALLENGE.headers)
    assert signer.headers("GET", other, {}) == {}
    assert "nonce" not in claims(signer.headers("GET", URL, {}))


@pytest.mark.parametrize("origin", ["api.example.com", "https://api.example.com/orders", "https://api.example.com/?x"])
def test_other_origins_are_refused(origin: str, key: PrivateKey) -> None:
    with pytest.raises(ConfigurationError, match=r"write https://api\.example\.com"):
        Signer(key, origins=[origin])


def test_requests_in_flight_correct_the_clock_once(key: PrivateKey) -> None:
    signer = Signer(key, clock=lambda: 1000.0)
    stale = refusal("stale_proof", clock_offset=100)
    headers = stale.headers | {"Content-Length": str(len(stale.body))}
    flights = [signer.exchange() for _ in range(3)]
    for flight in flights:
        flight.aim(Target.of(URL))
    assert all(flight.learn(401, headers, stale.body) for flight in flights)
    assert claims(signer.headers("GET", URL, {}))["iat"] == 1100


def test_offsets_do_not_add_up_beyond_ten_years(key: PrivateKey) -> None:
    signer = Signer(key, clock=lambda: 0.0)
    stale = refusal("stale_proof", clock_offset=3.0e8)
    headers = stale.headers | {"Content-Length": str(len(stale.body))}
    assert signer.learn(URL, 401, headers, stale.body)
    assert not signer.learn(URL, 401, headers, stale.body)
    assert claims(signer.headers("GET", URL, {}))["iat"] == 300_000_000


def test_what_origins_told_is_bounded() -> None:
    memory = Memory()
    for number in range(1000):
        memory.nonce("https://kept", "n")
        memory.of("https://kept")
        memory.offset(f"https://{number}", 1.0)
    assert memory.of("https://kept") == Told("n", 0.0)
    assert memory.of("https://999") == Told(None, 1.0)
    assert memory.of("https://0") == Told()


def test_one_signer_serves_many_threads(key: PrivateKey) -> None:
    signer, proofs = Signer(key), []

    def work(number: int) -> None:
        for turn in range(50):
            url = f"https://host-{turn}.example.com/{number}"
            signer.learn(url, 200, {"DPoP-Nonce": f"n-{turn}"})
            proofs.append((turn, claims(signer.headers("GET", url, {}))))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({proof["jti"] for _, proof in proofs}) == 400
    assert all(proof["nonce"] == f"n-{turn}" for turn, proof in proofs)


def test_nothing_that_is_kept_shows_a_nonce_or_a_key(key: PrivateKey) -> None:
    signer = Signer(key)
    signer.learn(URL, 200, {"DPoP-Nonce": "hush"})
    assert "hush" not in repr(signer.memory.of("https://api.example.com"))
    assert repr(signer) == f"<Signer {key.thumbprint}>"


def test_a_wrong_challenge_is_searched_in_bounded_time(key: PrivateKey) -> None:
    signer = Signer(key)
    assert not signer.learn(URL, 401, {"WWW-Authenticate": "dpop " * 20_000, "DPoP-Nonce": "n"})


@pytest.mark.parametrize(
    "challenge",
    [
        'DPoP error="use_dpop_nonce"',
        "Dpop error=use_dpop_nonce",
        'Bearer realm="x", DPoP algs="ES256 PS256", error="use_dpop_nonce", error_description="a, b"',
        'DPoP error = "use_dpop_nonce"',
    ],
)
def test_challenges_are_read_as_servers_write_them(challenge: str, key: PrivateKey) -> None:
    assert Signer(key).learn(URL, 401, [("www-authenticate", challenge), (b"dpop-nonce", b"n")])
