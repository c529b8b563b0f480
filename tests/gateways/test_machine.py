"""How full the disk is, when it will be."""

import shutil

import pytest

from reminder_site.gateways.machine import Disk, host


def test_the_disk_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path):
    free, full_in = Disk(tmp_path / "not" / "yet").look(0)
    usage = shutil.disk_usage(tmp_path)
    assert free == pytest.approx(usage.free / usage.total, abs=0.05) and full_in is None


@pytest.mark.parametrize(("had", "has", "seconds"), [(1_000, 900, 9 * 1_800), (900, 1_000, float("inf"))])
def test_when_it_is_full_is_foretold_from_half_an_hour_of_watching(tmp_path, had, has, seconds):
    disk = Disk(tmp_path)
    disk._samples.append((0.0, had))
    assert disk._full_in(1_799, has) is None
    assert disk._full_in(1_800, has) == seconds


def test_what_was_more_than_an_hour_ago_says_nothing_any_more(tmp_path):
    disk = Disk(tmp_path)
    for at in (0, 1_800, 3_601):
        disk.look(at)
    assert [at for at, _ in disk._samples] == [1_800, 3_601]


def test_a_machine_has_a_name_that_fits():
    assert 0 < len(host()) <= 64
