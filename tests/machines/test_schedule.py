from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.machines import parse_schedule, schedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-06-01 07:59:59.9", False),
        ("2026-06-01 08:00", True),
        ("2026-06-05 17:59:59.9", True),
        ("2026-06-05 18:00", False),
        ("2026-06-06 08:59", False),
        ("2026-06-06 09:00", True),
        ("2026-06-06 12:00", False),
        ("2026-06-07 10:00", False),
    ],
)
def test_windows_hold_on_the_clocks_of_their_zone(moment: str, allowed: bool) -> None:
    working_hours = parse_schedule("mon-fri 08:00-18:00 Europe/Berlin; sat 09:00-12:00")
    assert working_hours.allows(at(moment, "Europe/Berlin")) is allowed


@pytest.mark.parametrize(
    ("text", "moment", "allowed"),
    [
        ("sun 22:00-06:00 UTC", "2026-06-07 22:00", True),
        ("sun 22:00-06:00 UTC", "2026-06-08 05:59", True),
        ("sun 22:00-06:00 UTC", "2026-06-08 06:00", False),
        ("sun 22:00-06:00 UTC", "2026-06-07 05:00", False),
        ("fri-mon 00:00-24:00 UTC", "2026-06-08 23:59", True),
        ("fri-mon 00:00-24:00 UTC", "2026-06-09 00:00", False),
        ("mon,WED 10:00-11:00 utc", "2026-06-03 10:30", True),
        ("mon,wed 10:00-11:00 UTC", "2026-06-02 10:30", False),
    ],
)
def test_midnight_and_the_end_of_the_week_are_no_edges(text: str, moment: str, allowed: bool) -> None:
    assert parse_schedule(text).allows(at(moment)) is allowed


def test_a_window_has_the_zone_of_the_one_before() -> None:
    both = parse_schedule("mon 08:00-09:00 Asia/Tokyo; tue 08:00-09:00")
    assert both.allows(at("2026-06-02 08:30", "Asia/Tokyo"))
    assert not both.allows(at("2026-06-02 08:30", "UTC"))


def test_summer_time_moves_the_window_with_the_clocks() -> None:
    noon = parse_schedule("mon-sun 12:00-13:00 Europe/Berlin")
    assert noon.allows(at("2026-01-15 11:30"))
    assert not noon.allows(at("2026-07-15 11:30"))
    assert noon.allows(at("2026-07-15 10:30"))


def test_an_hour_that_is_repeated_counts_both_times_and_a_skipped_one_never() -> None:
    night = parse_schedule("sun 02:00-03:00 Europe/Berlin")
    assert night.allows(at("2026-10-25 02:30", "Europe/Berlin", fold=0))
    assert night.allows(at("2026-10-25 02:30", "Europe/Berlin", fold=1))
    skipped = at("2026-03-29 01:00")
    assert not any(night.allows(skipped + minute * 60) for minute in range(-60, 120))


def test_a_window_over_the_change_ends_when_the_clock_shows_its_end() -> None:
    night = parse_schedule("sat 22:00-06:00 Europe/Berlin")
    start, end = at("2026-10-24 22:00", "Europe/Berlin"), at("2026-10-25 06:00", "Europe/Berlin")
    assert end - start == 9 * 3600
    assert night.allows(start)
    assert night.allows(end - 1)
    assert not night.allows(end)


windows = st.tuples(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 24 * 60 - 1), st.integers(1, 24 * 60 - 1))


@given(windows, st.integers(0, 3 * 7 * 24 * 60 - 1))
def test_a_moment_is_allowed_if_and_only_if_a_window_was_opened_and_not_yet_closed(
    window: tuple[set[int], int, int], minute: int
) -> None:
    days, start, length = window
    end = (start + length) % (24 * 60)
    text = f"{','.join(DAYS[day] for day in days)} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02} UTC"
    moment = MONDAY + timedelta(minutes=minute, seconds=30)
    openings = (MONDAY + timedelta(weeks=week, days=day, minutes=start) for week in range(-1, 4) for day in days)
    expected = any(opening <= moment < opening + timedelta(minutes=length) for opening in openings)
    assert parse_schedule(text).allows(moment.timestamp()) is expected


@given(st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"]), st.integers(0, 2**32))
def test_a_moment_is_allowed_by_what_the_clock_on_the_wall_shows(zone: str, moment: int) -> None:
    shown = datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%w %H:%M")
    expected = shown[0] in "135" and "09:30" <= shown[2:] < "17:15"
    assert parse_schedule(f"mon,wed,fri 09:30-17:15 {zone}").allows(moment) is expected


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write it like"),
        ("always", "write it like"),
        ("mon-fri 08:00-18:00 UTC;", "write it like"),
        ("mon-fri 8:00-18:00 UTC", "write it like"),
        ("mon-fri 08:00-18:00 UTC CET", "write it like"),
        ("mon-fri\n08:00-18:00 UTC", "one line"),
        ("mon-fri 08:00-18:00", r'write "mon-fri 08:00-18:00 UTC"'),
        ("mon-fry 08:00-18:00 UTC", "'fry' is not a day; the days are mon"),
        ("mon, 08:00-18:00 UTC", "is not a day"),
        ("mon-fri 08:00-25:00 UTC", "25:00 is not a time of day"),
        ("mon-fri 08:61-18:00 UTC", "08:61 is not a time of day"),
        ("mon-fri 08:00-08:00 UTC", "write 00:00-24:00"),
        ("mon-fri 24:00-06:00 UTC", "write 00:00-24:00"),
        ("mon 08:00-09:00 europe/berlin", "write Europe/Berlin"),
        ("mon 08:00-09:00 Europe/Berlim", "write Europe/Berlin"),
        ("mon 08:00-09:00 ../../etc/passwd", "is not a time zone"),
        ("mon 08:00-09:00 Europe", "is not a time zone"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_an_error_says_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        parse_schedule(text)


def test_a_host_without_zone_data_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(schedule, "ZoneInfo", unknown)
    monkeypatch.setattr(schedule, "available_timezones", set)
    with pytest.raises(ValueError, match="pip install tzdata"):
        parse_schedule("mon 08:00-09:00 Europe/Oslo")
    assert parse_schedule("mon 08:00-09:30 UTC").allows(at("2026-06-01 09:00"))


@given(st.text(max_size=60))
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    try:
        parsed = parse_schedule(text)
    except ValueError:
        return
    assert parse_schedule(str(parsed)) == parsed
