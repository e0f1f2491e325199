from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.machines.times import format_time, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-12-31T00:00:00Z", 1798675200),
        ("2026-12-31T02:00:00+02:00", 1798675200),
        ("2026-12-30T18:30:00.5-05:30", 1798675200.5),
    ],
)
def test_a_time_with_its_zone_becomes_unix_seconds(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31",
        "2026-12-31T00:00:00",
        "2026-12-31 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-12-31T00:00:00+25:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-12-31T00:00:00Z",
        "2026-12-31T00:00:00Z\n",
        1798675200,
        True,
        [],
    ],
)
def test_any_other_form_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time(text)


@given(st.floats(0, 253402300799))
def test_what_is_written_is_read_back_to_the_microsecond(seconds: float) -> None:
    written = format_time(seconds)
    assert parse_time(written) == pytest.approx(seconds, abs=1e-6, rel=1e-15)
    assert format_time(parse_time(written)) == written
