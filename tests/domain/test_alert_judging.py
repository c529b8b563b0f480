"""Each trouble becomes its own alert soon after its threshold, lasts until it is well again, and flutters nobody."""

from dataclasses import replace

import pendulum
import pytest

from reminder_site.domain.alert_judging import Standing, judge
from reminder_site.domain.alert_measures import Figures, OfClinic, Usual, by_chance, readings
from reminder_site.domain.alerts import BY_KEY, RULES

NOON = pendulum.datetime(2026, 5, 21, 16, 0, tz="UTC")
USUAL = Usual(final=4_000, failed=80, arrived=3_920, replies=800, open_seconds=200 * 3_600)
HOUR = 3_600


def well(now):
    """What a look finds on an ordinary noon."""
    clinic = OfClinic("elm", cap_used_ratio=0.4)
    return Figures(is_open=True, beat_at=now, final=100, failed=2, left=60, receipts=1, arrived_since=3, usual=USUAL,
                   taken=60, host="one", disk_free_ratio=0.6, disk_full_seconds=float("inf"), backup_at=now,
                   clinics=(clinic,))  # fmt: skip


def for_seconds(name):
    return lambda now, begun: {name: begun}


def of_clinic(**given):
    return lambda now, begun: {"clinics": (OfClinic("elm", **given),)}


def since(name, seconds):
    """Something that has lasted for so long as the threshold is reached, and goes on."""
    return lambda now, begun: {name: begun.subtract(seconds=seconds)}


def so_many(**given):
    return lambda now, begun: given


# The rule, the level, the figures from the moment on in which the threshold is crossed.
TROUBLES = {
    "worker silent": ("worker_silent", "page", since("beat_at", 91)),
    "outbox stuck": ("outbox_stuck", "page", since("oldest_due_at", 121)),
    "some texts fail": ("delivery_failing", "mail", so_many(final=400, failed=25, commonest="30007")),
    "every fourth text fails": ("delivery_failing", "page", so_many(final=40, failed=10, commonest="30007")),
    "receipts silent": ("receipts_silent", "page", so_many(left=50, receipts=0)),
    "replies silent": ("replies_silent", "page", so_many(arrived_since=150, silent_seconds=1.6 * HOUR)),
    "some signatures refused": ("signatures_refused", "mail", so_many(refused=6, taken=100)),
    "a fifth of the signatures": ("signatures_refused", "page", so_many(refused=6, taken=20)),
    "Twilio silent": ("twilio_stopped", "page", since("stopped_since", 121)),
    "one text unclear for long": ("doubt", "page", since("unclear_since", 1_801)),
    "many texts unclear": ("doubt", "page", so_many(unclear=21)),
    "clock off": ("clock_skew", "mail", so_many(skew_seconds=-31)),
    "clock far off": ("clock_skew", "page", so_many(skew_seconds=301)),
    "disk filling": ("disk_filling", "mail", so_many(disk_free_ratio=0.24)),
    "disk nearly full": ("disk_filling", "page", so_many(disk_free_ratio=0.09)),
    "disk full before evening": ("disk_filling", "page", so_many(disk_full_seconds=3.9 * HOUR)),
    "backup missed": ("backup_old", "mail", since("backup_at", 3 * HOUR + 1)),
    "no backup for a day": ("backup_old", "page", since("backup_at", 26 * HOUR + 1)),
    "budget nearly used": ("budget", "mail", of_clinic(cap_used_ratio=0.8)),
    "budget used, texts wait": ("budget", "page", of_clinic(cap_used_ratio=1.0, cap_waiting=1)),
    "inbox old": ("inbox_old", "mail", of_clinic(inbox_open_seconds=2 * HOUR + 1)),
}


def watched(trouble, *, seconds, standing=(), begun=NOON, first=0, every=30):
    """Look every half a minute; return (seconds, what, rule, level) of all that would be told, and what stands."""
    told = []
    for second in range(first, seconds + 1, every):
        now = begun.add(seconds=second)
        found = replace(well(now), **trouble(now, begun))
        judged = judge(readings(found, now), standing, is_open=found.is_open, now=now)
        standing = [each for each in judged.standing if each.over_at is None]
        told += [(second, event.what, event.standing.rule, event.standing.level) for event in judged.events]
    return told, standing


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_told_within_five_minutes_and_is_one_alert(name):
    rule, level, trouble = TROUBLES[name]
    told, _ = watched(trouble, seconds=600)
    assert [each[1:] for each in told] == [("fired", rule, level)]
    assert told[0][0] <= 300


def test_what_needs_a_person_is_told_after_half_an_hour_of_opening_hours():
    told, _ = watched(so_many(needs_review=2), seconds=2_400)
    assert told == [(1_800, "fired", "doubt", "mail")]
    assert watched(so_many(needs_review=2, is_open=False), seconds=7_200)[0] == []


def test_every_rule_is_tried():
    assert {rule for rule, _, _ in TROUBLES.values()} == set(BY_KEY) and len(RULES) == 13


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_over_five_minutes_after_it_is_mended(name):
    _, standing = watched(TROUBLES[name][2], seconds=600)
    told, standing = watched(so_many(), seconds=600, standing=standing, begun=NOON.add(seconds=630))
    assert [(second, what) for second, what, _, _ in told] == [(300, "over")] and standing == []


def test_an_ordinary_noon_is_well():
    assert watched(so_many(), seconds=600) == ([], [])


def test_what_wavers_about_its_threshold_is_told_once():
    def wavers(now, begun):
        return {"skew_seconds": 31 if (now - begun).total_seconds() % 120 < 60 else 29}

    assert len(watched(wavers, seconds=3_000)[0]) == 1


def test_what_comes_back_before_five_minutes_were_well_is_the_same_alert():
    def comes_and_goes(now, begun):
        return {"skew_seconds": 40 if (now - begun).total_seconds() % 300 < 30 else 0}

    assert [what for _, what, _, _ in watched(comes_and_goes, seconds=3_000)[0]] == ["fired"]


def test_two_looks_with_a_long_gap_between_are_no_lasting_trouble():
    stuck = Standing("outbox_stuck", "", page_since=NOON, seen_at=NOON)
    told, _ = watched(since("oldest_due_at", 121), seconds=0, standing=[stuck], begun=NOON.add(hours=10))
    assert told == []


def test_what_cannot_be_measured_neither_begins_nor_ends_anything():
    fired = Standing("backup_old", "", level="mail", firing_since=NOON, told_at=NOON, seen_at=NOON)
    told, standing = watched(so_many(backup_at=None), seconds=600, standing=[fired])
    assert told == [] and [each.rule for each in standing] == ["backup_old"]


@pytest.mark.parametrize(("failed", "of"), [(3, 40), (4, 60), (6, 100), (2, 39)])
def test_a_few_failures_among_few_texts_are_chance(failed, of):
    assert watched(so_many(final=of, failed=failed), seconds=60)[0] == []


def test_silence_is_none_where_hardly_anybody_ever_replies():
    seldom = replace(USUAL, replies=20)
    assert watched(so_many(arrived_since=150, silent_seconds=40 * HOUR, usual=seldom), seconds=60)[0] == []
    told, _ = watched(so_many(arrived_since=2_000, silent_seconds=40 * HOUR, usual=seldom), seconds=60)
    assert [each[2] for each in told] == ["replies_silent"]


def test_silence_is_waited_for_an_hour_at_least_and_a_working_morning_at_most():
    lively, quiet = replace(USUAL, replies=3_900), replace(USUAL, replies=400)
    for usual, hours in ((lively, 1), (quiet, 3), (replace(USUAL, replies=300), 4)):
        for more, fires in ((-60, False), (60, True)):
            silent = so_many(arrived_since=2_000, silent_seconds=hours * HOUR + more, usual=usual)
            assert bool(watched(silent, seconds=0)[0]) == fires, (usual.replies, more)


def test_chance_is_reckoned_exactly():
    assert by_chance(0, 10, 0.5) == 1.0
    assert by_chance(10, 10, 0.5) == pytest.approx(0.5**10)
    assert by_chance(1, 10, 0.1) == pytest.approx(1 - 0.9**10)


def test_words_name_the_figure():
    told = {name: watched(trouble, seconds=60)[1][0].words for name, (_, _, trouble) in TROUBLES.items()}
    assert told["worker silent"] == "It has not looked at the outbox for 2 min 31 s."
    assert told["every fourth text fails"] == "Failed in the last hour: 10 of 40, most of them with code 30007."
    assert told["budget used, texts wait"] == "It is reached; texts that wait: 1."
    assert told["disk nearly full"] == "9% of it is free."


def test_long_words_are_cut_to_what_is_kept():
    _, standing = watched(
        lambda now, begun: {"stopped_since": begun.subtract(hours=1), "stopped_why": "x" * 300}, seconds=0
    )
    assert len(standing[0].words) == 200


def test_a_few_strangers_at_the_door_of_a_quiet_site_are_no_page():
    assert watched(so_many(refused=5, taken=7), seconds=60)[0] == []
