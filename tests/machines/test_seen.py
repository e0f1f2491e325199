from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from mfa_middleware.machines import add, last_seen

from .conftest import Registered
from .keys import Jwk, entry_of


def seen_file(path: Path, name: str = "m-1") -> Path:
    return Path(f"{path}.seen", name)


def test_a_machine_that_made_no_request_was_never_seen(registered: Registered, jwk: Jwk) -> None:
    add(registered.path, entry_of(jwk))
    assert last_seen(registered.path, "m-1") is None


def test_a_machine_is_seen_at_most_once_a_minute(registered: Registered, jwk: Jwk) -> None:
    machine = add(registered.path, entry_of(jwk))
    registry = registered.open()
    first = registered.clock.now
    for step, expected in [(0, first), (59.9, first), (0.1, first + 60), (59, first + 60), (1, first + 120)]:
        registered.clock.advance(step)
        registry.seen(machine)
        assert last_seen(registered.path, "m-1") == expected


def test_what_was_seen_is_private_and_empty(registered: Registered, jwk: Jwk) -> None:
    machine = add(registered.path, entry_of(jwk))
    registered.open().seen(machine)
    found = seen_file(registered.path).stat()
    assert (stat.S_IMODE(found.st_mode), found.st_size) == (0o600, 0)
    assert stat.S_IMODE(seen_file(registered.path).parent.stat().st_mode) == 0o700


def test_a_failure_is_told_once_and_harms_nothing(registered: Registered, jwk: Jwk, other_jwk: Jwk) -> None:
    machines = [add(registered.path, entry_of(jwk)), add(registered.path, entry_of(other_jwk, id="m-2"))]
    seen_file(registered.path).parent.write_text("in the way")
    registry = registered.open()
    for machine in machines * 2:
        registry.seen(machine)
        registered.clock.advance(61)
    (event,) = registered.events
    assert (event.kind, event.level) == ("last_seen_error", logging.WARNING)
    assert "last-seen times are not kept" in event.detail


def test_a_link_in_place_of_the_file_is_not_followed(registered: Registered, jwk: Jwk, tmp_path: Path) -> None:
    machine = add(registered.path, entry_of(jwk))
    victim = tmp_path / "victim"
    victim.touch()
    os.utime(victim, (1000, 1000))
    seen_file(registered.path).parent.mkdir()
    seen_file(registered.path).symlink_to(victim)
    registered.open().seen(machine)
    assert victim.stat().st_mtime == 1000
    assert last_seen(registered.path, "m-1") is None
    assert registered.kinds() == ["last_seen_error"]


def test_an_id_that_is_a_path_finds_nothing_outside(registered: Registered, tmp_path: Path) -> None:
    seen_file(registered.path).parent.mkdir()
    (tmp_path / "outside").touch()
    assert last_seen(registered.path, "../outside") is None
    assert last_seen(registered.path, "nobody") is None
