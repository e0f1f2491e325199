from __future__ import annotations

import multiprocessing
import os
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from mfa_middleware.client import ConfigurationError, PrivateKey, key_from_env, load_key

CONTEXT = multiprocessing.get_context("spawn")


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "machine.pem"
    key = load_key(file)
    assert caplog.messages == [f"made a new machine key in {file}: enrol its thumbprint {key.thumbprint}"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(str(file)).thumbprint == key.thumbprint
    assert os.listdir(tmp_path) == ["machine.pem"]


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    load_key("~/machine.pem")
    assert os.listdir(tmp_path) == ["machine.pem"]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        load_key(tmp_path / "machine.pem")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "machine.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("alg", ["ES256", "ES384", "Ed25519"])
def test_a_new_key_has_the_algorithm_that_is_asked_for(alg: str, tmp_path: Path) -> None:
    assert load_key(tmp_path / "machine.pem", alg=alg).alg == alg
    assert load_key(tmp_path / "machine.pem").alg == alg


def test_a_key_of_another_algorithm_is_not_replaced(tmp_path: Path) -> None:
    load_key(tmp_path / "machine.pem")
    with pytest.raises(ConfigurationError, match=r"machine\.pem: alg is 'Ed25519', and this key is for ES256"):
        load_key(tmp_path / "machine.pem", alg="Ed25519")


def test_a_missing_file_can_be_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mfa-middleware keygen"):
        load_key(tmp_path / "machine.pem", create=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_file_that_others_can_use_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "machine.pem"
    load_key(file)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o}.*chmod 600"):
        load_key(file)


def test_a_read_only_file_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "machine.pem"
    thumbprint = load_key(file).thumbprint
    file.chmod(0o400)
    assert load_key(file).thumbprint == thumbprint


@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_refused(dangling: bool, tmp_path: Path) -> None:
    if not dangling:
        load_key(tmp_path / "real.pem")
    (tmp_path / "machine.pem").symlink_to(tmp_path / "real.pem")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        load_key(tmp_path / "machine.pem")
    assert (tmp_path / "real.pem").exists() is not dangling


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "machine.pem", 0o600)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load_key(tmp_path / "machine.pem")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load_key(tmp_path)


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        load_key(tmp_path / "absent" / "machine.pem")


def test_a_file_with_something_else_is_told_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "machine.pem"
    file.touch(0o600)
    with pytest.raises(ConfigurationError, match=r"machine\.pem: expected a PEM private key"):
        load_key(file)
    assert file.read_bytes() == b""


def test_a_file_that_comes_to_be_meanwhile_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, winner = tmp_path / "machine.pem", PrivateKey.generate()
    generate = PrivateKey.generate

    def slow(alg: str) -> PrivateKey:
        file.write_bytes(winner.to_pem())
        file.chmod(0o600)
        return generate(alg)

    monkeypatch.setattr(PrivateKey, "generate", slow)
    assert load_key(file).thumbprint == winner.thumbprint
    assert os.listdir(tmp_path) == ["machine.pem"]


def _race(path: str, barrier: Barrier, results: multiprocessing.Queue[str]) -> None:
    barrier.wait()
    results.put(load_key(path).thumbprint)


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    count = 4
    barrier, results = CONTEXT.Barrier(count), CONTEXT.Queue()
    path = str(tmp_path / "machine.pem")
    processes = [CONTEXT.Process(target=_race, args=(path, barrier, results)) for _ in range(count)]
    for process in processes:
        process.start()
    thumbprints = {results.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)
    assert thumbprints == {load_key(path).thumbprint}
    assert os.listdir(tmp_path) == ["machine.pem"]


@pytest.fixture
def pem(key: PrivateKey) -> str:
    return key.to_pem().decode()


def test_the_environment_holds_a_key(pem: str, key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (pem, pem.replace("\n", "\\n")):
        monkeypatch.setenv("MFA_CLIENT_KEY", text)
        assert key_from_env().thumbprint == key.thumbprint


def test_the_environment_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY_FILE", str(tmp_path / "machine.pem"))
    with pytest.raises(ConfigurationError, match="there is no key file"):
        key_from_env("OTHER_KEY")
    thumbprint = load_key(tmp_path / "machine.pem").thumbprint
    assert key_from_env("OTHER_KEY").thumbprint == thumbprint


def test_two_keys_in_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MFA_CLIENT_KEY", "x")
    monkeypatch.setenv("MFA_CLIENT_KEY_FILE", "y")
    with pytest.raises(ConfigurationError, match="both set"):
        key_from_env()


def test_no_key_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MFA_CLIENT_KEY", raising=False)
    monkeypatch.delenv("MFA_CLIENT_KEY_FILE", raising=False)
    with pytest.raises(ConfigurationError, match="set MFA_CLIENT_KEY to"):
        key_from_env()


def test_a_bad_key_in_the_environment_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MFA_CLIENT_KEY", "hush")
    with pytest.raises(ConfigurationError, match="MFA_CLIENT_KEY: expected a PEM") as caught:
        key_from_env()
    assert "hush" not in str(caught.value)
