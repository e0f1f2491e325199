"""The cache framework of Django as a replay store: on the server of a cache that keeps what it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from mfa_middleware.django import MFAMiddleware
from mfa_middleware.django.cache_store import server_of
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay import open_store
from tests.helpers.valkey import Valkey, is_installed, running

from .callers import Caller
from .django_project import MIDDLEWARE, Project

DJANGO = "django.core.cache.backends"
REDIS = f"{DJANGO}.redis.RedisCache"
PASSWORD = "a pass/word@with:marks"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    if not is_installed():
        pytest.skip("there is no Valkey server here")
    with running(tmp_path_factory.mktemp("valkey")) as found:
        found.ask("ACL", "SETUSER", "shop", "on", f">{PASSWORD}", "~*", "+@all")
        yield found


@pytest.fixture
def configure(machines: Path) -> Iterator[Callable[..., None]]:
    """One cache, `proofs`, as the store."""
    with ExitStack() as stack:

        def change(backend: str, location: Any = None, options: Any = None, alias: str = "proofs") -> None:
            cache = {"BACKEND": backend, "LOCATION": location, "OPTIONS": options}
            given = {name: value for name, value in cache.items() if value is not None}
            mfa = {"MACHINES": machines, "REPLAY_STORE": f"django-cache:{alias}"}
            others = {"default": {"BACKEND": f"{DJANGO}.dummy.DummyCache"}}
            changed = override_settings(CACHES={**others, "proofs": given}, MFA=mfa, MIDDLEWARE=[MIDDLEWARE])
            stack.enter_context(changed)

        yield change


def found_by_checks(*, deploy: bool = False) -> list[tuple[str, str]]:
    """Those of ours; Django's own ones import the caches, also those of packages that are not installed here."""
    found = run_checks(tags=["security"], include_deployment_checks=deploy)
    return [(str(message.id), message.msg) for message in found if str(message.id).startswith("mfa.E")]


class TestServing:
    @pytest.fixture
    def project(self, machines: Path) -> Iterator[Project]:
        project = Project("wsgi", Caller(machines))
        yield project
        project.close()

    def test_a_proof_counts_once_and_the_cache_goes_on(self, project: Project, server: Valkey) -> None:
        def view(_request: HttpRequest) -> HttpResponse:
            caches["proofs"].set("key", "value")
            return HttpResponse(caches["proofs"].get("key"))

        url = f"redis://127.0.0.1:{server.port}/1"
        project.configure(
            path("it", view),
            mfa={"REPLAY_STORE": "django-cache:proofs", "APP": "shop", "STORE_TIMEOUT": "5"},
            CACHES={"proofs": {"BACKEND": REDIS, "LOCATION": url}},
        )
        headers = project.caller.headers("GET", "http://localhost/it")
        assert project.unsigned("GET", "/it", headers=headers).body == b"value"
        assert project.unsigned("GET", "/it", headers=headers).code == "replayed"
        assert server.ask("INFO", "keyspace").count("db1:") == 1

    def test_a_cache_that_cannot_be_a_store_stops_the_start(self, configure: Any) -> None:
        configure(f"{DJANGO}.locmem.LocMemCache")
        with pytest.raises(ImproperlyConfigured, match="LocMemCache, and each process has its own"):
            MFAMiddleware(lambda _request: HttpResponse())


class TestServer:
    @pytest.mark.parametrize(
        ("backend", "location", "options", "expected"),
        [
            (REDIS, "redis://a:1/2", {}, "redis://a:1/2"),
            (REDIS, "redis://a:1,redis://b:2", {}, "redis://a:1"),
            (REDIS, "redis://a:1;redis://b:2", {}, "redis://a:1"),
            (REDIS, ["redis://a:1", "redis://b:2"], {}, "redis://a:1"),
            (REDIS, "redis://a:1", {"db": "3", "username": "u", "password": "p@/"}, "redis://u:p%40%2F@a:1?db=3"),
            (REDIS, "redis://u:p@a:1/2", {"db": "3", "username": "v", "password": "q"}, "redis://u:p@a:1/2"),
            (REDIS, "redis://a:1?db=2", {"db": "3"}, "redis://a:1?db=2"),
            (REDIS, "rediss://a:1", {"ssl_ca_certs": "/ca"}, "rediss://a:1?ssl_ca_certs=%2Fca"),
            (REDIS, "redis://a:1", {"ssl_ca_certs": "/ca", "pool_class": "x.y"}, "redis://a:1"),
            (REDIS, "unix:///run/redis.sock?db=1", {"password": "p"}, "redis+unix://:p@/run/redis.sock?db=1"),
            ("django_redis.cache.RedisCache", "redis://a:1/2", {"PASSWORD": "p"}, "redis://:p@a:1/2"),
            (
                "django_redis.cache.RedisCache",
                "rediss://a:1",
                {
                    "CLIENT_CLASS": "django_redis.client.HerdClient",
                    "CONNECTION_POOL_KWARGS": {"ssl_ca_certs": "/ca", "db": 4},
                },
                "rediss://a:1?ssl_ca_certs=%2Fca&db=4",
            ),
            ("django_valkey.cache.ValkeyCache", "valkey://a:1/2", {"USERNAME": "u", "PASSWORD": "p"},
             "valkey://u:p@a:1/2"),
            ("django_valkey.cache.ValkeyCache", "valkeys://a:1", {}, "valkeys://a:1"),
            ("django_valkey.cache.ValkeyCache", "unix:///run/valkey.sock", {}, "valkey+unix:///run/valkey.sock"),
        ],
    )  # fmt: skip
    def test_it_is_the_one_that_the_cache_writes_to(
        self, configure: Any, backend: str, location: Any, options: Any, expected: str
    ) -> None:
        configure(backend, location, options)
        assert server_of("django-cache:proofs") == expected
        assert found_by_checks() == []

    @pytest.mark.parametrize("written", ["redis://{}/0", "redis://shop:wrong@{}/0"])
    def test_its_login_stands_in_the_options_or_in_the_location(
        self, configure: Any, server: Valkey, written: str
    ) -> None:
        configure(REDIS, written.format(f"127.0.0.1:{server.port}"), {"username": "shop", "password": PASSWORD})
        if "wrong" in written:
            with pytest.raises(ConfigurationError, match="refuses: ") as caught:
                opened()
            assert PASSWORD not in str(caught.value)
        else:
            opened()

    def test_one_that_evicts_is_refused(self, configure: Any, tmp_path: Path) -> None:
        with running(tmp_path / "evicting", maxmemory_policy="allkeys-lru") as evicting:
            configure(REDIS, f"redis://127.0.0.1:{evicting.port}")
            assert found_by_checks() == []
            ((name, message),) = found_by_checks(deploy=True)
            assert (name, "set maxmemory-policy noeviction" in message) == ("mfa.E004", True)


def opened() -> None:
    open_store("django-cache:proofs", capacity=10, quota=10, app="shop", timeout=5).close()


class TestUnfit:
    @pytest.mark.parametrize(
        ("backend", "reason"),
        [
            (f"{DJANGO}.locmem.LocMemCache", "each process has its own, which drops entries when it is full"),
            (f"{DJANGO}.filebased.FileBasedCache", "its add is not atomic"),
            (f"{DJANGO}.db.DatabaseCache", "it drops entries when it is full"),
            (f"{DJANGO}.memcached.PyMemcacheCache", "memcached drops entries when it is full"),
            (f"{DJANGO}.memcached.PyLibMCCache", "memcached drops entries when it is full"),
            (f"{DJANGO}.dummy.DummyCache", "it remembers nothing"),
            ("some.other.Cache", "it is not known to keep what it is given"),
        ],
    )
    def test_a_system_check_names_the_reason_and_what_to_write(self, configure: Any, backend: str, reason: str) -> None:
        configure(backend, "somewhere")
        for deploy in (False, True):
            ((name, message),) = found_by_checks(deploy=deploy)
            assert name == "mfa.E005"
            assert f"the cache 'proofs' is {backend}, and {reason}; write shared: " in message
            assert message.endswith("valkey://HOST:PORT or redis://HOST:PORT (all hosts)")

    @pytest.mark.parametrize(
        ("location", "options", "told"),
        [
            ("redis://service/0", {"SENTINELS": [("a", 1)]}, "asks sentinels; write redis+sentinel://HOST"),
            ("redis://a", {"CLIENT_CLASS": "django_redis.client.SentinelClient"}, "asks sentinels; write redis+sent"),
            ("redis://a", {"CLIENT_CLASS": "django_redis.client.ShardClient"}, "uses ShardClient; write redis://HOST"),
            ("http://a", {}, "has a LOCATION that begins with http; write shared:"),
            ("a:1", {}, "has a LOCATION that begins with a; write shared:"),
            ("", {}, "has no LOCATION; write shared:"),
            ([], {}, "has no LOCATION; write shared:"),
        ],
    )
    def test_a_cache_that_is_not_on_one_server(self, configure: Any, location: Any, options: Any, told: str) -> None:
        configure("django_redis.cache.RedisCache", location, options)
        ((name, message),) = found_by_checks()
        assert name == "mfa.E005"
        assert f"the cache 'proofs' {told}" in message

    def test_an_alias_that_is_not_there(self, configure: Any) -> None:
        configure(REDIS, "redis://a", alias="prooves")
        (found,) = found_by_checks()
        assert found == ("mfa.E005", "MFA_REPLAY_STORE: CACHES has no 'prooves'; write one of default, proofs")


def test_a_project_whose_settings_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        @property
        def CACHES(self) -> Any:
            raise ImproperlyConfigured("no settings")

    monkeypatch.setattr("mfa_middleware.django.cache_store.project", Absent())
    with pytest.raises(ConfigurationError, match="set DJANGO_SETTINGS_MODULE"):
        opened()


def test_an_app_without_django(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mfa_middleware.django.cache_store")
    monkeypatch.setitem(sys.modules, "django.conf", None)
    with pytest.raises(ConfigurationError, match=r"MFA_REPLAY_STORE: django-cache: needs the package django$"):
        opened()
