"""All commands, in the order of the help."""

from __future__ import annotations

from typing import Final

from mfa_middleware.cli.catalog import CATALOG_COMMAND
from mfa_middleware.cli.check_config import CHECK_CONFIG
from mfa_middleware.cli.doctor import DOCTOR
from mfa_middleware.cli.hash import HASH
from mfa_middleware.cli.inspect import INSPECT
from mfa_middleware.cli.keygen import KEYGEN
from mfa_middleware.cli.machines import MACHINES
from mfa_middleware.cli.parser import Command
from mfa_middleware.cli.probe import PROBE
from mfa_middleware.cli.sign import SIGN
from mfa_middleware.cli.summary import SUMMARY

__all__ = ["COMMANDS"]

COMMANDS: Final[tuple[Command, ...]] = (
    KEYGEN, MACHINES, HASH, SIGN, CHECK_CONFIG, DOCTOR, SUMMARY, INSPECT, CATALOG_COMMAND, PROBE,
)  # fmt: skip
