"""What the URI of a server may say."""

from __future__ import annotations

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.remote.address import SCHEMES, Address


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("redis://db.example:6380/2", {"library": "redis", "hosts": (("db.example", 6380),), "database": 2}),
        ("valkey://db.example", {"library": "valkey", "hosts": (("db.example", 6379),), "database": 0}),
        ("valkey://db.example/?db=3", {"database": 3}),
        ("valkey://[2001:db8::1]:7000", {"hosts": (("2001:db8::1", 7000),)}),
        ("valkey://[2001:db8::1]", {"hosts": (("2001:db8::1", 6379),)}),
        ("redis://api:p%40ss@db.example", {"username": "api", "password": "p@ss", "tls": None}),
        ("redis://:secret@db.example", {"username": None, "password": "secret"}),
        ("rediss://db.example", {"library": "redis", "tls": {}}),
        (
            "valkeys://db.example?ssl_ca_certs=/etc/ca.pem",
            {"library": "valkey", "tls": {"ssl_ca_certs": "/etc/ca.pem"}},
        ),
        ("redis+unix:///run/redis.sock?db=1", {"kind": "unix", "path": "/run/redis.sock", "database": 1}),
        (
            "valkey+sentinel://:pw@s1,s2:26380/mymaster/1?sentinel_password=other",
            {
                "kind": "sentinel",
                "hosts": (("s1", 26379), ("s2", 26380)),
                "service": "mymaster",
                "database": 1,
                "password": "pw",
                "sentinel_login": {"password": "other"},
            },
        ),
        ("rediss+cluster://n1:7000,n2:7001", {"kind": "cluster", "hosts": (("n1", 7000), ("n2", 7001)), "tls": {}}),
    ],
)
def test_an_address_is_read(uri: str, told: dict[str, object]) -> None:
    address = Address.parse(uri)
    assert {name: getattr(address, name) for name in told} == told
    assert uri.partition(":")[0] in SCHEMES


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("redis:", "write redis://HOST:PORT"),
        ("redis:db.example", "write redis://HOST:PORT"),
        ("redis://", "'' is no HOST:PORT"),
        ("redis://db.example:port", "is no HOST:PORT"),
        ("redis://db.example:0", "is no HOST:PORT"),
        ("redis://db.example:65536", "is no HOST:PORT"),
        ("redis://a,b", "several hosts: write redis+sentinel://"),
        ("redis://db.example/one", "the database is 'one': write its number"),
        ("redis://db.example?socket_timeout=5", "the option socket_timeout is not known"),
        ("redis://db.example?ssl_cert_reqs=none", "the option ssl_cert_reqs is not known"),
        ("redis://db.example?ssl_ca_certs=/etc/ca.pem", "the option ssl_ca_certs is not known"),
        ("redis://db.example?nonsense", "is not NAME=VALUE"),
        ("redis+unix://", "write the path of the socket"),
        ("valkey+sentinel://s1", "write the name of the service"),
        ("valkey+cluster://n1/1", "a cluster has no numbered databases"),
    ],
)
def test_a_wrong_address_stops_the_start_with_what_to_write(uri: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^MFA_REPLAY_STORE: ") as caught:
        Address.parse(uri)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["redis://api:hunter2@db.example", "valkey+sentinel://:hunter2@s1/m?sentinel_password=hunter2"]
)
def test_no_password_is_shown(uri: str) -> None:
    assert "hunter2" not in repr(Address.parse(uri)) + str(Address.parse(uri))
    for wrong in (uri + ("&" if "?" in uri else "?") + "x=1", uri.replace("//", "//[", 1)):
        with pytest.raises(ConfigurationError) as caught:
            Address.parse(wrong)
        assert "hunter2" not in str(caught.value)
