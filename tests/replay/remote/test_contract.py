"""The store on a server keeps what every store promises: the very same tests."""

from tests.replay.test_contract import *  # noqa: F403
