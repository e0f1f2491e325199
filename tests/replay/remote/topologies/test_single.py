"""One server over its socket, over TLS, and as a user of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mfa_middleware.errors import ConfigurationError, StoreError
from mfa_middleware.events import Event
from mfa_middleware.replay import Outcome
from tests.helpers.fronts import Authority, front
from tests.helpers.valkey import Valkey, running
from tests.replay.racing import key

from .conftest import Open
from .ways import Caller, Way

PASSWORD = "a pass/word@with:marks"
QUOTED = "a%20pass%2Fword%40with%3Amarks"
RIGHTS = "+eval +evalsha +time +info +hmget +hset +hget +hincrby +exists +expire +unlink"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def is_single_use(caller: Caller) -> bool:
    return [caller.nonced(key(1)) for _ in range(2)] == [Outcome.NEW, Outcome.RETRIED]


class TestSocket:
    def test_a_store_on_the_socket_of_a_server(self, opened: Open, calm_valkey: Valkey) -> None:
        assert is_single_use(opened(f"valkey+unix://{calm_valkey.socket}"))

    def test_a_database_of_its_own(self, opened: Open, valkey: Valkey) -> None:
        caller = opened(f"valkey+unix://{valkey.socket}?db=3")
        assert is_single_use(caller)
        assert valkey.ask("INFO", "keyspace").count("db3:") == 1
        assert is_single_use(opened(f"valkey://127.0.0.1:{valkey.port}/4"))
        assert "db4:" in valkey.ask("INFO", "keyspace")


class TestTLS:
    """A front of the tests ends TLS, since the server's binary has none."""

    def test_a_certificate_of_the_authority_that_is_named(
        self, opened: Open, calm_valkey: Valkey, authority: Authority
    ) -> None:
        with front(calm_valkey.port, authority.context("127.0.0.1")) as tls:
            assert is_single_use(opened(f"valkeys://127.0.0.1:{tls.port}?ssl_ca_certs={authority.path}"))

    def test_a_certificate_of_another_authority_is_refused(
        self, opened: Open, calm_valkey: Valkey, authority: Authority, tmp_path: Path
    ) -> None:
        stranger, events = Authority(tmp_path, "stranger"), list[Event]()
        with front(calm_valkey.port, stranger.context("127.0.0.1")) as tls:
            url = f"valkeys://127.0.0.1:{tls.port}"
            caller = opened(f"{url}?ssl_ca_certs={authority.path}", emit=events.append)
            refused(caller, events)
            refused(opened(url, emit=events.append), events)

    def test_a_certificate_of_another_host_is_refused(
        self, opened: Open, calm_valkey: Valkey, authority: Authority
    ) -> None:
        events: list[Event] = []
        with front(calm_valkey.port, authority.context("other", "127.0.0.2", "store.example")) as tls:
            refused(opened(f"valkeys://127.0.0.1:{tls.port}?ssl_ca_certs={authority.path}", emit=events.append), events)

    def test_a_server_that_asks_clients_for_a_certificate(
        self, opened: Open, calm_valkey: Valkey, authority: Authority
    ) -> None:
        certificate, private = authority.issue("client")
        with front(calm_valkey.port, authority.context("127.0.0.1", ask_clients=True)) as tls:
            url = f"valkeys://127.0.0.1:{tls.port}?ssl_ca_certs={authority.path}"
            with pytest.raises(StoreError):
                opened(url).state()
            assert is_single_use(opened(f"{url}&ssl_certfile={certificate}&ssl_keyfile={private}"))

    def test_no_tls_where_the_uri_does_not_say_so(
        self, opened: Open, calm_valkey: Valkey, authority: Authority
    ) -> None:
        with front(calm_valkey.port, authority.context("127.0.0.1")) as tls, pytest.raises(StoreError):
            opened(f"valkey://127.0.0.1:{tls.port}", timeout=0.5).state()

    @pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
    def test_a_file_that_is_not_there_stops_the_start(self, way: Way, option: str, tmp_path: Path) -> None:
        message = f"the file {tmp_path}/no.pem of {option} cannot be read"
        with pytest.raises(ConfigurationError, match=message):
            way.open(f"valkeys://127.0.0.1:1?{option}={tmp_path}/no.pem")


def refused(caller: Caller, events: list[Event]) -> None:
    """Nothing is accepted, and the operator reads that it is because of the certificate."""
    with pytest.raises(StoreError):
        caller.state()
    assert "CERTIFICATE_VERIFY_FAILED" in events.pop().detail


class TestNoWrites:
    """A server that refuses to write is one that does not answer, and not one that is full."""

    def test_while_too_few_replicas_follow(self, opened: Open, valkey: Valkey) -> None:
        caller = opened(valkey.url)
        epoch = caller.state().epoch
        valkey.set("min-replicas-to-write", "1")
        with pytest.raises(StoreError, match="NOREPLICAS"):
            caller.nonced(key(1), epoch=epoch)
        valkey.set("min-replicas-to-write", "0")
        assert caller.nonced(key(1), epoch=epoch) is Outcome.NEW

    def test_while_it_is_a_replica(self, opened: Open, valkey: Valkey) -> None:
        caller = opened(valkey.url)
        epoch = caller.state().epoch
        valkey.ask("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreError, match="read only replica"):
            caller.nonced(key(1), epoch=epoch)


class TestPassword:
    def test_the_password_of_the_server(self, opened: Open, tmp_path: Path) -> None:
        with running(tmp_path / "locked", requirepass=PASSWORD) as server:
            assert is_single_use(opened(f"valkey://:{QUOTED}@127.0.0.1:{server.port}"))

    @pytest.mark.parametrize("login", ["", ":not%20the%20one@", "somebody:not%20the%20one@"])
    def test_a_wrong_one_stops_the_start_and_is_not_told(self, way: Way, tmp_path: Path, login: str) -> None:
        with running(tmp_path / "locked", requirepass=PASSWORD) as server:
            with pytest.raises(ConfigurationError, match=f"127.0.0.1:{server.port} refuses: ") as caught:
                way.open(f"valkey://{login}127.0.0.1:{server.port}")
            assert "not the one" not in str(caught.value)
            assert PASSWORD not in str(caught.value)


class TestUser:
    def test_the_rights_that_the_docs_name_are_enough(self, opened: Open, valkey: Valkey) -> None:
        caller = opened(with_user(valkey, RIGHTS), app="shop")
        assert is_single_use(caller)
        assert caller.nonced(key(2)) is Outcome.NEW

    def test_each_of_them_is_needed(self, valkey: Valkey) -> None:
        for right in RIGHTS.split():
            url = with_user(valkey, " ".join(other for other in RIGHTS.split() if other != right))
            valkey.ask("FLUSHALL")
            valkey.ask("SCRIPT", "FLUSH")
            with pytest.raises((ConfigurationError, StoreError), match="permission"):
                use(url)

    def test_the_keys_of_another_app_are_out_of_reach(self, way: Way, valkey: Valkey) -> None:
        with pytest.raises(ConfigurationError, match=r"refuses: .*key"):
            way.open(with_user(valkey, RIGHTS), app="bank")


def use(url: str) -> None:
    caller = Way("valkey", None).open(url, app="shop")
    try:
        assert is_single_use(caller)
    finally:
        caller.close()


def with_user(server: Valkey, rights: str) -> str:
    answer = server.ask(
        "ACL", "SETUSER", "mfa", "on", f">{PASSWORD}", "nocommands", "resetkeys", "~{mfa:shop}:*", *rights.split()
    )
    assert answer == "OK", answer
    return f"valkey://mfa:{QUOTED}@127.0.0.1:{server.port}"
