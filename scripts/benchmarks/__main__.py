"""Run the measurements: scripts/bench [--rounds N] [--json]."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from typing import Any, Final

from scripts.benchmarks.checks import first_use, middleware, refusals, whole_check
from scripts.benchmarks.claims import claims
from scripts.benchmarks.firewall import firewall
from scripts.benchmarks.peers import peers
from scripts.benchmarks.remote import remote

_UNITS: Final = {
    "us": "{:8.1f} us", "bare_us": "bare {:.1f} us", "ratio": "x {:.2f} of the bare verify", "added_us": "+ {:.1f} us",
    "bytes": "{:8.1f} B", "per_second": "{:8,.0f} /s",
}  # fmt: skip


def measurements(rounds: int) -> Iterator[dict[str, Any]]:
    yield whole_check("ES256", rounds)
    yield whole_check("Ed25519", rounds)
    yield first_use(rounds)
    yield from peers(rounds)
    yield middleware(rounds)
    yield from firewall(rounds)
    yield from refusals(rounds)
    yield from claims()
    yield from remote()


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of each measurement (default: 7)")
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    logging.getLogger("mfa_middleware").setLevel(logging.CRITICAL)
    for row in measurements(arguments.rounds):
        if arguments.json:
            print(json.dumps(row), flush=True)
        else:
            figures = "   ".join(_UNITS[name].format(value) for name, value in row.items() if name in _UNITS)
            print(f"{row['name']:52} {figures}", flush=True)


if __name__ == "__main__":
    main()
