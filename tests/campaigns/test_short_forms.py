"""The failure campaigns in short: what `make campaign` runs for longer. Each prints the seed that replays it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.campaigns import (
    audit_tampering,
    clerks,
    dawdlers,
    early,
    faults,
    full_disk,
    hints,
    kills,
    missed,
    named_points,
    outage,
    pauses,
    restores,
    sender,
    signatures,
    silence,
    stops,
    storms,
)  # fmt: skip
from tests.stores import needed, postgres_url, redis_url

pytestmark = pytest.mark.slow
# How much faster deadlines and waits pass, for most of a campaign is waiting; the long forms have 80. At twice that a
# busy machine does not end a look within its lease.
QUICK = {"speed": 120}
SOON = {"now": 3, "shortly": 2}
IN_MEMORY, ROOM_BYTES = Path("/dev/shm"), 1 << 28


@pytest.fixture
def tmp_path(tmp_path):
    """Hold the campaign in memory where that can be: it ends processes, not machines, and need not wait for disks."""
    if not os.access(IN_MEMORY, os.W_OK) or shutil.disk_usage(IN_MEMORY).free < ROOM_BYTES:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=IN_MEMORY) as folder:
        yield Path(folder)


def at_hand(store):
    """Skip, with a reason that shows, what needs a PostgreSQL that does not answer."""
    if store == "postgresql":
        needed(postgres_url(), "PostgreSQL")


def kept(figures):
    """Show the figures with their seed, and insist on every promise."""
    print(figures)  # noqa: T201 - pytest shows it when the test fails
    assert figures.clean, figures


@pytest.mark.timeout(240)
def test_eight_kills_lose_nothing_and_double_nothing(tmp_path):
    kept(figures := kills.run(tmp_path, seed=1, kills=8, messages=40, **QUICK))
    assert (figures.kills, figures.messages, figures.parked) == (8, 40, 0)


def test_pauses_longer_than_the_lease_double_nothing(tmp_path):
    kept(figures := pauses.run(tmp_path, seed=2, pauses=4, messages=24, **QUICK))
    assert (figures.parked, figures.more["at_a_named_place"]) == (0, 4)


@pytest.mark.timeout(240)
def test_a_death_at_any_point_of_leaving_and_of_hearing_costs_nothing(tmp_path):
    kept(figures := named_points.run(tmp_path, seed=0, scenes="few", **QUICK))
    assert (figures.more["never_reached"], len(figures.more["died"])) == ([], 15)


@pytest.mark.timeout(240)
def test_each_kind_of_trouble_leaves_exactly_one_text(tmp_path):
    kept(figures := faults.run(tmp_path, seed=3, each=3, **QUICK))
    assert figures.parked == 0
    assert figures.more["struck"] == dict.fromkeys(faults.KINDS, 3) | faults.TIMES


def test_after_an_outage_texts_come_back_gently_and_none_too_late(tmp_path):
    kept(figures := outage.run(tmp_path, seed=15, messages=75, **QUICK))
    assert (figures.more["too_fast"], figures.more["too_late"]) == (False, 0)
    assert (figures.more["expired"], figures.more["left_afterwards"]) == (15, 60)


def test_a_day_without_a_sender_gives_nothing_up_and_lists_who_was_not_told(tmp_path):
    kept(figures := sender.run(tmp_path, seed=19, messages=30, steps=2, **QUICK))
    assert (figures.more["given_up"], figures.more["untold"], figures.more["still_paused"]) == (0, 0, 0)
    assert (figures.more["left"], figures.more["listed"]) == (20, 10)


def test_a_restored_copy_texts_nobody_twice_and_leaves_no_ghost(tmp_path):
    told = restores.run(tmp_path, seed=4, restores=1, messages=30, **QUICK)
    assert (told["doubled"], told["ghosts"], told["lost"], told["integrity"]) == ([], [], [], "ok")


def test_with_every_hint_lost_the_sweep_finds_all_in_time(tmp_path):
    kept(figures := hints.none_arrive(tmp_path, seed=5, messages=20, seconds=1, sweep_seconds=1, spread=SOON))
    assert figures.more["late_at_most_seconds"] <= hints.WITHIN_SECONDS


def test_emptying_redis_loses_nothing(tmp_path):
    needed(redis_url(), "Redis")
    kept(hints.emptied(tmp_path, seed=6, messages=30, times=3, **QUICK))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_receipts_in_any_order_end_in_the_highest_state(tmp_path, store):
    at_hand(store)
    told = storms.run(tmp_path, seed=7, messages=20, events=300, at_once=3, store=store)
    assert (told["events"], told["wrong"], told["refused"], told["integrity"]) == (300, 0, 0, "ok")


def test_with_every_receipt_lost_each_text_is_right_within_ten_minutes(tmp_path):
    told = silence.run(tmp_path, seed=17, messages=30)
    assert (told["wrong"], told["integrity"], len(told["ends"])) == ([], "ok", 5)
    assert told["right_after"]["600 s"] > 0, "no text ended after the first question"


def test_a_receipt_that_overtakes_its_answer_is_adopted_once(tmp_path):
    kept(figures := early.run(tmp_path, seed=8, messages=30, **QUICK))
    assert figures.more["early"] > 0


def test_a_forged_request_is_never_taken_and_a_genuine_one_always(tmp_path):
    told = signatures.run(tmp_path, seed=9, mutations=200, genuine=5)
    assert (told["accepted"], told["refused"], told["answers"]) == ([], [], {403: 200})
    assert set(told["genuine"].values()) == {5} and len(told["genuine"]) == 10


def test_whatever_is_done_to_the_audit_behind_the_sites_back_is_found(tmp_path):
    told = audit_tampering.run(tmp_path, seed=16, entries=20, whole=1)
    assert (told["missed"], told["integrity"]) == ([], "ok")
    assert len(told["found"]) == 16 and set(told["found"].values()) == {20}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_of_two_edits_at_once_exactly_one_wins(tmp_path, store):
    at_hand(store)
    told = clerks.edits(tmp_path, seed=10, pairs=8, store=store)
    assert (told["wrong"], told["warned"]) == (0, 8)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_form_sent_fifty_times_at_once_books_once(tmp_path, store):
    at_hand(store)
    assert clerks.submits(tmp_path, seed=11, forms=1, store=store)["wrong"] == 0


def test_eight_writers_never_find_the_database_locked(tmp_path):
    told = clerks.writers(tmp_path, seed=12, seconds=1)
    assert (told["errors"], told["integrity"]) == ([], "ok")
    assert told["writes"] > 0


def test_what_no_webhook_brought_counts_once_and_in_order(tmp_path):
    told = missed.run(tmp_path, seed=18, texts=60)
    assert (told["missed"], told["wrong"], told["integrity"]) == (0, [], "ok")
    assert told["found_late"] > 0


def test_nothing_is_decided_after_a_stop_is_stored(tmp_path):
    kept(figures := stops.run(tmp_path, seed=13, patients=16))
    assert figures.more["stopped"] == 16
    assert (figures.more["decided_after_stop"], figures.more["still_scheduled"]) == (0, 0)


def test_a_full_disk_leaves_nothing_unrecorded_and_says_so(tmp_path):
    kept(figures := full_disk.run(tmp_path, seed=14, points=2, messages=20, **QUICK))
    assert (figures.more["unrecorded_creates"], figures.more["health_afterwards"]) == (0, 200)
    assert any(said.startswith("503") for said in figures.more["told"])


def test_clients_that_dawdle_or_send_too_much_keep_nobody_waiting(tmp_path):
    told = dawdlers.run(tmp_path, seed=1, unfinished=40, slow=40, large=8, seconds=1.5, patience=10)
    assert (told["refused"], told["wrong"]) == ([], []), told
