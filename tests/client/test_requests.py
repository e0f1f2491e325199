from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from urllib3.util import Retry

from mfa_middleware.client import PrivateKey
from mfa_middleware.client.requests import MachineAdapter, MachineAuth
from tests.client.server import Answer, ProofServer, nonce_challenge, redirect, refusal
from tests.client.tls import Tunnel, certificate

RETRY = Retry(total=4, backoff_factor=0, status_forcelist=[503], allowed_methods=None)
DROPPED = Answer(drop=True)
BUSY = Answer(503, {"DPoP-Nonce": "n-of-503"}, b"busy", close=True)


@pytest.fixture
def session(key: PrivateKey) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        opened.mount("http://", MachineAdapter(key, max_retries=RETRY))
        yield opened


def test_three_lines_do(server: ProofServer, tmp_path: Path) -> None:
    session = requests.Session()
    session.mount("http://", MachineAdapter(tmp_path / "machine.pem"))
    assert session.get(server.origin, headers={"X-API-Key": "k"}).status_code == 200
    session.close()


def test_each_retry_of_urllib3_carries_a_proof_of_its_own(session: requests.Session, server: ProofServer) -> None:
    server.script.extend([BUSY, BUSY])
    assert session.post(server.origin, data=b"body").status_code == 200
    assert len({seen.jti for seen in server.seen}) == 3
    assert [seen.body for seen in server.seen] == [b"body"] * 3
    assert [seen.claims.get("nonce") for seen in server.seen] == [None, "n-of-503", "n-of-503"]


def test_each_retry_after_a_dropped_connection_carries_a_proof_of_its_own(
    session: requests.Session, server: ProofServer
) -> None:
    server.script.extend([DROPPED, DROPPED])
    assert session.post(server.origin, data=io.BytesIO(b"file")).status_code == 200
    assert len({seen.jti for seen in server.seen}) == 3
    assert [seen.body for seen in server.seen] == [b"file"] * 3


def test_retries_and_challenges_add_up(session: requests.Session, server: ProofServer) -> None:
    server.script.extend([BUSY, nonce_challenge("n"), DROPPED, refusal("stale_proof", clock_offset=2)])
    assert session.post(server.origin, data=b"body").status_code == 200
    assert len({seen.jti for seen in server.seen}) == 5


def test_a_retry_that_urllib3_makes_of_a_challenge_is_signed_with_its_nonce(
    key: PrivateKey, server: ProofServer
) -> None:
    server.script.append(nonce_challenge("n"))
    with requests.Session() as session:
        session.trust_env = False
        retry = Retry(total=1, backoff_factor=0, status_forcelist=[401])
        session.mount("http://", MachineAdapter(key, max_retries=retry))
        assert session.get(server.origin).status_code == 200
    assert [seen.claims.get("nonce") for seen in server.seen] == [None, "n"]


def test_a_file_is_bound_and_sent_from_where_it_stands(session: requests.Session, server: ProofServer) -> None:
    file = io.BytesIO(b"skipped|sent")
    file.seek(8)
    server.script.append(nonce_challenge("n"))
    assert session.post(server.origin, data=file).status_code == 200
    assert [seen.body for seen in server.seen] == [b"sent"] * 2
    assert "htd" in server.seen[1].claims


def test_a_file_is_sent_again_after_a_redirect(session: requests.Session, server: ProofServer) -> None:
    server.script.append(redirect(307, "/end"))
    assert session.post(server.origin, data=io.BytesIO(b"file")).status_code == 200
    assert [seen.body for seen in server.seen] == [b"file"] * 2
    assert "htd" in server.seen[1].claims


def test_a_long_file_goes_unbound_and_is_still_sent_again(key: PrivateKey, server: ProofServer) -> None:
    server.script.append(nonce_challenge("n"))
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", MachineAdapter(key, body_limit=10))
        assert session.post(server.origin, data=io.BytesIO(b"x" * 11)).status_code == 200
    assert [seen.body for seen in server.seen] == [b"x" * 11] * 2
    assert "htd" not in server.seen[1].claims


def test_a_long_file_is_refused_where_every_body_is_to_be_bound(key: PrivateKey, server: ProofServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", MachineAdapter(key, body_limit=10, buffer_streams=True))
        with pytest.raises(ValueError, match="body_limit=10"):
            session.post(server.origin, data=io.BytesIO(b"x" * 11))
    assert server.seen == []


@pytest.mark.parametrize("text", [True, False])
def test_json_forms_and_multipart_are_bound(session: requests.Session, server: ProofServer, text: bool) -> None:
    session.post(server.origin, json={"a": "é"}).raise_for_status()
    session.post(server.origin, data={"a": "é"}).raise_for_status()
    session.post(server.origin, data="é" if text else "é".encode()).raise_for_status()
    session.post(server.origin, files={"f": ("name.txt", io.BytesIO(b"content"))}, data={"a": "b"}).raise_for_status()
    assert all("htd" in seen.claims for seen in server.seen)


def test_a_challenge_leaves_a_stream_readable(session: requests.Session, server: ProofServer) -> None:
    server.script.extend([nonce_challenge("n"), Answer(body=b"streamed")])
    with session.get(server.origin, stream=True) as response:
        assert b"".join(response.iter_content(3)) == b"streamed"


def test_cookies_of_a_session_go_with_a_second_attempt(session: requests.Session, server: ProofServer) -> None:
    session.cookies.set("sid", "s-1")
    server.script.append(nonce_challenge("n"))
    assert session.get(server.origin).status_code == 200
    assert server.seen[1].all("cookie") == ["sid=s-1"]


def test_an_auth_object_escapes_what_urllib3_would(key: PrivateKey, server: ProofServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(f"{server.origin}/a", params="ids[]=%c3%a9|'", auth=MachineAuth(key))
    assert response.status_code == 200, response.text
    assert server.seen[0].query == "ids%5B%5D=%C3%A9%7C'"


def test_an_auth_object_sees_the_answer_in_history(key: PrivateKey, server: ProofServer) -> None:
    server.script.append(nonce_challenge("n"))
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(server.origin, data=io.BytesIO(b"file"), auth=MachineAuth(key))
    assert (response.status_code, [old.status_code for old in response.history]) == (200, [401])
    assert [seen.body for seen in server.seen] == [b"file"] * 2


def test_requests_through_a_proxy_name_the_server(key: PrivateKey, server: ProofServer) -> None:
    """A plain proxy is asked in absolute form; here the test server plays the proxy of a name it is not."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", MachineAdapter(key))
        session.get("http://api.example.com/hop?x=1", proxies={"http": server.origin})
    assert server.seen[0].claims["htu"] == "http://api.example.com/hop"


def test_requests_over_tls_are_signed(key: PrivateKey, tmp_path: Path) -> None:
    with ProofServer(tls=certificate(tmp_path)) as server, requests.Session() as session:
        session.trust_env = False
        session.mount("https://", MachineAdapter(key, max_retries=RETRY))
        session.verify = str(tmp_path / "cert.pem")
        server.script.append(BUSY)
        assert session.post(f"{server.origin}/x?y", data=b"body").status_code == 200
        assert len({seen.jti for seen in server.seen}) == 2


def test_requests_through_a_tunnel_name_the_server(key: PrivateKey, tmp_path: Path) -> None:
    with ProofServer(tls=certificate(tmp_path)) as server, Tunnel() as proxy, requests.Session() as session:
        session.trust_env = False
        session.mount("https://", MachineAdapter(key))
        session.verify = str(tmp_path / "cert.pem")
        session.proxies = {"https": proxy.url}
        assert session.get(f"{server.origin}/x?y").status_code == 200
        assert proxy.connected == [f"127.0.0.1:{server.port}"]


def test_concurrent_requests_of_one_session_are_each_signed_once(
    session: requests.Session, server: ProofServer
) -> None:
    statuses: list[int] = []

    def work() -> None:
        statuses.extend(session.get(f"{server.origin}/{number}").status_code for number in range(10))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert len(server.jtis) == 80


def test_an_adapter_with_its_key_is_not_pickled(session: requests.Session) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(session)


def test_reprs_tell_the_thumbprint_only(key: PrivateKey) -> None:
    adapter = MachineAdapter(key)
    assert repr(adapter) == f"<MachineAdapter {key.thumbprint}>"
    assert repr(MachineAuth(key)) == f"<MachineAuth {key.thumbprint}>"
    adapter.close()
