"""A table is small, and its parts do not overlap."""

from __future__ import annotations

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.replay.geometry import BLOCK, DATES, FIRST_PAGE, PEERS, RECORDS, TAG_SIZE, Geometry


@pytest.mark.parametrize("capacity", [10_000, 100_000, 1_000_000, 10_000_000])
def test_an_entry_takes_24_bytes_at_most(capacity: int) -> None:
    assert Geometry.of(capacity).size <= 24 * capacity


@pytest.mark.parametrize("capacity", [1, 2, 29, 58, 59, 1000, 3712, 123_457, 1_000_000, 100_000_000])
def test_there_is_room_for_the_capacity_in_blocks_of_their_own(capacity: int) -> None:
    geometry = Geometry.of(capacity)
    buckets = geometry.stripes * geometry.buckets
    assert buckets * geometry.limit >= capacity
    assert 1 <= geometry.limit <= RECORDS
    assert geometry.buckets >= 2
    assert geometry.shelves_at - FIRST_PAGE >= 4 * geometry.stripes
    assert geometry.buckets_at == geometry.shelves_at + geometry.shelves * BLOCK
    assert geometry.size == geometry.buckets_at + buckets * BLOCK
    assert geometry.buckets_at % BLOCK == 0


@pytest.mark.parametrize("capacity", [10_000, 1_000_000])
def test_the_capacity_is_nine_tenths_of_the_records(capacity: int) -> None:
    geometry = Geometry.of(capacity)
    assert 0.88 <= capacity / (geometry.stripes * geometry.buckets * RECORDS) <= 0.9


def test_a_bucket_has_room_for_all_its_parts() -> None:
    assert RECORDS * TAG_SIZE == DATES
    assert DATES % 4 == 0
    assert DATES + 4 * RECORDS == PEERS
    assert PEERS + 2 * RECORDS <= BLOCK


@pytest.mark.parametrize("capacity", [0, -5, 100_000_001])
def test_a_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(ConfigurationError, match="from 1 to 100000000"):
        Geometry.of(capacity)
