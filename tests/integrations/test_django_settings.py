"""Where the options of a Django project come from, what a wrong one does, and what the system checks say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.views import View

from mfa_middleware.django import MFAMiddleware, exempt, required
from mfa_middleware.django.conf import load_settings, open_service
from mfa_middleware.errors import ConfigurationError

from .django_project import MIDDLEWARE

DOCS = Path(__file__).parents[2] / "docs" / "django.md"


@pytest.fixture
def configure(machines: Path) -> Iterator[Any]:
    stack = ExitStack()

    def change(mfa: Any = None, **settings: Any) -> None:
        if mfa is None or isinstance(mfa, dict):
            mfa = {"MACHINES": machines, "REPLAY_STORE": "memory:", **(mfa or {})}
        stack.enter_context(override_settings(**{"MFA": mfa, "MIDDLEWARE": [MIDDLEWARE], **settings}))

    yield change
    stack.close()


def view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Subclass(MFAMiddleware):
    pass


def ids(found: list[CheckMessage]) -> list[str]:
    return sorted(str(message.id) for message in found if str(message.id).startswith("mfa."))


def checked(*, deploy: bool = False) -> list[CheckMessage]:
    return [m for m in run_checks(include_deployment_checks=deploy) if str(m.id).startswith("mfa.")]


class TestSources:
    def test_names_in_either_case_with_or_without_prefix(self, configure: Any) -> None:
        configure({"ORIGINS": ["https://a.example"], "mode": "report", "MFA_NONCE": "required"})
        settings = load_settings()
        found = (settings.origins, str(settings.mode), settings.nonce)
        assert found == (("https://a.example",), "report", "required")

    def test_the_setting_over_the_environment(self, configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MFA_MODE", "off")
        monkeypatch.setenv("MFA_CAPACITY", "2000")
        configure({"MODE": "report"})
        assert (str(load_settings().mode), load_settings().capacity) == ("report", 2000)

    def test_the_environment_alone_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MFA_MODE", "report")
        assert str(load_settings().mode) == "report"

    def test_a_secret_from_a_file(self, configure: Any, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef\n")
        configure({"SECRET_FILE": tmp_path / "secret"})
        assert load_settings().secret == b"0123456789abcdef0123456789abcdef"
        configure({"SECRET_FILE": tmp_path / "secret", "SECRET": "0123456789abcdef0123456789abcdef"})
        with pytest.raises(ConfigurationError, match="are both set"):
            load_settings()

    def test_a_process_has_one_service_for_one_state_of_the_settings(self, configure: Any) -> None:
        configure()
        first = open_service()
        assert open_service() is first
        configure({"MODE": "report"})
        assert open_service() is not first


WRONG = [
    ({"MODE": "maybe"}, "MFA_MODE: write off, report, enforce or enforce:25% instead of 'maybe'"),
    ({"ORIGIN": "https://a.example"}, "origin is not an option; write MFA_ORIGINS instead"),
    ({"MFA_ORIGIN": "https://a.example"}, "origin is not an option; write MFA_ORIGINS instead"),
    ({"SPEED": 9}, "speed is not an option"),
    (["https://a.example"], 'the setting MFA must be a dict: write MFA = {"ORIGINS": ["https://api.example.com"]}'),
    ({"REPLAY_STORE": "disk:"}, "no replay store is called 'disk:'"),
]


class TestAWrongValue:
    @pytest.mark.parametrize("start", [get_wsgi_application, get_asgi_application])
    @pytest.mark.parametrize(("mfa", "message"), WRONG)
    def test_stops_the_start_with_one_line(self, configure: Any, mfa: Any, message: str, start: Any) -> None:
        configure(mfa)
        with pytest.raises(ImproperlyConfigured) as caught:
            start()
        assert str(caught.value).startswith(f"mfa_middleware: {message}")
        assert "\n" not in str(caught.value)

    def test_in_the_environment_does_too(self, monkeypatch: pytest.MonkeyPatch, configure: Any) -> None:
        configure()
        monkeypatch.setenv("MFA_MODES", "report")
        with pytest.raises(
            ImproperlyConfigured, match="MFA_MODES is not an option; write MFA_MODE instead, or unset it"
        ):
            get_wsgi_application()

    @pytest.mark.parametrize(("mfa", "message"), WRONG[:-1])
    def test_is_told_by_manage_py_check(self, configure: Any, mfa: Any, message: str) -> None:
        configure(mfa)
        for deploy in (False, True):
            (found,) = [m for m in checked(deploy=deploy) if m.id in ("mfa.E001", "mfa.E004")]
            assert (found.id, found.msg.startswith(message), found.is_serious()) == ("mfa.E001", True, True)


PRODUCTION = {"ORIGINS": "https://api.example.com", "SECRET": "0123456789abcdef0123456789abcdef"}


class TestChecks:
    def test_a_sound_project_has_nothing_to_mend(self, configure: Any) -> None:
        configure(PRODUCTION, ROOT_URLCONF=(path("", required()(view)),))
        assert checked() == []
        # The tests' store is memory:, which is what it warns of.
        assert ids(checked(deploy=True)) == ["mfa.W004"]

    @pytest.mark.parametrize(
        "ours", [MIDDLEWARE, f"{__name__}.Subclass", "mfa_middleware.django.middleware.MFAMiddleware"]
    )
    def test_the_middleware_is_found_under_each_of_its_names(self, configure: Any, ours: str) -> None:
        configure(MIDDLEWARE=[ours])
        assert checked() == []

    @pytest.mark.parametrize("marked", [required()(view), exempt(view), exempt(type("V", (View,), {})).as_view()])
    def test_e002_a_marked_view_without_the_middleware(self, configure: Any, marked: Any) -> None:
        urls = (path("api/", include([path("it", marked)])),)
        configure(MIDDLEWARE=["django.middleware.common.CommonMiddleware"], ROOT_URLCONF=urls)
        (found,) = checked()
        assert (found.id, found.is_serious()) == ("mfa.E002", True)
        assert "is marked required or exempt, but MFAMiddleware is not in MIDDLEWARE" in found.msg

    def test_w001_no_middleware_and_no_marked_view(self, configure: Any) -> None:
        configure(MIDDLEWARE=["no.such.middleware"], ROOT_URLCONF=(path("", view),))
        assert ids(checked()) == ["mfa.W001"]

    @pytest.mark.parametrize("cache", ["CacheMiddleware", "FetchFromCacheMiddleware"])
    def test_e003_a_cache_before_the_middleware(self, configure: Any, cache: str) -> None:
        name = f"django.middleware.cache.{cache}"
        configure(MIDDLEWARE=[name, MIDDLEWARE])
        (found,) = checked()
        assert (found.id, found.is_serious(), name in found.msg) == ("mfa.E003", True, True)
        configure(MIDDLEWARE=["django.middleware.cache.UpdateCacheMiddleware", MIDDLEWARE, name])
        assert checked() == []

    def test_e004_a_store_that_cannot_be_opened(self, configure: Any) -> None:
        configure(PRODUCTION | {"REPLAY_STORE": "disk:"})
        found = [m for m in checked(deploy=True) if m.id == "mfa.E004"]
        assert [m.msg.split(" write")[0] for m in found] == ["no replay store is called 'disk:':"]
        assert "mfa.E004" not in ids(checked())

    def test_e004_machines_that_cannot_be_read(self, configure: Any, machines: Path) -> None:
        machines.write_text("{")
        machines.chmod(0o600)
        configure(PRODUCTION)
        (found,) = [m for m in checked(deploy=True) if m.id == "mfa.E004"]
        assert "machines.json" in found.msg

    @pytest.mark.parametrize(
        ("options", "warned"),
        [
            ({"MODE": "report"}, "mfa.W002"),
            ({"MODE": "off"}, "mfa.W002"),
            ({"MODE": "enforce:10%"}, "mfa.W002"),
            ({"ORIGINS": ""}, "mfa.W003"),
            ({"REPLAY_STORE": "memory:"}, "mfa.W004"),
            ({"SECRET": None}, "mfa.W005"),
            ({"FIRST_USE": True}, "mfa.W006"),
        ],
    )
    def test_what_protects_less_than_it_could_is_warned_of_for_production_only(
        self, configure: Any, options: Any, warned: str
    ) -> None:
        configure(PRODUCTION | options)
        assert set(ids(checked(deploy=True))) == {"mfa.W004", warned}
        assert checked() == []

    def test_w007_a_middleware_that_serves_files_before_the_check(self, configure: Any) -> None:
        whitenoise = "whitenoise.middleware.WhiteNoiseMiddleware"
        configure(PRODUCTION, MIDDLEWARE=["django.middleware.security.SecurityMiddleware", whitenoise, MIDDLEWARE])
        assert ids(checked(deploy=True)) == ["mfa.W004", "mfa.W007"]
        configure(PRODUCTION, MIDDLEWARE=[MIDDLEWARE, whitenoise])
        assert ids(checked(deploy=True)) == ["mfa.W004"]

    @pytest.mark.parametrize(
        ("exposed", "warned"),
        [([], False), (["X-Total"], True), (["DPoP-Nonce"], True), (["dpop-nonce", "WWW-Authenticate"], False)],
    )
    def test_w008_cors_headers_that_hide_the_nonce(self, configure: Any, exposed: list[str], warned: bool) -> None:
        configure(PRODUCTION, CORS_EXPOSE_HEADERS=exposed)
        assert ("mfa.W008" in ids(checked(deploy=True))) is warned


def test_every_check_stands_in_the_docs() -> None:
    package = DOCS.parents[1] / "mfa_middleware" / "django"
    source = "".join(file.read_text() for file in package.glob("*checks.py"))
    in_code = set(re.findall(r'"(mfa\.[EW]\d{3})"', source))
    in_docs = re.findall(r"^\| `(mfa\.[EW]\d{3})` \|", DOCS.read_text(), re.MULTILINE)
    assert in_docs == sorted(in_code)
