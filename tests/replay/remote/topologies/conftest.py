from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.helpers.valkey import is_installed

from .ways import WAYS, Caller, Way, way_of

if not is_installed():
    pytest.skip("there is no Valkey server here", allow_module_level=True)

Open = Callable[..., Caller]
Every = Callable[..., list[Caller]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Each library, for threads and on an event loop."""
    with ExitStack() as stack:
        yield way_of(request.param, stack)


@pytest.fixture
def opened(way: Way) -> Iterator[Open]:
    """Opens stores that way, at a URL; see Way.open."""
    with ExitStack() as stack:

        def make(url: str, *given: Any, **options: Any) -> Caller:
            caller = way.open(url, *given, **options)
            stack.callback(caller.close)
            return caller

        yield make


@pytest.fixture
def every() -> Iterator[Every]:
    """Opens a store each way, at a URL; for what is done once to servers that all share."""
    with ExitStack() as stack:
        found = [way_of(name, stack) for name in WAYS]

        def make(url: str, *given: Any, **options: Any) -> list[Caller]:
            callers = [way.open(url, *given, **options) for way in found]
            for caller in callers:
                stack.callback(caller.close)
            return callers

        yield make
