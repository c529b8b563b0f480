"""The plan of one appointment: every rule has its instant or a skip, and the sentence that explains it."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from reminder_site.domain.planning import DEFAULT_RULES, Notice, Rule
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.times import moment

ALL_ON = tuple(replace(rule, enabled=True) for rule in DEFAULT_RULES)
WITHOUT_CONFIRMATION = ALL_ON[1:]


def at(*local, zone="America/New_York"):
    return moment(datetime(*local), zone).at


def locals_of(steps):
    return {key: step.local for key, step in steps.items() if not step.skipped}


def test_an_ordinary_booking_has_a_confirmation_and_two_reminders(facts, planned):
    steps = planned(facts())
    assert locals_of(steps) == {
        "confirmation": datetime(2026, 11, 2, 9, 17),
        "3_days": datetime(2026, 11, 17, 10),
        "1_day": datetime(2026, 11, 19, 10),
    }
    assert steps["3_days"].why == "3 days before, at 10:00 am"
    assert steps["2_hours"].why == "skipped: this rule is switched off"
    assert steps["1_day"].send_at == at(2026, 11, 19, 10)


def test_a_day_before_keeps_its_wall_time_over_a_clock_change(facts, planned):
    steps = planned(facts(datetime(2027, 3, 15, 9), booked=datetime(2027, 3, 1, 9)), quiet=QuietHours(sundays=True))
    assert steps["1_day"].local == datetime(2027, 3, 14, 10)
    assert (at(2027, 3, 15, 9) - steps["1_day"].send_at).total_seconds() == 23 * 3600
    assert (at(2027, 3, 15, 9) - steps["3_days"].send_at).total_seconds() == 70 * 3600


def test_hours_before_are_hours_on_the_clock_change_night(facts, planned):
    hospital = QuietHours(time(0), time(0), sundays=True)
    rules = [Rule("h", "4 hours before", "hours_before", hours=4)]
    steps = planned(facts(datetime(2027, 3, 14, 5), booked=datetime(2027, 3, 1, 9)), rules, quiet=hospital)
    assert steps["h"].local == datetime(2027, 3, 14, 0)


def test_a_rule_time_that_does_not_exist_says_what_is_used(facts, planned):
    rules = [Rule("d", "Night before", "days_before", days=1, at=time(2, 30))]
    appointment = facts(datetime(2027, 3, 15, 9), booked=datetime(2027, 3, 1, 9))
    step = planned(appointment, rules, quiet=QuietHours(time(0), time(0), sundays=True))["d"]
    assert step.local == datetime(2027, 3, 14, 3)
    assert step.why.endswith(
        "2:30 am does not exist on Sunday 14 March 2027, when the clocks go forward; 3:00 am is used"
    )


def test_a_reminder_on_a_sunday_moves_to_saturday_and_says_so(facts, planned):
    step = planned(facts(datetime(2026, 11, 30, 9, 30)))["1_day"]
    assert step.local == datetime(2026, 11, 28, 18, 59)
    assert step.why == (
        "1 day before, at 10:00 am; moved from Sun 29 Nov 10:00 am to Sat 28 Nov 6:59 pm "
        "because the clinic does not text on Sundays"
    )


def test_a_reminder_moves_past_a_closed_day_rather_than_back_to_the_confirmation(facts, planned):
    closed = {date(2026, 11, 3): "Election Day"}
    step = planned(facts(datetime(2026, 11, 4, 14, 30)), closed=closed)["1_day"]
    assert step.local == datetime(2026, 11, 4, 9)
    assert "Election Day" in step.why


def test_booked_less_than_a_day_ahead_the_confirmation_is_the_reminder(facts, planned):
    steps = planned(facts(datetime(2026, 11, 3, 8, 30)), ALL_ON)
    assert locals_of(steps) == {"confirmation": datetime(2026, 11, 2, 9, 17)}
    assert steps["1_day"].why == ("skipped: booked less than 24 hours ahead, so the confirmation is the reminder")
    assert steps["2_hours"].why == steps["1_day"].why
    assert steps["3_days"].why == ("skipped: its time, Sat 31 Oct, 10:00 am, had already passed when this was booked")


def test_booked_exactly_a_day_ahead_is_not_late(facts, planned):
    rules = [DEFAULT_RULES[0], Rule("h", "4 hours before", "hours_before", hours=4)]
    starts = datetime(2026, 11, 3, 14, 30)
    in_time, late = (facts(starts, booked=datetime(2026, 11, 2, 14, minute)) for minute in (30, 31))
    assert not planned(in_time, rules)["h"].skipped
    why = planned(late, rules)["h"].why
    assert why == "skipped: booked less than 24 hours ahead, so the confirmation is the reminder"


def test_without_a_confirmation_a_late_booking_keeps_its_reminders(facts, planned):
    steps = planned(facts(datetime(2026, 11, 3, 8, 30)), WITHOUT_CONFIRMATION)
    assert locals_of(steps) == {"1_day": datetime(2026, 11, 2, 10)}
    silent = planned(facts(datetime(2026, 11, 3, 8, 30), announced=False), ALL_ON)
    assert locals_of(silent) == {"1_day": datetime(2026, 11, 2, 10)}
    assert silent["confirmation"].why == "skipped: staff chose not to text about this change"


def test_a_reminder_due_right_at_booking_waits_for_the_undo_and_says_so(facts, planned):
    ten = datetime(2026, 11, 19, 10)
    step = planned(facts(datetime(2026, 11, 20, 9), booked=ten), WITHOUT_CONFIRMATION)["1_day"]
    assert (step.local, step.flagged) == (datetime(2026, 11, 19, 10, 2), False)
    assert step.why == "1 day before, at 10:00 am; at 10:02 am, once the time to undo has passed"


def test_a_reminder_close_to_the_confirmation_is_skipped(facts, planned):
    step = planned(facts(datetime(2026, 11, 4, 14, 30), booked=datetime(2026, 11, 2, 22, 30)), ALL_ON)["1_day"]
    assert step.why == "skipped: at Tue 3 Nov, 10:00 am it would be within 12 hours of the confirmation"


def test_two_reminders_close_together_become_the_earlier(facts, planned):
    steps = planned(facts(datetime(2026, 11, 30, 9, 30)), ALL_ON)
    assert steps["2_hours"].why == "skipped: at Sat 28 Nov, 6:59 pm it would be within 12 hours of “1 day before”"
    assert not steps["1_day"].skipped


@pytest.mark.parametrize(
    ("starts", "skipped"), [(datetime(2026, 11, 2, 10, 16), True), (datetime(2026, 11, 2, 10, 17), False)]
)
def test_nothing_is_sent_later_than_an_hour_before_the_start(facts, planned, starts, skipped):
    step = planned(facts(starts))["confirmation"]
    assert step.skipped == skipped
    assert "less than 60 min before the start" in step.why or not skipped
    assert skipped or step.useful_until == at(2026, 11, 2, 9, 32)


def test_a_shorter_lead_can_be_chosen(facts, planned):
    rules = [replace(DEFAULT_RULES[0], min_lead_minutes=0)]
    assert not planned(facts(datetime(2026, 11, 2, 9, 20)), rules)["confirmation"].skipped
    late = planned(facts(datetime(2026, 11, 2, 9, 16)), rules)["confirmation"]
    assert late.why == "skipped: it would leave at Mon 2 Nov, 9:17 am, less than 1 min before the start"


def test_the_confirmation_leaves_on_a_sunday_evening(facts, planned):
    booked = datetime(2026, 11, 8, 19, 30)
    assert planned(facts(booked=booked))["confirmation"].local == datetime(2026, 11, 8, 19, 32)


def test_the_confirmation_waits_for_the_morning_when_booked_at_night(facts, planned):
    step = planned(facts(booked=datetime(2026, 11, 7, 22, 15)))["confirmation"]
    assert (step.local, step.flagged) == (datetime(2026, 11, 8, 8), False)
    assert step.why.endswith("because texts go out between 8:00 am and 9:00 pm")


def test_the_confirmation_leaves_at_night_when_the_morning_is_too_late(facts, planned):
    step = planned(facts(datetime(2026, 11, 8, 9), booked=datetime(2026, 11, 7, 22, 15)))["confirmation"]
    assert (step.local, step.flagged) == (datetime(2026, 11, 7, 22, 17), True)


def test_a_clinic_that_allows_more_widens_the_window_of_the_confirmation(facts, planned):
    night = QuietHours(time(6), time(0))
    step = planned(facts(booked=datetime(2026, 11, 7, 22, 15)), quiet=night)["confirmation"]
    assert step.local == datetime(2026, 11, 7, 22, 17)


@pytest.mark.parametrize(
    ("confirmed", "asks"), [(False, [True, True, True, False]), (True, [True, True, False, False])]
)
def test_a_rule_asks_as_it_says(facts, planned, confirmed, asks):
    assert [step.asks for step in planned(facts(confirmed=confirmed)).values()] == asks


def test_useful_until_is_the_lead_before_the_start(facts, planned):
    steps = planned(facts(), ALL_ON)
    assert steps["1_day"].useful_until == at(2026, 11, 20, 13, 30)
    assert steps["2_hours"].useful_until == at(2026, 11, 20, 14, 15)


def test_an_opted_out_patient_gets_nothing_and_the_reason_is_given(facts, planned):
    steps = planned(facts(texts_on=False, texts_off_why="the patient opted out"))
    assert locals_of(steps) == {}
    assert {step.why for key, step in steps.items() if key != "2_hours"} == {"skipped: the patient opted out"}


def test_a_past_appointment_gets_nothing(facts, planned):
    steps = planned(facts(), now=at(2026, 11, 20, 14, 30))
    assert locals_of(steps) == {}
    assert steps["1_day"].why == "skipped: the time of the appointment has passed"


def test_an_appointment_that_ended_otherwise_gives_its_own_reason(facts, planned):
    steps = planned(facts(wanted=False, unwanted_why="the patient has arrived"))
    assert steps["1_day"].why == "skipped: the patient has arrived"


def test_a_notice_is_sent_and_reminders_keep_their_distance_from_it(facts, planned):
    told_at = at(2026, 11, 19, 9)
    steps = planned(facts(notice=Notice("still_on", told_at)), now=told_at.subtract(minutes=2))
    assert steps["still_on"].send_at == told_at
    assert "within 12 hours of the text that it is on after all" in steps["1_day"].why


def test_a_cancellation_is_told_and_stops_the_rest(facts, planned):
    told_at = at(2026, 11, 3, 9)
    notice = Notice("cancelled", told_at)
    steps = planned(facts(wanted=False, notice=notice), now=told_at.subtract(minutes=2))
    assert (steps["cancelled"].send_at, steps["cancelled"].asks) == (told_at, False)
    assert steps["cancelled"].useful_until == at(2026, 11, 20, 14, 30)
    assert steps["1_day"].why == "skipped: the appointment is cancelled"
    restored = planned(facts(notice=notice), now=told_at.subtract(minutes=1))
    assert restored["cancelled"].why == "skipped: the appointment is on again"


def test_a_move_is_told_instead_of_confirmed(facts, planned):
    moved_at = at(2026, 11, 3, 9)
    appointment = facts(timed_at=moved_at, notice=Notice("moved", moved_at.add(minutes=2)))
    steps = planned(appointment)
    assert (steps["moved"].asks, steps["moved"].send_at) == (True, moved_at.add(minutes=2))
    assert steps["confirmation"].why == "skipped: the text about the new time takes its place"
    told = planned(
        replace(appointment, notice=None, done={"moved": moved_at.add(minutes=2)}), now=moved_at.add(hours=1)
    )
    assert told["confirmation"].skipped


def test_a_move_to_less_than_a_day_ahead_makes_its_text_the_reminder(facts, planned):
    moved_at = at(2026, 11, 20, 9)
    notice = Notice("moved", moved_at.add(minutes=2))
    steps = planned(facts(datetime(2026, 11, 20, 17), timed_at=moved_at, notice=notice), ALL_ON)
    assert steps["2_hours"].why == (
        "skipped: moved to less than 24 hours ahead, so the text about the new time is the reminder"
    )
    assert steps["1_day"].why.endswith("had already passed when this was moved")


def test_what_was_sent_is_not_sent_again(facts, planned):
    done = {"confirmation": at(2026, 11, 2, 9, 17), "3_days": at(2026, 11, 17, 10)}
    steps = planned(facts(done=done), now=at(2026, 11, 17, 11))
    assert steps["3_days"].why == "already sent on Tue 17 Nov, 10:00 am"
    assert locals_of(steps) == {"1_day": datetime(2026, 11, 19, 10)}


def test_a_text_in_the_ledger_stays_while_the_worker_is_down(facts, planned):
    held = {"1_day": at(2026, 11, 19, 10)}
    late = planned(facts(held=held), now=at(2026, 11, 20, 13))["1_day"]
    assert late.send_at == held["1_day"]
    expired = planned(facts(held=held), now=at(2026, 11, 20, 13, 31))["1_day"]
    assert expired.why == "skipped: it could not be sent by Fri 20 Nov, 1:30 pm and is of no use after that"


def test_a_text_that_is_not_in_the_ledger_is_never_late(facts, planned):
    step = planned(facts(), now=at(2026, 11, 19, 10, 1))["1_day"]
    assert step.why == "skipped: its time, Thu 19 Nov, 10:00 am, has already passed"


def test_an_overdue_text_stays_due_when_its_rule_is_edited(facts, planned):
    rules = [replace(DEFAULT_RULES[2], at=time(10, 15))]
    step = planned(facts(held={"1_day": at(2026, 11, 19, 10)}), rules, now=at(2026, 11, 19, 10, 30))["1_day"]
    assert step.send_at == at(2026, 11, 19, 10)
    assert step.why.endswith("still to be sent: it was due Thu 19 Nov, 10:00 am")


def test_a_held_text_whose_edited_rule_has_passed_is_withdrawn(facts, planned):
    rules = [replace(DEFAULT_RULES[2], days=7)]
    step = planned(facts(held={"1_day": at(2026, 11, 19, 10)}), rules, now=at(2026, 11, 16, 9))["1_day"]
    assert step.why == "skipped: its time, Fri 13 Nov, 10:00 am, has already passed"


def test_new_quiet_hours_move_a_held_text_forward_when_before_is_gone(facts, planned):
    now = at(2026, 11, 28, 20)
    held = {"1_day": at(2026, 11, 29, 10)}
    step = planned(facts(datetime(2026, 11, 30, 14), held=held), now=now)["1_day"]
    assert step.local == datetime(2026, 11, 30, 9)
    again = planned(facts(datetime(2026, 11, 30, 14), held={"1_day": step.send_at}), now=now.add(hours=20))["1_day"]
    assert again.send_at == step.send_at


@pytest.mark.parametrize(("late_minutes", "stays"), [(2, True), (61, True), (62, False)])
def test_a_confirmation_that_left_a_little_late_does_not_withdraw_a_promised_reminder(
    facts, planned, late_minutes, stays
):
    booked, sent_at = datetime(2026, 11, 2, 21, 0), at(2026, 11, 2, 21, 1)
    wide = QuietHours(time(9), time(22))
    rules = [DEFAULT_RULES[0], Rule("d", "1 day before", "days_before", days=1, at=time(9, 2))]
    appointment = facts(datetime(2026, 11, 4, 14, 30), booked=booked)
    promised = planned(appointment, rules, quiet=wide)["d"]
    left_at = sent_at.add(minutes=late_minutes)
    later = replace(appointment, held={"d": promised.send_at}, done={"confirmation": left_at})
    again = planned(later, rules, quiet=wide, now=left_at.add(minutes=1))["d"]
    assert (again.send_at == promised.send_at) is stays


def test_a_reminder_due_at_once_still_waits_for_the_undo(facts, planned):
    appointment = facts(datetime(2026, 11, 4, 14, 30), booked=datetime(2026, 11, 3, 9, 59))
    assert planned(appointment, WITHOUT_CONFIRMATION)["1_day"].local == datetime(2026, 11, 3, 10, 1)


def test_a_reminder_that_gave_way_does_not_come_back_once_the_other_has_left(facts, planned):
    early = QuietHours(time(1), time(2))
    rules = [Rule(key, key, "days_before", days=0, at=time(0), min_lead_minutes=0) for key in ("one", "two")]
    appointment = facts(datetime(2026, 11, 20, 0, 1))
    promised = planned(appointment, rules, quiet=early)
    assert (promised["one"].local, promised["two"].skipped) == (datetime(2026, 11, 19, 1, 59), True)
    sent_at = promised["one"].send_at.add(seconds=25)
    later = planned(replace(appointment, done={"one": sent_at}), rules, quiet=early, now=sent_at.add(minutes=1))
    assert later["two"].skipped


def test_a_second_cancellation_is_told_and_an_earlier_move_still_counts(facts, planned):
    moved_at, told_at = at(2026, 11, 19, 18), at(2026, 11, 19, 19)
    done = {"moved-1": moved_at.add(minutes=2), "cancelled-2": moved_at.add(minutes=9)}
    changed = {"timed_at": moved_at, "done": done}
    steps = planned(facts(wanted=False, notice=Notice("cancelled", told_at), **changed), now=told_at)
    assert steps["cancelled"].send_at == told_at
    again = planned(facts(notice=Notice("still_on", told_at), **changed), ALL_ON, now=told_at)
    assert again["confirmation"].why == "skipped: the text about the new time takes its place"
    assert "so the text about the new time is the reminder" in again["2_hours"].why
