"""What is put around a text written by hand, and what is asked before it leaves."""

from datetime import date, datetime, time

import pytest

from reminder_site.domain import hand_written
from reminder_site.domain.quiet_hours import QuietHours

QUIET = QuietHours(time(9), time(19))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("Please call us", "Elm Clinic: Please call us. STOP ends texts"),
        ("Please call us!", "Elm Clinic: Please call us! STOP ends texts"),
        ("Elm Clinic: please call.", "Elm Clinic: please call. STOP ends texts"),
        ("elm clinic here, please call", "elm clinic here, please call. STOP ends texts"),
        ("Please call. STOP ends texts", "Elm Clinic: Please call. STOP ends texts"),
        ("Please call. stop ends texts.", "Elm Clinic: Please call. stop ends texts."),
        ("STOP ends texts, but not visits", "Elm Clinic: STOP ends texts, but not visits. STOP ends texts"),
    ],
)
def test_a_text_begins_with_the_clinic_and_ends_with_how_to_stop_each_once(typed, text):
    assert hand_written.whole(typed, "Elm Clinic") == text
    assert hand_written.whole(text, "Elm Clinic") == text


def test_a_text_that_names_a_test_is_doubted_and_one_that_does_not_is_not():
    assert any("hiv" in words for words in hand_written.doubts("Your HIV test results are in"))
    assert hand_written.doubts("Please bring your card") == []


def test_who_confirms_a_text_confirms_no_other():
    marks = {hand_written.mark(typed) for typed in ("Your results", "Your results ", "Your result", "\ud800")}
    assert len(marks) == 4


def test_at_three_at_night_it_is_asked_whether_now_or_at_nine():
    asked = hand_written.hour_question(datetime(2026, 11, 3, 3), QUIET, {})
    assert (
        asked.words
        == "It is 3:00 am, and texts go out between 9:00 am and 7:00 pm. Send now, or on Tue 3 Nov, 9:00 am?"
    )
    assert asked.opening == datetime(2026, 11, 3, 9)


def test_by_day_nothing_is_asked():
    assert hand_written.hour_question(datetime(2026, 11, 3, 9), QUIET, {}) is None


@pytest.mark.parametrize(
    ("local", "closed", "why"),
    [
        (datetime(2026, 11, 1, 12), {}, "the clinic does not text on Sundays"),
        (datetime(2026, 11, 2, 12), {date(2026, 11, 2): "Training"}, "Mon 2 Nov is a closed day (Training)"),
    ],
)
def test_a_day_without_texts_is_asked_about_as_well(local, closed, why):
    assert why in hand_written.hour_question(local, QUIET, closed).words


def test_an_opening_that_comes_too_late_is_not_offered():
    local = datetime(2026, 11, 3, 3)
    assert hand_written.hour_question(local, QUIET, {}, datetime(2026, 11, 3, 9)).opening is None
    assert hand_written.hour_question(local, QUIET, {}, datetime(2026, 11, 3, 9, 1)).opening == datetime(2026, 11, 3, 9)
    assert hand_written.hour_question(local, QUIET, {}, datetime(2026, 11, 3, 8)).words.endswith("Send now?")
