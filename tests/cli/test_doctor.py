"""`doctor` on the settings and on the stores of this host."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.cli import doctor
from mfa_middleware.cli.doctor import Check, Status
from mfa_middleware.cli.doctor.clock import check_clock
from mfa_middleware.cli.doctor.localstore import check_file
from mfa_middleware.cli.doctor.setup import check_settings, read_settings
from mfa_middleware.cli.doctor.store import check_store
from mfa_middleware.replay.files import store_path
from mfa_middleware.replay.shared import SharedStore
from mfa_middleware.settings import Settings
from tests.cli.conftest import Cli

APP = f"doctor-{os.getpid()}"


@pytest.fixture
def ready(enrolled: Cli) -> Iterator[Cli]:
    """With a configuration of which nothing is wrong."""
    enrolled.set(MFA_ORIGINS="https://api.example.com", MFA_CAPACITY="10000", MFA_APP=APP)
    enrolled.set(MFA_MACHINES=str(enrolled.folder / "machines.json"))
    yield enrolled
    store_path(APP).unlink(missing_ok=True)


@pytest.fixture
def path() -> Iterator[Path]:
    """Where the file of the app is."""
    file = store_path(APP)
    yield file
    file.unlink(missing_ok=True)


def store(**given: Any) -> dict[str, Check]:
    """The checks of a store, by id."""
    return {check.id: check for check in check_store(settings(**given))}


def settings(**given: Any) -> Settings:
    return Settings.load({"app": APP, "capacity": 10_000, **given}, environ={})


def setup(**environ: str) -> list[Check]:
    return list(check_settings(read_settings(environ), time.time()))


def told(checks: list[Check], name: str) -> Check:
    (one,) = [check for check in checks if check.id == name]
    return one


def files() -> set[str]:
    return {one.name for one in store_path("x").parent.glob("*mfa_middleware*")}


def test_good_set_up_has_no_failure_and_leaves_nothing_behind(ready: Cli) -> None:
    before = files()
    shown = ready.ok("doctor")
    assert "\nfail" not in shown.out
    assert shown.err == ""
    assert {name for name in files() - before if "mfa_middleware" in name and _is_ours(name)} == set()
    for words in (
        "ok       atomic ",
        "ok       latency ",
        "ok       store-file ",
        "ok       machines ",
        "1 machine, 1 act",
    ):
        assert words in shown.out


def _is_ours(name: str) -> bool:
    return any(store_path(app).name in name for app in (APP, f"{APP}-doctor-{os.getpid()}"))


def test_json_has_one_object_for_each_check(ready: Cli) -> None:
    lines = ready.ok("doctor", "--json").lines()
    assert all(list(line) == ["id", "status", "found", "advice"] for line in lines)
    assert {line["status"] for line in lines} <= {"ok", "warn", "skipped"}
    assert {"settings", "machines", "store", "atomic", "capacity", "sharing", "clock"} <= {line["id"] for line in lines}


def test_failure_is_exit_status_1_with_the_advice_below(ready: Cli) -> None:
    ready.set(MFA_MACHINES=str(ready.folder / "absent.json"), MFA_REPLAY_STORE="memory:")
    shown = ready("doctor")
    assert shown.status == 1
    assert "fail     machines" in shown.out
    assert "-> enrol one: mfa-middleware machines add" in shown.out
    assert shown.out.splitlines()[-1].endswith("1 fail, 2 skipped")


def test_warnings_count_as_failures_with_strict(ready: Cli) -> None:
    ready.set(MFA_REPLAY_STORE="memory:")
    assert ready("doctor").status == 0
    assert ready("doctor", "--strict").status == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--key", "depot.pem"],
        ["--at", "127.0.0.1:80"],
        ["--workers", "2"],
        ["--url", "ws://127.0.0.1/"],
        ["--url", "/orders"],
        ["--url", "http://u:an-api-key@127.0.0.1/"],
        ["--url", "http://127.0.0.1/", "--method", "HEAD"],
        ["--url", "http://127.0.0.1/", "--workers", "1"],
        ["--url", "http://127.0.0.1/", "--workers", "100000"],
        ["--url", "http://127.0.0.1/", "--timeout", "nan"],
        ["--url", "http://127.0.0.1/", "--at", "127.0.0.1:99999"],
        ["--url", "http://127.0.0.1/", "--at", "http://127.0.0.1"],
        ["--url", "http://127.0.0.1/", "--header", "an-api-key"],
        ["--url", "http://127.0.0.1/", "--header", "DPoP: an-api-key"],
        ["--url", "http://127.0.0.1/", "--header", "Host: an-api-key"],
    ],
)
def test_what_is_typed_wrongly_is_told_before_anything_is_checked(enrolled: Cli, arguments: list[str]) -> None:
    enrolled.set(MFA_CLIENT_KEY_FILE="depot.pem")
    refused = enrolled("doctor", *arguments)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.count("\n") == 1
    assert "an-api-key" not in refused.err


def test_every_wrong_setting_is_a_failure_and_its_default_is_not_praised() -> None:
    checks = setup(MFA_MODE="enfroce", MFA_NONCE="perhaps", MFA_ORIGINS="https://api.example.com")
    assert told(checks, "mode").status is Status.FAIL
    assert "enforce:25%" in told(checks, "mode").found
    assert told(checks, "nonce").status is Status.FAIL
    assert told(checks, "origins") == Check("origins", Status.OK, "https://api.example.com")


def test_risks_of_the_settings_are_warnings_with_what_to_write() -> None:
    checks = setup(MFA_MODE="report")
    assert told(checks, "mode").status is Status.WARN
    assert "write enforce" in told(checks, "mode").advice
    assert "https://api.example.com" in told(checks, "origins").advice


def test_secret_is_asked_for_where_hosts_would_disagree_and_never_shown() -> None:
    assert told(setup(), "secret").status is Status.OK
    partly = told(setup(MFA_MODE="enforce:25%"), "secret")
    assert partly.status is Status.WARN
    assert "MFA_SECRET_FILE" in partly.advice
    secret = "0123456789abcdef-0123456789abcdef"
    assert not any(secret in check.found + check.advice for check in setup(MFA_SECRET=secret))
    assert told(setup(MFA_REPLAY_STORE="redis://127.0.0.1"), "secret").status is Status.OK


def test_event_log_must_be_writable_and_is_not_made(tmp_path: Path) -> None:
    assert told(setup(), "event-log").status is Status.SKIPPED
    assert told(setup(MFA_EVENT_LOG=str(tmp_path / "log")), "event-log").status is Status.OK
    assert not (tmp_path / "log").exists()
    assert told(setup(MFA_EVENT_LOG=str(tmp_path / "no" / "log")), "event-log").status is Status.FAIL


def test_registry_is_told_with_its_mode_and_what_is_wrong_with_it(enrolled: Cli) -> None:
    path = enrolled.folder / "machines.json"
    good = told(setup(MFA_MACHINES=str(path)), "machines")
    assert good == Check("machines", Status.OK, f"{path}: 1 machine, 1 active; mode 0600")
    path.chmod(0o666)
    assert told(setup(MFA_MACHINES=str(path)), "machines").status is Status.FAIL
    assert told(setup(MFA_MODE="off"), "machines").status is Status.SKIPPED


def test_memory_is_for_one_worker() -> None:
    checks = store(replay_store="memory:")
    assert checks["sharing"].status is Status.WARN
    assert "MFA_REPLAY_STORE=shared:" in checks["sharing"].advice
    assert checks["atomic"].status is Status.OK
    assert "store-file" not in checks


def test_store_that_does_not_open_is_told_with_what_to_write() -> None:
    checks = store(replay_store="shared:somewhere")
    assert checks["store"].status is Status.FAIL
    assert "write shared:" in checks["store"].advice
    assert checks["atomic"].status is Status.SKIPPED


def test_capacity_is_told_in_requests_per_second() -> None:
    good = store(replay_store="memory:")["capacity"]
    assert good.status is Status.OK
    assert "one machine 8 requests/s for ever (2,500 live proofs)" in good.found


@pytest.mark.parametrize("quota", [100, 9_000])
def test_quota_that_is_too_small_or_too_large_is_risky(quota: int) -> None:
    assert store(replay_store="memory:", machine_quota=quota)["capacity"].status is Status.WARN


def test_file_that_is_not_there_is_not_made(path: Path) -> None:
    check = check_file(settings())
    assert check.status is Status.OK
    assert "not there yet" in check.found
    assert not path.exists()


def test_file_is_told_with_mode_size_and_whether_it_is_used(path: Path) -> None:
    opened = SharedStore(app=APP, capacity=10_000, quota=10_000)
    check = check_file(settings())
    assert check.status is Status.OK
    for words in (str(path), f"user {os.geteuid()}", "mode 0600", "MiB", "in use", "for 10,000 proofs"):
        assert words in check.found
    opened.close()
    assert "not in use" in check_file(settings()).found


def test_file_for_another_capacity_is_never_replaced(path: Path) -> None:
    opened = SharedStore(app=APP, capacity=20_000, quota=10_000)
    identity = path.stat().st_ino
    check = check_file(settings())
    assert check.status is Status.WARN
    assert "20,000 proofs and not 10,000" in check.found
    assert "stop all workers" in check.advice
    opened.close()
    assert "made anew" in check_file(settings()).found
    assert path.stat().st_ino == identity


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda path: path.chmod(0o644), "0644"),
        (lambda path: path.write_bytes(b"something else"), "not a replay store"),
        (lambda path: os.truncate(path, path.stat().st_size - 512), "damaged"),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
        (lambda path: (path.unlink(), path.symlink_to("elsewhere")), "not a regular file"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "not a regular file"),
    ],
)
def test_file_that_no_app_could_use_is_a_failure_and_stays_as_it_is(path: Path, spoil: Any, fault: str) -> None:
    SharedStore(app=APP, capacity=10_000, quota=10_000).close()
    spoil(path)
    before = path.lstat()
    check = check_file(settings())
    assert check.status is Status.FAIL
    assert fault in check.found
    assert "remove it" in check.advice
    assert path.lstat().st_mtime_ns == before.st_mtime_ns
    if path.is_dir():
        path.rmdir()


def test_file_that_finds_no_room_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _in_children(monkeypatch, tmp_path, "import os; real = os.statvfs\nclass Full:\n f_bavail, f_frsize = 10, 4096\n"
                 "os.statvfs = lambda path: Full")  # fmt: skip
    check = check_file(settings())
    assert check.status is Status.FAIL
    assert "0.0 MiB are free" in check.found
    assert "--shm-size" in check.advice


def test_file_of_another_user_for_the_same_app_is_told(path: Path) -> None:
    other = path.with_name(path.name.replace(f"-{os.geteuid()}-", "-4294967-"))
    other.touch()
    try:
        check = check_file(settings())
    finally:
        other.unlink()
    assert check.status is Status.WARN
    assert "user 4294967 has one" in check.found
    assert "as one user" in check.advice


def test_store_whose_locks_exclude_nobody_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _in_children(monkeypatch, tmp_path, "import mfa_middleware.replay.filelocks as f\n"
                 "f.FileLocks.take = lambda *_: True\nf.FileLocks.give = lambda *_: None\n"
                 "import time, mfa_middleware.replay.table as t\nfind = t.Table.find\n"
                 "t.Table.find = lambda *given: (find(*given), time.sleep(0.001))[0]")  # fmt: skip
    check = store()["atomic"]
    assert check.status is Status.FAIL
    assert "more than once" in check.found
    assert "do not serve with it" in check.advice


def test_what_a_site_prints_in_every_interpreter_does_no_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _in_children(monkeypatch, tmp_path, "import os; os.write(1, bytes(range(256)))")
    assert store(replay_store="memory:")["atomic"].status is Status.OK


@pytest.mark.parametrize("harm", ["raise SystemExit(3)", "import time; time.sleep(60)", "import os; os.close(0)"])
def test_child_that_comes_to_nothing_is_a_failure_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, harm: str
) -> None:
    monkeypatch.setattr("mfa_middleware.cli.doctor.store._SECONDS", 3.0)
    monkeypatch.setattr("mfa_middleware.cli.doctor.localstore._SECONDS", 3.0)
    _in_children(monkeypatch, tmp_path, harm)
    begun = time.monotonic()
    checks = store()
    assert time.monotonic() - begun < 20
    assert (checks["store-file"].status, checks["store"].status) == (Status.FAIL, Status.FAIL)


def test_doctor_in_a_serving_process_leaves_its_locks_alone(path: Path) -> None:
    serving = SharedStore(app=APP, capacity=10_000, quota=10_000)
    list(doctor.run({"MFA_APP": APP, "MFA_CAPACITY": "10000"}))
    assert ", in use," in check_file(settings()).found  # by the lock of this process
    serving.close()


def test_library_reads_the_environment_that_it_is_given(tmp_path: Path) -> None:
    environ = {"MFA_MACHINES": str(tmp_path / "absent.json"), "MFA_REPLAY_STORE": "memory:", "MFA_APP": APP}
    checks = list(doctor.run(environ))
    assert told(checks, "machines").status is Status.FAIL
    assert told(checks, "sharing").status is Status.WARN


@pytest.mark.parametrize(
    ("script", "status"),
    [("echo yes", "ok"), ("echo no", "warn"), ("echo off >&2; exit 1", "skipped"), ("echo maybe", "skipped")],
)
def test_clock_is_what_systemd_says_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, status: str
) -> None:
    command = tmp_path / "timedatectl"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert check_clock().status == status
    command.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_clock().status is Status.SKIPPED


def _in_children(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Run this in every new interpreter before anything else."""
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
