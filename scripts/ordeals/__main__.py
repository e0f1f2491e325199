"""Try to have one proof accepted twice, in every way that is known to have worked elsewhere."""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final

from scripts.demo_story.ending import Ending, ending
from scripts.ordeals.scene import Result, Scene, Stage
from scripts.ordeals.table import SCENES
from scripts.ordeals.told import row

_ALWAYS: Final = ("name", "trials", "accepted", "expected", "ok")


def main(given: Sequence[str] | None = None, scenes: Sequence[Scene] = SCENES) -> int:
    """Exit status 0 only if every scene that was played is ok; 2 where a name is unknown."""
    arguments = _arguments(given)
    chosen = _chosen(scenes, arguments)
    if chosen is None:
        return 2
    if arguments.list:
        for scene in chosen:
            print(f"{scene.name:34} {scene.text}")
        return 0
    logging.getLogger("mfa_middleware").setLevel(logging.CRITICAL)
    try:
        came = [_played(scene, arguments) for scene in chosen]
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0 if all(came) else 1


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenes to play, with * for many (default: all)")
    parser.add_argument("--list", action="store_true", help="say what each scene tries")
    parser.add_argument("--quick", action="store_true", help="a bounded slice of each, in less than a minute")
    parser.add_argument("--json", action="store_true", help=f"one object a line: {', '.join(_ALWAYS)} and details")
    return parser.parse_args(given)


def _chosen(scenes: Sequence[Scene], arguments: argparse.Namespace) -> list[Scene] | None:
    """The scenes of the names that were given; None where a name fits none of them."""
    if not arguments.names:
        return [scene for scene in scenes if scene.quick or not arguments.quick]
    for name in arguments.names:
        if not any(_fits(scene, [name]) for scene in scenes):
            near = difflib.get_close_matches(name, [scene.name for scene in scenes], n=1, cutoff=0.4)
            meant = f"; did you mean {near[0]}?" if near else ""
            print(f"no scene is called {name}{meant} scripts/torture --list names them all", file=sys.stderr)
            return None
    return [scene for scene in scenes if _fits(scene, arguments.names)]


def _fits(scene: Scene, names: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(scene.name, name) for name in names)


def _played(scene: Scene, arguments: argparse.Namespace) -> bool:
    with ending() as end:
        began = time.monotonic()
        result = _result(scene, _stage(end, quick=arguments.quick))
        seconds = round(time.monotonic() - began, 1)
    print(row({**result.row(scene.name), "seconds": seconds}, as_json=arguments.json), flush=True)
    return result.ok


def _stage(end: Ending, *, quick: bool) -> Stage:
    folder = end.folder / "scene"
    folder.mkdir()
    return Stage(quick, folder, end.name, end.ends)


def _result(scene: Scene, stage: Stage) -> Result:
    """What came of it; a scene that breaks down is not ok, and the others go on."""
    try:
        return scene.play(stage)
    except Exception as error:
        return Result(0, 0, 0, (f"it broke down: {type(error).__name__}: {error}",))


if __name__ == "__main__":
    sys.exit(main())
