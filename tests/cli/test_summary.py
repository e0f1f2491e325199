"""`summary`."""

from __future__ import annotations

import json
import logging
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.cli.summary import groups
from mfa_middleware.cli.summary.advice import ADVICE
from mfa_middleware.errors import Code
from mfa_middleware.events import Event, JsonLines
from tests.cli.conftest import Cli


def _event(kind: str = "would_refuse", code: str | None = "missing_proof", path: str = "/orders", **more: Any) -> Event:
    members: dict[str, Any] = {"method": "GET", "credential": "abcdefghijkl", "at": 1_800_000_000.0, **more}
    return Event(kind, logging.WARNING, code=code, path=path, **members)


def _log(cli: Cli, *events: Event, name: str = "events.jsonl") -> str:
    write = JsonLines(str(cli.folder / name))
    for event in events:
        write(event)
    return name


def test_refusals_are_counted_by_route_credential_and_code(cli: Cli) -> None:
    log = _log(
        cli, _event("accepted", None), _event("started", None), _event(), _event(at=1_800_000_060.0),
        _event(code="unknown_machine"), _event(credential="other"), _event("refused", method="POST"),
    )  # fmt: skip
    rows = cli.ok("summary", log, "--json").lines()
    assert rows[0] == {
        "kind": "would_refuse", "code": "missing_proof", "route": "GET /orders", "credential": "abcdefghijkl",
        "count": 2, "first": 1_800_000_000.0, "last": 1_800_000_060.0,
    }  # fmt: skip
    assert {(row["kind"], row["code"], row["route"], row["credential"]) for row in rows[1:]} == {
        ("would_refuse", "unknown_machine", "GET /orders", "abcdefghijkl"),
        ("would_refuse", "missing_proof", "GET /orders", "other"),
        ("refused", "missing_proof", "POST /orders", "abcdefghijkl"),
    }
    text = cli.ok("summary", log).out
    assert text.startswith("1 accepted, 4 would be refused, 1 refused\n")
    assert "2027-01-15T08:01:00Z" in text
    assert ADVICE[Code.UNKNOWN_MACHINE] in text


def test_every_code_has_advice() -> None:
    assert set(ADVICE) == set(Code)


def test_nothing_to_refuse_is_said(cli: Cli) -> None:
    assert cli.ok("summary", _log(cli, _event("accepted", None))).out == "1 accepted, 0 would be refused, 0 refused\n"


def test_log_is_the_one_of_the_setting_by_default(cli: Cli) -> None:
    assert cli("summary").status == 2
    cli.set(MFA_EVENT_LOG=_log(cli, _event()))
    assert len(cli.ok("summary", "--json").lines()) == 1


def test_several_logs_and_standard_input_are_added_up(cli: Cli) -> None:
    one = _log(cli, _event(), name="one")
    given = f"{_event().to_json()}\n"
    assert cli.ok("summary", one, one, "-", "--json", given=given).json()["count"] == 3


def test_log_that_is_not_there_is_told(cli: Cli) -> None:
    refused = cli("summary", "nothing.jsonl")
    assert refused.status == 1
    assert refused.err == "mfa-middleware: error: nothing.jsonl: No such file or directory\n"


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"7", b"\xff\xfe", b"[" * 50_000, b'{"kind": 7}', b'"' + b"x" * 200_000 + b'"', b"\x00" * 70_000],
)
def test_broken_lines_are_passed_over_and_counted(cli: Cli, line: bytes) -> None:
    good = _event().to_json().encode()
    cli.write("log", good + b"\n" + line + b"\n\n" + good)
    told = cli.ok("summary", "log", "--json")
    assert told.json()["count"] == 2
    assert "1 lines are no events" in told.err


def test_members_of_the_wrong_type_do_no_harm(cli: Cli) -> None:
    odd = {"kind": "refused", "code": ["x"], "path": 7, "method": None, "credential": {}, "at": "now"}
    huge = {"kind": "refused", "at": 10**400, "path": "/x"}
    cli.write("log", f"{json.dumps(odd)}\n{json.dumps(huge)}\n")
    assert len(cli.ok("summary", "log", "--json").lines()) == 2
    assert "2 refused" in cli.ok("summary", "log").out


def test_ids_in_paths_are_counted_together(cli: Cli) -> None:
    paths = ["/orders/1", "/orders/22", "/orders/0b8f1f0e-6f8e-4a52-9a3f-1c2d3e4f5a6b", "/orders/aGVsbG8gd29ybGQ1234",
             "/orders/latest"]  # fmt: skip
    log = _log(cli, *(_event(path=path) for path in paths))
    rows = cli.ok("summary", log, "--json").lines()
    assert {row["route"]: row["count"] for row in rows} == {"GET /orders/{id}": 4, "GET /orders/latest": 1}
    assert len(cli.ok("summary", log, "--exact-paths", "--json").lines()) == 5


def test_only_what_happened_lately_is_counted(cli: Cli) -> None:
    log = _log(cli, _event(at=time.time() - 7200), _event(at=time.time() - 60, code="replayed"))
    assert [row["code"] for row in cli.ok("summary", log, "--since", "1h", "--json").lines()] == ["replayed"]
    assert len(cli.ok("summary", log, "--since", "2020-01-01", "--json").lines()) == 2
    assert cli("summary", log, "--since", "yesterday").status == 2


def test_rows_beyond_the_top_are_announced(cli: Cli) -> None:
    log = _log(cli, *(_event(path=f"/{letter}") for letter in "abc"))
    assert "and 2 rows more" in cli.ok("summary", log, "--top", "1").out
    assert len(cli.ok("summary", log, "--top", "0", "--json").lines()) == 3


def test_path_cannot_command_the_terminal(cli: Cli) -> None:
    log = _log(cli, _event(path="/\x1b[2J\x07"))
    text = cli.ok("summary", log).out
    assert "\x1b" not in text
    assert "/\\x1b[2J\\x07" in text


def test_memory_is_bounded_whatever_the_paths(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MAX_GROUPS", 100)
    filler = "x" * 400
    with (cli.folder / "log").open("w") as log:
        for number in range(5_000):
            log.write(f'{{"kind": "refused", "code": "missing_proof", "path": "/{filler}{number}"}}\n')
    tracemalloc.start()
    try:
        rows = cli.ok("summary", "log", "--exact-paths", "--top", "3", "--json").lines()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (rows[0]["route"], rows[0]["count"]) == (groups.OTHER, 4_900)
    assert peak < 2**20 < Path("log").stat().st_size
