"""The zone data are the pinned ones, in this process and its children, and names new and old are found."""

import os
import subprocess
import sys
import zoneinfo
from datetime import datetime
from pathlib import Path

import pendulum
import pytest

from reminder_site.domain import zones

VANCOUVER_IN_WINTER = """
{first}
import pendulum, reminder_site
print(pendulum.datetime(2026, 12, 15, 10, tz="America/Vancouver").in_timezone("UTC").isoformat())
"""
VANCOUVER_BY_ITSELF = """
import datetime, zoneinfo
print(datetime.datetime(2026, 12, 15, 10, tzinfo=zoneinfo.ZoneInfo("America/Vancouver")))
"""
ROOT = Path(__file__).parents[2]


def child(code, **environment):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONTZPATH"} | environment
    return subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=ROOT, text=True).strip()


def test_the_release_in_force_is_the_pinned_one():
    assert zones.version() == "2026f"
    assert zones.source() == "the tzdata package 2026.6"
    assert zones.pinned()


@pytest.mark.parametrize("first", ["", "import pendulum; kept = pendulum.datetime(2026, 1, 1, tz='America/Vancouver')"])
def test_a_new_process_has_the_pinned_data_even_when_it_asked_the_host_before(first):
    assert child(VANCOUVER_IN_WINTER.format(first=first)) == "2026-12-15T17:00:00+00:00"


def test_a_process_started_by_ours_has_them_without_importing_anything_of_ours():
    assert os.environ["PYTHONTZPATH"] == ""
    assert child(VANCOUVER_BY_ITSELF, PYTHONTZPATH=os.environ["PYTHONTZPATH"]) == "2026-12-15 10:00:00-07:00"


def test_data_from_the_host_would_be_shown():
    zoneinfo.reset_tzpath(to=("/usr/share/zoneinfo",))
    try:
        assert zones.source() == "the host's files in /usr/share/zoneinfo"
        assert not zones.pinned()
    finally:
        zoneinfo.reset_tzpath(to=())


def test_every_old_name_is_known_and_finds_a_current_one(old_zone_names):
    assert len(old_zone_names) > 200
    for _target, old in old_zone_names:
        assert zones.known(old)
        assert zones.canonical(zones.canonical(old)) == zones.canonical(old)
    assert zones.canonical("US/Eastern") == "America/New_York"
    assert zones.canonical("Europe/Kiev") == "Europe/Kyiv"


def test_a_name_that_a_country_uses_stays_though_its_rules_are_another_zones():
    assert zones.canonical("Europe/Oslo") == "Europe/Oslo"


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "America", "Europe/London\0", "europe/london"]
)
def test_what_is_not_a_zone_is_refused(name):
    assert not zones.known(name)
    for refuse in (zones.canonical, zones.rules_of):
        with pytest.raises(zones.UnknownZone):
            refuse(name)


def test_a_country_offers_its_own_zones_the_biggest_first():
    assert zones.choices("US")[0] == ("America/New_York", "New York · Eastern (most areas)")
    assert zones.choices("no") == (("Europe/Oslo", "Oslo"),)
    assert zones.choices("XX") == ()


def test_the_world_offers_every_zone_once_and_all_are_known():
    names = [name for name, _label in zones.choices()]
    assert len(names) == len(set(names)) > 400
    assert all(zones.known(name) for name in names)
    assert ("Europe/London", "London · Britain (UK)") in zones.choices()


def test_an_instant_without_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        zones.to_local(datetime(2026, 1, 1), "Europe/London")


def test_an_instant_in_any_zone_reads_as_the_clinics_wall_time():
    at = pendulum.datetime(2026, 12, 15, 10, tz="America/Vancouver")
    assert zones.to_local(at, "Europe/London") == datetime(2026, 12, 15, 17)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [1, 7])
def test_an_instant_is_written_out_with_the_offset_of_a_zone(zone, month):
    at = pendulum.datetime(2026, month, 5, 23, 30, 15, tz="UTC")
    assert zones.exact(at, zone) == at.in_timezone(zone).to_iso8601_string()
    with pytest.raises(ValueError, match="offset"):
        zones.exact(at.naive(), zone)
