from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.jose.jwk import thumbprint
from mfa_middleware.machines import RegistryError, State, add, edit, load, rotate, set_state, update
from mfa_middleware.machines.lock import locked

from .conftest import ManualClock
from .keys import Jwk, entry_of, new_ed25519_jwk, new_jwk, new_rsa_jwk
from .processes import finish, start


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_machine_creates_a_private_file(path: Path, jwk: Jwk) -> None:
    machine = add(path, entry_of(jwk, scopes=["a"]))
    assert load(path) == (machine,)
    assert mode(path) == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"machines.json", "machines.json.lock"}


def test_id_algorithm_and_creation_are_filled_in(path: Path, clock: ManualClock) -> None:
    machine = add(path, {"jwk": new_jwk()}, clock=clock)
    assert (machine.algorithm, machine.state, machine.created) == ("ES256", State.ACTIVE, clock.now)
    assert len(machine.id) == 10
    assert machine.id.startswith("m-")
    assert add(path, {"jwk": new_jwk()}).id != machine.id


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (new_ed25519_jwk(), "Ed25519"),
        (new_rsa_jwk(), "PS256"),
        ({**new_rsa_jwk(), "alg": "RS256"}, "RS256"),
        ({**new_jwk(), "alg": "HS256"}, "ES256"),
    ],
    ids=["Ed25519", "RSA", "RSA that names RS256", "EC that names HS256"],
)
def test_the_algorithm_is_the_one_the_key_names_or_the_first_that_fits(path: Path, key: Jwk, algorithm: str) -> None:
    assert add(path, {"jwk": key}).algorithm == algorithm


def test_only_the_public_members_of_a_key_are_written(path: Path, jwk: Jwk) -> None:
    add(path, entry_of({**jwk, "kid": "k", "hidden": entry_of(new_jwk(), id="other")}))
    assert json.loads(path.read_text())["machines"][0]["jwk"] == jwk
    other = new_jwk()
    rotate(path, "m-1", {**other, "hidden": entry_of(new_jwk(), id="other")})
    assert json.loads(path.read_text())["machines"][0]["jwk"] == other


def test_a_private_key_is_refused_and_never_written(path: Path, jwk: Jwk) -> None:
    with pytest.raises(RegistryError, match=r"the new machine: jwk: .*private") as caught:
        add(path, entry_of({**jwk, "d": "c2VjcmV0"}))
    assert "c2VjcmV0" not in str(caught.value)
    assert not path.exists()


def test_a_refused_change_leaves_the_file_as_it_was(path: Path, jwk: Jwk, other_jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    before = path.read_bytes()
    for wrong in (entry_of(jwk, id="m-2"), entry_of(other_jwk), entry_of(other_jwk, id="a/b")):
        with pytest.raises(RegistryError):
            add(path, wrong)
    with pytest.raises(RegistryError, match="networks"):
        update(path, "m-1", {"networks": ["10.0.0.1/8"]})
    with contextlib.suppress(KeyError), edit(path) as entries:
        entries.clear()
        raise KeyError
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["machines.json", "machines.json.lock"]


def test_no_change_writes_nothing(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    before = path.stat()
    set_state(path, "m-1", "active")
    assert path.stat() == before


def test_what_an_operator_wrote_by_hand_stays(path: Path, jwk: Jwk, other_jwk: Jwk) -> None:
    by_hand = entry_of({**jwk, "kid": "k"}, valid_until="2030-01-01T00:00:00+02:00")
    path.write_text(json.dumps({"version": 1, "machines": [by_hand]}))
    path.chmod(0o600)
    add(path, entry_of(other_jwk, id="m-2"))
    set_state(path, "m-1", State.PAUSED)
    assert json.loads(path.read_text())["machines"][0] == {**by_hand, "state": "paused"}


def test_update_changes_removes_and_checks_members(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk, owner="Billing", scopes=["a"]))
    machine = update(path, "m-1", {"owner": None, "scopes": ["b"]})
    assert (machine.owner, machine.scopes) == ("", frozenset({"b"}))
    assert load(path) == (machine,)
    with pytest.raises(RegistryError, match="an id never changes"):
        update(path, "m-1", {"id": "m-2"})


@pytest.mark.parametrize("final", [State.REVOKED, State.RETIRED])
def test_revoked_and_retired_are_for_good(path: Path, jwk: Jwk, final: State) -> None:
    add(path, entry_of(jwk))
    for state in (State.PAUSED, State.ACTIVE, final, final):
        assert set_state(path, "m-1", state).state is state
    for state in set(State) - {final}:
        with pytest.raises(RegistryError, match=f"'m-1': is {final} for good; enrol a new machine with a new key"):
            set_state(path, "m-1", state)
    with pytest.raises(RegistryError, match="enrol the new key as a new machine"):
        rotate(path, "m-1", new_jwk())


def test_an_unknown_state_or_machine_is_answered_with_the_nearest(path: Path, jwk: Jwk) -> None:
    with pytest.raises(RegistryError, match=r"'m-1': is not enrolled$"):
        set_state(path, "m-1", "paused")
    add(path, entry_of(jwk))
    with pytest.raises(RegistryError, match="write one of pending"):
        set_state(path, "m-1", "suspended")
    with pytest.raises(RegistryError, match="'m-2': is not enrolled; the nearest id is 'm-1'"):
        set_state(path, "m-2", "paused")


def test_rotation_takes_the_announced_key_and_no_other(path: Path, jwk: Jwk, other_jwk: Jwk) -> None:
    add(path, entry_of(jwk, next_thumbprint=thumbprint(other_jwk)))
    with pytest.raises(RegistryError, match="announced another next key"):
        rotate(path, "m-1", new_jwk())
    with pytest.raises(RegistryError, match="has this key already"):
        rotate(path, "m-1", jwk)
    machine = rotate(path, "m-1", other_jwk)
    assert (machine.thumbprint, machine.next_thumbprint) == (thumbprint(other_jwk), None)
    assert load(path) == (machine,)


def test_rotation_to_another_kind_of_key_needs_its_algorithm(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    key = new_ed25519_jwk()
    with pytest.raises(RegistryError, match="algorithm: ES256 does not fit"):
        rotate(path, "m-1", key)
    with pytest.raises(RegistryError, match="jwk"):
        rotate(path, "m-1", {"kty": "oct", "k": "AAAA"})
    assert rotate(path, "m-1", key, algorithm="Ed25519").algorithm == "Ed25519"


def test_an_existing_file_keeps_its_mode_and_owner(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12346)
    before = path.stat()
    set_state(path, "m-1", "paused")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_registry_that_is_not_there_is_told_with_the_command(path: Path) -> None:
    with pytest.raises(RegistryError, match="there is no such file; enrol a machine: mfa-middleware machines add"):
        load(path)


def test_a_damaged_file_is_not_overwritten(path: Path, jwk: Jwk) -> None:
    path.write_text('{"version": 1, "machines": [')
    path.chmod(0o600)
    with pytest.raises(RegistryError, match=str(path)):
        add(path, entry_of(jwk))
    assert path.read_text() == '{"version": 1, "machines": ['


def test_links_and_files_that_others_can_write_are_refused(tmp_path: Path, path: Path, jwk: Jwk) -> None:
    target = tmp_path / "target.json"
    add(target, entry_of(jwk))
    path.symlink_to(target)
    with pytest.raises(RegistryError, match="symbolic link"):
        load(path)
    with pytest.raises(RegistryError, match="symbolic link"):
        set_state(path, "m-1", "paused")
    for bits in (0o620, 0o602):
        target.chmod(bits)
        with pytest.raises(RegistryError, match=f"others than its owner can write it; run: chmod go-w {target}"):
            load(target)


def test_a_directory_that_is_open_to_all_is_refused(tmp_path: Path, jwk: Jwk) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    path = folder / "machines.json"
    add(path, entry_of(jwk))
    folder.chmod(0o777)
    with pytest.raises(RegistryError, match=f"anybody can replace it.*chmod o-w {folder}"):
        load(path)
    folder.chmod(0o1777)
    assert len(load(path)) == 1


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_file_is_refused_without_waiting(path: Path, kind: str) -> None:
    path.mkdir() if kind == "directory" else os.mkfifo(path, 0o600)
    with pytest.raises(RegistryError, match=r"regular file|directory"):
        load(path)


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path, path: Path, jwk: Jwk) -> None:
    victim = tmp_path / "victim"
    path.with_name("machines.json.lock").symlink_to(victim)
    with pytest.raises(RegistryError, match=r"machines\.json\.lock"):
        add(path, entry_of(jwk))
    assert not victim.exists()


def test_a_lock_that_is_held_too_long_is_told(path: Path) -> None:
    def nested() -> None:
        with locked(path), locked(path, patience=0.0):
            pytest.fail("two holders")

    with pytest.raises(RegistryError, match=r"another command has held .*machines\.json\.lock"):
        nested()
    with locked(path, patience=0.0):
        assert path.with_name("machines.json.lock").exists()


def test_concurrent_writers_lose_nothing(path: Path) -> None:
    source = """
        while time.time() < float(sys.argv[3]): pass
        for number in range(15):
            add(sys.argv[1], entry_of(new_jwk(), id=f"{sys.argv[2]}-{number}"))
    """
    together = str(time.time() + 0.7)
    finish([start(source, str(path), name, together) for name in ("a", "b", "c")])
    ids = {machine.id for machine in load(path)}
    assert ids == {f"{name}-{number}" for name in "abc" for number in range(15)}


def test_a_killed_writer_leaves_the_file_whole_and_the_lock_free(path: Path, jwk: Jwk) -> None:
    add(path, entry_of(jwk))
    holder = start(
        """
        with edit(sys.argv[1]) as entries:
            entries.clear()
            print("held", flush=True)
            time.sleep(60)
        """,
        str(path),
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    assert set_state(path, "m-1", "paused").state is State.PAUSED


def test_a_lone_surrogate_in_an_ignored_member_survives(path: Path, jwk: Jwk, other_jwk: Jwk) -> None:
    entry: dict[str, Any] = entry_of({**jwk, "kid": "\ud800"})
    path.write_text(json.dumps({"version": 1, "machines": [entry]}))
    path.chmod(0o600)
    add(path, entry_of(other_jwk, id="m-2", name="Müller"))
    assert json.loads(path.read_text())["machines"][0] == entry
    assert "Müller" in path.read_text()
