"""`hash`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from mfa_middleware.credentials import hash_of
from tests.cli.conftest import Cli

_HASH = f"sha256:{hash_of(b'an-api-key')}"


def test_hash_is_the_permit_of_the_credential(cli: Cli) -> None:
    cli.write("key.txt", "an-api-key\r\n")
    cli.set(API_KEY="an-api-key")
    for source in ((), ("-",), ("@key.txt",), ("env:API_KEY",)):
        assert cli.ok("hash", *source, given="an-api-key\n").out == f"{_HASH}\n"
    assert cli.ok("hash", "--json", given="an-api-key").json() == {"permit": _HASH}


@pytest.mark.parametrize("source", ["an-api-key", "key:an-api-key"])
def test_credential_on_the_command_line_is_refused_and_not_repeated(cli: Cli, source: str) -> None:
    refused = cli("hash", source)
    assert (refused.status, refused.out) == (2, "")
    assert "an-api-key" not in refused.err


def test_hash_permits_the_credential(enrolled: Cli) -> None:
    permit = enrolled.ok("hash", given="an-api-key").out.strip()
    told = enrolled.ok("machines", "change", "depot-1", "--permit", permit, "--json").json()
    assert _HASH in told["credentials"]


def test_credential_is_asked_for_on_a_terminal_and_not_shown(cli: Cli) -> None:
    main, side = pty.openpty()
    command = [sys.executable, "-m", "mfa_middleware", "hash"]
    running = subprocess.Popen(command, stdin=side, stdout=subprocess.PIPE, stderr=side, start_new_session=True)
    shown = os.read(main, 1024)
    assert b"credential (not shown): " in shown
    os.write(main, b"an-api-key\n")
    assert running.communicate(timeout=10)[0] == f"{_HASH}\n".encode()
    os.close(side)
    assert b"an-api-key" not in os.read(main, 1024)
    os.close(main)


def test_no_standard_input_is_an_empty_credential(cli: Cli) -> None:
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m mfa_middleware hash <&-"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"mfa-middleware: error: the credential is empty")
