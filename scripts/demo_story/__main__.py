"""A story over real HTTP: what a stolen key is worth once machines carry a second factor."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from scripts.demo_story.app import APPS, WORKERS, App, end_of, running
from scripts.demo_story.ending import Ending, ending
from scripts.demo_story.machines import API_KEY, MACHINE, Cast, Issuer
from scripts.demo_story.show import Show
from scripts.demo_story.story import Story


def main() -> int:
    """Exit status 0 only if every line came out as expected."""
    arguments = _arguments()
    show = Show(as_json=arguments.json)
    try:
        with ending() as end:
            return _run(arguments, show, Cast(end.folder), end)
    except KeyboardInterrupt:
        show.say("\nstopped")
        return 130
    except BrokenPipeError:
        show.give_up()
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--app", choices=APPS, default="fastapi", help="which example plays (default: fastapi)")
    parser.add_argument("--json", action="store_true", help="one object a line: name, expected, status, code, ok")
    parser.add_argument("--serve", action="store_true", help="leave the app running, with lines to paste for curl")
    parser.add_argument("--requests", type=_positive, default=200, metavar="N", help="honest requests at the end (200)")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("write a number of at least 1")
    return number


def _run(arguments: argparse.Namespace, show: Show, cast: Cast, end: Ending) -> int:
    show.say("A machine makes its key and is enrolled.")
    key, issuer = cast.enrol(), Issuer(cast.jwt_public_key)
    show.say(f"examples/{arguments.app}_app starts with {WORKERS} worker processes on loopback.")
    log = cast.folder / "server.log"
    with running(arguments.app, cast.environ(end.name), log, end.ends) as app:
        good = _play(Story(app, cast, key, issuer, arguments.requests), show)
        if not good:
            show.say(f"The last that the app said:\n{end_of(log)}")
        if arguments.serve:
            _serve(app, cast, show)
    return 0 if good else 1


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
    url, command = app.url("/orders"), shlex.quote(str(Path(sys.executable).with_name("mfa-middleware")))
    key, registry, events = (shlex.quote(str(path)) for path in (cast.machine_key, cast.registry, cast.events))
    show.say(f"""
The app runs at {app.url("/")} until Ctrl-C. To paste into another terminal:

  export API_KEY={API_KEY} MFA_MACHINES={registry}

  # the key alone: refused
  curl -i -H "X-API-Key: $API_KEY" {url}

  # with a proof by the machine: accepted, once
  PROOF="$({command} sign GET {url} --key {key} --header 'X-API-Key: env:API_KEY')"
  curl -i -H "X-API-Key: $API_KEY" -H "$PROOF" {url}

  # pause the machine; resume it
  {command} machines pause {MACHINE}

  # what the operator reads
  tail {events}
""")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
