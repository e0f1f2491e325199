"""`machines list`, `show`, `change`, `pause`, `resume`, `revoke`, `retire`, `rotate`."""

from __future__ import annotations

import os
import time

import pytest

from mfa_middleware.client import load_key
from mfa_middleware.credentials import hash_of
from tests.cli.conftest import Cli


def _state(cli: Cli, machine: str = "depot-1") -> str:
    state: str = cli.ok("machines", "show", machine, "--json").json()["state"]
    return state


def _row(cli: Cli) -> str:
    return cli.ok("machines", "list").out.splitlines()[1]


def test_list_is_a_table_of_what_matters(enrolled: Cli) -> None:
    head, row = enrolled.ok("machines", "list").out.splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "ALG", "PERMITS", "LAST", "SEEN"]
    assert row.split() == ["depot-1", "depot", "active", "ES256", "any", "never"]


def test_list_tells_when_a_machine_was_seen(enrolled: Cli) -> None:
    folder = enrolled.folder / "machines.json.seen"
    folder.mkdir()
    note = enrolled.write("machines.json.seen/depot-1", "")
    for seconds, text in ((30, "just now"), (300, "5 min ago"), (3 * 3600 + 60, "3 h ago"), (9e8, "-")):
        os.utime(note, (time.time() - seconds, time.time() - seconds))
        assert text in _row(enrolled)
    assert enrolled.ok("machines", "list", "--json").json()["last_seen"].endswith("Z")


def test_empty_registry_says_how_to_add(cli: Cli) -> None:
    cli.write("machines.json", '{"version": 1, "machines": []}')
    assert "machines add" in cli.ok("machines", "list").out
    assert cli.ok("machines", "list", "--json").out == ""


def test_registry_that_is_not_there_is_told_with_what_to_do(cli: Cli) -> None:
    refused = cli("machines", "list")
    assert refused.status == 1
    assert "machines.json: there is no such file" in refused.err
    assert "mfa-middleware machines add" in refused.err


def test_list_shows_the_state_that_counts_now(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--valid-until", "2020-01-01")
    assert "expired" in _row(enrolled)
    assert len(enrolled.ok("machines", "list", "--state", "expired", "--json").lines()) == 1
    assert "no machine" in enrolled.ok("machines", "list", "--state", "active").out


def test_machine_is_found_by_id_thumbprint_and_name(enrolled: Cli) -> None:
    thumbprint = load_key("depot.pem", create=False).thumbprint
    for name in ("depot-1", thumbprint, "depot"):
        assert enrolled.ok("machines", "show", name, "--json").json()["id"] == "depot-1"


def test_unknown_machine_is_answered_with_the_nearest(enrolled: Cli) -> None:
    refused = enrolled("machines", "show", "depot-2")
    assert refused.status == 1
    assert "depot-1 (depot)" in refused.err
    assert "machines list" in enrolled("machines", "pause", "zzz").err


def test_name_of_several_machines_names_none_of_them(enrolled: Cli) -> None:
    enrolled.ok("keygen", "b.pem")
    enrolled.ok("machines", "add", "depot", "--id", "depot-2", "--key", "b.pem", "--permit", "any")
    refused = enrolled("machines", "revoke", "depot")
    assert refused.status == 1
    assert "depot-1" in refused.err
    assert "depot-2" in refused.err
    assert _state(enrolled) == "active"


def test_show_tells_whether_the_machine_may_act_now(enrolled: Cli) -> None:
    assert "acts now    yes" in enrolled.ok("machines", "show", "depot-1").out
    enrolled.ok("machines", "pause", "depot-1")
    assert "acts now    no: paused" in enrolled.ok("machines", "show", "depot-1").out
    enrolled.ok("machines", "resume", "depot-1")
    enrolled.ok("machines", "change", "depot-1", "--valid-from", "10d")
    assert "no: valid from" in enrolled.ok("machines", "show", "depot-1").out


def test_pinned_machine_acts_now_as_far_as_one_can_tell(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--network", "10.1.0.0/16")
    told = enrolled.ok("machines", "show", "depot-1").out
    assert "acts now    yes" in told
    assert "networks    10.1.0.0/16" in told


@pytest.mark.parametrize(
    ("command", "state"), [("pause", "paused"), ("revoke", "revoked"), ("retire", "retired"), ("resume", "active")]
)
def test_states_change_and_say_so(enrolled: Cli, command: str, state: str) -> None:
    told = enrolled.ok("machines", command, "depot-1").out
    assert state in told
    assert _state(enrolled) == state


def test_several_machines_change_at_once_or_not_at_all(enrolled: Cli) -> None:
    enrolled.ok("keygen", "b.pem")
    enrolled.ok("machines", "add", "b", "--id", "b", "--key", "b.pem", "--permit", "any")
    assert enrolled("machines", "pause", "depot-1", "c").status == 1
    assert _state(enrolled) == "active"
    enrolled.ok("machines", "pause", "depot-1", "b")
    assert {machine["state"] for machine in enrolled.ok("machines", "list", "--json").lines()} == {"paused"}


def test_revoked_is_for_good(enrolled: Cli) -> None:
    enrolled.ok("machines", "revoke", "depot-1")
    refused = enrolled("machines", "resume", "depot-1")
    assert refused.status == 1
    assert "for good" in refused.err
    assert _state(enrolled) == "revoked"


def test_resuming_an_expired_machine_says_what_is_missing(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--valid-until", "2020-01-01")
    assert "--valid-until" in enrolled.ok("machines", "resume", "depot-1").out


def test_resuming_a_machine_without_permits_is_told_loudly(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--forbid", "any")
    assert "NO CREDENTIAL AT ALL" in enrolled.ok("machines", "resume", "depot-1").err


def test_permits_are_added_and_taken_away(enrolled: Cli) -> None:
    named = f"sha256:{hash_of(b'k1')}"
    told = enrolled.ok("machines", "change", "depot-1", "--permit", "key:-", "--json", given="k1").json()
    assert told["credentials"] == ["any", named]
    enrolled.ok("machines", "change", "depot-1", "--forbid", "any", "--permit", "iss=i,sub=s")
    told = enrolled.ok("machines", "change", "depot-1", "--forbid", "key:-", "--json", given="k1").json()
    assert told["credentials"] == [{"iss": "i", "sub": "s"}]


def test_permit_that_is_not_there_cannot_be_taken_away(enrolled: Cli) -> None:
    refused = enrolled("machines", "change", "depot-1", "--forbid", "iss=i,sub=s")
    assert refused.status == 2
    assert "no such permit" in refused.err


def test_other_options_replace_and_empty_ones_remove(enrolled: Cli) -> None:
    enrolled.ok("machines", "change", "depot-1", "--scope", "a", "--scope", "b", "--network", "10.0.0.0/8",
                "--schedule", "mon 08:00-09:00 UTC", "--valid-until", "90d", "--owner", "me")  # fmt: skip
    told = enrolled.ok("machines", "change", "depot-1", "--scope", "c", "--network", "", "--schedule", "",
                       "--valid-until", "", "--owner", "", "--name", "new", "--json").json()  # fmt: skip
    assert told["scopes"] == ["c"]
    assert told["networks"] == []
    assert told["schedule"] is told["valid_until"] is None
    assert (told["owner"], told["name"], told["credentials"]) == ("", "new", ["any"])


def test_change_of_nothing_is_a_mistake(enrolled: Cli) -> None:
    assert enrolled("machines", "change", "depot-1").status == 2


def test_wrong_change_leaves_the_registry_as_it_was(enrolled: Cli) -> None:
    before = (enrolled.folder / "machines.json").read_text()
    refused = enrolled("machines", "change", "depot-1", "--scope", "ok", "--schedule", "never")
    assert refused.status == 1
    assert "depot-1" in refused.err
    assert (enrolled.folder / "machines.json").read_text() == before


def test_rotate_gives_the_next_key_and_keeps_the_rest(enrolled: Cli) -> None:
    following = enrolled.ok("keygen", "next.pem", "--json").json()["thumbprint"]
    assert following in enrolled.ok("machines", "rotate", "depot-1", "--key", "next.pem").out
    machine = enrolled.ok("machines", "show", following, "--json").json()
    assert (machine["id"], machine["credentials"]) == ("depot-1", ["any"])


@pytest.mark.parametrize("thumbprint", ["-hgseYdSG9ETD73njv_XB9OvasLq10UTT-PmNzVJkjs", "--" + "A" * 41])
def test_a_thumbprint_may_begin_with_a_dash(enrolled: Cli, thumbprint: str) -> None:
    enrolled.ok("machines", "change", "depot-1", "--next-thumbprint", thumbprint)
    assert enrolled.ok("machines", "show", "depot-1", "--json").json()["next_thumbprint"] == thumbprint
    assert thumbprint in enrolled("machines", "show", thumbprint).err
    assert thumbprint in enrolled("machines", "pause", thumbprint).err


def test_rotate_to_a_key_of_another_kind_takes_its_algorithm(enrolled: Cli) -> None:
    enrolled.ok("keygen", "next.pem", "--alg", "Ed25519")
    told = enrolled.ok("machines", "rotate", "depot-1", "--key", "next.pem", "--json").json()
    assert told["algorithm"] == "Ed25519"


def test_rotate_gives_only_the_key_that_was_announced(enrolled: Cli) -> None:
    announced = enrolled.ok("keygen", "next.pem", "--json").json()["thumbprint"]
    enrolled.ok("keygen", "thief.pem")
    enrolled.ok("machines", "change", "depot-1", "--next-thumbprint", announced)
    refused = enrolled("machines", "rotate", "depot-1", "--key", "thief.pem")
    assert refused.status == 1
    assert announced in refused.err
    enrolled.ok("machines", "rotate", "depot-1", "--key", "next.pem")
