"""A store is found by its URI."""

from __future__ import annotations

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay import ReplayStore, open_store
from mfa_middleware.replay.files import store_path


def _open(uri: str) -> ReplayStore:
    return open_store(uri, capacity=1000, quota=100, app="test of the lookup")


def test_a_uri_opens_its_store() -> None:
    store = _open("memory:")
    assert (type(store).__name__, store.shared_by, store.blocking) == ("MemoryStore", "process", False)
    store.close()


def test_the_default_store_is_in_a_file_named_for_user_and_app_alone() -> None:
    path = store_path("test of the lookup")
    try:
        store = _open("shared:")
        assert (type(store).__name__, store.shared_by, store.blocking) == ("SharedStore", "host", True)
        assert path.stat().st_mode & 0o777 == 0o600
        store.close()
    finally:
        path.unlink(missing_ok=True)
    assert path != store_path("another app")


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("", "write one of memory:, shared:"),
        ("memory", "write one of memory:, shared:"),
        ("Memory:", "write one of memory:, shared:"),
        ("sqlite:///x", "write one of memory:, shared:"),
        ("memory://", "write memory: with nothing after the colon"),
        ("shared:/tmp/x", "write shared: with nothing after the colon"),
    ],
)
def test_a_wrong_uri_is_answered_with_what_to_write(uri: str, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        _open(uri)


def test_a_password_in_a_uri_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as error:
        _open("ftp://user:hunter2@host")
    assert "hunter2" not in str(error.value)
