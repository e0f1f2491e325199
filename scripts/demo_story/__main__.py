"""Play the demo: scripts/demo [--app fastapi|flask|django] [--json] [--serve] [--requests N]."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from scripts.demo_story.app import APPS, WORKERS, App, running
from scripts.demo_story.machines import API_KEY, Cast, Issuer
from scripts.demo_story.show import Show
from scripts.demo_story.story import Story


def main() -> int:
    """Exit status 0 only if every line came out as expected."""
    arguments = _arguments()
    show = Show(as_json=arguments.json)
    with tempfile.TemporaryDirectory(prefix="mfa-demo-") as folder:
        cast = Cast(Path(folder))
        show.say("A machine makes its key and is enrolled.")
        key, issuer = cast.enrol(), Issuer(cast.jwt_public_key)
        show.say(f"examples/{arguments.app}_app starts with {WORKERS} worker processes on loopback.")
        with running(arguments.app, cast.environ()) as app:
            good = _play(Story(app, cast, key, issuer, arguments.requests), show)
            if arguments.serve:
                _serve(app, cast, show)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--app", choices=APPS, default="fastapi", help="which example plays (default: fastapi)")
    parser.add_argument("--json", action="store_true", help="one object a line: name, expected, status, code, ok")
    parser.add_argument("--serve", action="store_true", help="leave the app running, with lines to paste for curl")
    parser.add_argument("--requests", type=int, default=200, metavar="N", help="honest requests at the end")
    return parser.parse_args()


def _play(story: Story, show: Show) -> bool:
    lines = []
    for number, scene in enumerate(story.scenes(), start=1):
        show.begin(number, scene.name)
        line = scene.line()
        lines.append(line)
        show.told(number, line)
    show.table(lines)
    return all(line.ok for line in lines)


def _serve(app: App, cast: Cast, show: Show) -> None:
    url, command = app.url("/orders"), f"'{sys.executable}' -m mfa_middleware sign"
    show.say(f"""
The app is running at {app.url("/")} until Ctrl-C. To paste:

  curl -i -H 'X-API-Key: {API_KEY}' {url}
  PROOF="$({command} GET {url} --key '{cast.machine_key}' --header 'X-API-Key: {API_KEY}')"
  curl -i -H 'X-API-Key: {API_KEY}' -H "$PROOF" {url}   # accepted, once
""")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        show.say("stopped")


if __name__ == "__main__":
    sys.exit(main())
