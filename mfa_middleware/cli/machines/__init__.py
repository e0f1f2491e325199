"""The commands on the registry of machines."""

from __future__ import annotations

from mfa_middleware.cli.machines.add import ADD
from mfa_middleware.cli.machines.change import CHANGE
from mfa_middleware.cli.machines.listing import LIST
from mfa_middleware.cli.machines.registry import add_file
from mfa_middleware.cli.machines.rotate import ROTATE
from mfa_middleware.cli.machines.show import SHOW
from mfa_middleware.cli.machines.states import PAUSE, RESUME, RETIRE, REVOKE
from mfa_middleware.cli.parser import Command

__all__ = ["MACHINES"]

MACHINES = Command(
    name="machines",
    summary="Enrol machines, look at them, change them, pause or revoke them.",
    details="Every running app of this registry follows a change within 1 s; nothing has to be restarted.",
    configure=lambda parser: add_file(parser, group=True),
    commands=(ADD, LIST, SHOW, CHANGE, PAUSE, RESUME, REVOKE, RETIRE, ROTATE),
    examples="""\
  mfa-middleware machines add depot --key depot.pem --permit key:-
  mfa-middleware machines list
  mfa-middleware machines pause depot
  mfa-middleware machines --file /etc/myapp/machines.json show depot
""",
)
