"""`check-config`."""

from __future__ import annotations

import os
from typing import Any

import pytest

from mfa_middleware.settings import options
from tests.cli.conftest import Cli


@pytest.fixture
def ready(enrolled: Cli) -> Cli:
    """With a configuration of which nothing is wrong."""
    app = f"test-{os.getpid()}"
    enrolled.set(MFA_ORIGINS="https://api.example.com", MFA_CAPACITY="100000", MFA_APP=app)
    enrolled.set(MFA_MACHINES=str(enrolled.folder / "machines.json"))
    return enrolled


def _problems(cli: Cli) -> dict[str, str]:
    """Level and text of each problem, by variable."""
    told: dict[str, Any] = cli("check-config", "--json").json()
    return {problem["variable"]: f"{problem['level']}: {problem['text']}" for problem in told["problems"]}


def test_good_configuration_is_told_as_such(ready: Cli) -> None:
    told = ready.ok("check-config")
    assert "nothing is wrong" in told.out
    assert told.err == ""
    assert ready.ok("check-config", "--strict", "--json").json()["ok"] is True


def test_every_setting_is_shown_with_its_source(ready: Cli) -> None:
    shown = ready.ok("check-config", "--json").json()["settings"]
    assert list(shown) == [f"MFA_{name.upper()}" for name in options()]
    assert shown["MFA_ORIGINS"] == {"value": ["https://api.example.com"], "source": "environment"}
    assert shown["MFA_MODE"] == {"value": "enforce", "source": "default"}
    assert shown["MFA_MACHINE_QUOTA"] == {"value": 25_000, "source": "default"}
    text = ready.ok("check-config").out
    assert all(variable in text for variable in shown)


@pytest.mark.parametrize("variable", ["MFA_SECRET", "MFA_SECRET_FILE"])
def test_secret_is_shown_as_set_and_never_itself(ready: Cli, variable: str) -> None:
    secret = "0123456789abcdef-0123456789abcdef"
    ready.set(**{variable: str(ready.write("secret", secret)) if variable.endswith("FILE") else secret})
    for option in ("--json", "--strict"):
        told = ready.ok("check-config", option)
        assert secret not in told.out + told.err
    source = "environment" if variable == "MFA_SECRET" else variable
    shown = ready.ok("check-config", "--json").json()["settings"]["MFA_SECRET"]
    assert shown == {"value": "set", "source": source}


def test_wrong_secret_is_not_shown_either(ready: Cli) -> None:
    ready.set(MFA_SECRET="too-short")
    told = ready("check-config")
    assert told.status == 1
    assert "MFA_SECRET" in told.out
    assert "too-short" not in told.out + told.err


def test_all_wrong_settings_are_told_at_once(ready: Cli) -> None:
    ready.set(MFA_MODE="enfroce", MFA_CAPACITY="12", MFA_ORIGN="x", MFA_NONCE="perhaps", MFA_ELSEWHERE="ignored")
    told = ready("check-config")
    assert told.status == 1
    assert told.out.count("error: ") == 4
    problems = _problems(ready)
    assert "write MFA_ORIGINS instead" in problems["MFA_ORIGN"]
    assert "enforce:25%" in problems["MFA_MODE"]
    assert ready("check-config", "--json").json()["settings"]["MFA_MODE"]["value"] == "not valid"


def test_two_secrets_exclude_each_other(ready: Cli) -> None:
    ready.set(MFA_SECRET="x" * 32, MFA_SECRET_FILE=str(ready.write("secret", "x" * 32)))
    assert "both set" in _problems(ready)["MFA_SECRET"]


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("MFA_MODE", "off", "nothing is checked"),
        ("MFA_MODE", "report", "nothing is refused"),
        ("MFA_MODE", "enforce:25%", "25 %"),
        ("MFA_ORIGINS", "", "loopback"),
        ("MFA_ORIGINS", "http://api.example.com", "no TLS"),
        ("MFA_FIRST_USE", "yes", "no effect"),
        ("MFA_CREDENTIALS", "none", "only factor"),
        ("MFA_NONCE", "off", "clock"),
        ("MFA_REPLAY_STORE", "memory:", "one process"),
        ("MFA_MACHINE_QUOTA", "90000", "leave none"),
        ("MFA_MACHINE_QUOTA", "10", "requests/s"),
        ("MFA_FIREWALL", "off", "reach the app unseen"),
        ("MFA_FIREWALL", "report", "told and not refused"),
        ("MFA_FIREWALL_ALLOW", "jku_spoof", "jku_spoof is told and not refused"),
        ("MFA_JWT_ALGORITHMS", "RS256,HS256", "key confusion"),
        ("MFA_ALGORITHMS", "PS256", "depot-1"),
    ],
)
def test_what_is_risky_is_a_warning(ready: Cli, variable: str, value: str, text: str) -> None:
    ready.set(**{variable: value})
    told = _problems(ready)[variable]
    assert told.startswith("warning: ")
    assert text in told
    assert ready("check-config").status == 0
    assert ready("check-config", "--strict").status == 1


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"])
def test_loopback_needs_no_tls(ready: Cli, origin: str) -> None:
    ready.set(MFA_ORIGINS=origin)
    assert "MFA_ORIGINS" not in _problems(ready)


def test_registry_that_is_absent_is_an_error_but_not_in_report_mode(ready: Cli) -> None:
    ready.set(MFA_MACHINES=str(ready.folder / "absent.json"))
    assert _problems(ready)["MFA_MACHINES"].startswith("error: there is no file")
    ready.set(MFA_MODE="report")
    assert _problems(ready)["MFA_MACHINES"].startswith("warning: ")


@pytest.mark.parametrize(("content", "mode"), [("{", 0o600), ('{"version": 1, "machines": []}', 0o666)])
def test_registry_that_is_bad_is_an_error(ready: Cli, content: str, mode: int) -> None:
    ready.write("machines.json", content).chmod(mode)
    assert _problems(ready)["MFA_MACHINES"].startswith("error: ")
    assert ready("check-config").status == 1


def test_registry_in_which_nobody_can_be_accepted_is_risky(ready: Cli) -> None:
    ready.ok("machines", "change", "depot-1", "--forbid", "any")
    assert "may use no credential" in _problems(ready)["MFA_MACHINES"]
    ready.ok("machines", "pause", "depot-1")
    assert "none of 1 machines is active" in _problems(ready)["MFA_MACHINES"]


def test_registry_with_a_relative_path_is_risky(ready: Cli) -> None:
    ready.set(MFA_MACHINES="machines.json")
    assert str(ready.folder / "machines.json") in _problems(ready)["MFA_MACHINES"]


def test_unknown_store_is_an_error(ready: Cli) -> None:
    ready.set(MFA_REPLAY_STORE="redis-typo://x")
    assert _problems(ready)["MFA_REPLAY_STORE"].startswith("error: ")


def test_event_log_must_be_writable_and_is_not_made(ready: Cli) -> None:
    ready.set(MFA_EVENT_LOG=str(ready.folder / "events.jsonl"))
    assert "MFA_EVENT_LOG" not in _problems(ready)
    assert not (ready.folder / "events.jsonl").exists()
    ready.set(MFA_EVENT_LOG=str(ready.folder / "nowhere" / "events.jsonl"))
    assert _problems(ready)["MFA_EVENT_LOG"].startswith("error: ")
    (ready.folder / "link").symlink_to("events.jsonl")
    ready.set(MFA_EVENT_LOG=str(ready.folder / "link"))
    assert "symbolic link" in _problems(ready)["MFA_EVENT_LOG"]
    ready.set(MFA_EVENT_LOG=str(ready.folder))
    assert _problems(ready)["MFA_EVENT_LOG"].startswith("error: ")


def test_no_store_is_left_behind(ready: Cli) -> None:
    from mfa_middleware.replay.files import store_path

    folder = store_path("x").parent
    before = {path.name for path in folder.glob("*mfa_middleware*")}
    ready.ok("check-config")
    made = {path.name for path in folder.glob("*mfa_middleware*")} - before
    ours = {store_path(name).name for name in (f"test-{os.getpid()}", f"check-config-{os.getpid()}")}
    assert not made & ours


def test_store_of_the_app_is_looked_at_where_it_is_there(ready: Cli) -> None:
    from mfa_middleware.replay.files import store_path

    path = store_path(f"test-{os.getpid()}")
    path.write_bytes(b"something else")
    try:
        assert str(path) in _problems(ready)["MFA_REPLAY_STORE"]
        assert path.read_bytes() == b"something else"
    finally:
        path.unlink()


def test_quota_is_told_as_requests_per_second(ready: Cli) -> None:
    rate = ready.ok("check-config", "--json").json()["requests_per_second"]
    assert rate == pytest.approx(25_000 / 300, rel=0.1)
    assert f"{rate:,.0f} requests/s" in ready.ok("check-config").out
