"""Wall times become instants; those that do not exist or exist twice are asked about."""

from datetime import UTC, datetime

import pendulum
import pytest

from reminder_site.domain.times import NoSuchTime, TimeHappensTwice, first_valid, moment, resolve, to_local, utc

NEW_YORK = "America/New_York"
TWICE = datetime(2026, 11, 1, 1, 30)
NEVER = datetime(2027, 3, 14, 2, 30)


def test_an_ordinary_time_has_one_instant():
    placed = moment(datetime(2026, 12, 15, 10), "America/Vancouver")
    assert placed.at == pendulum.datetime(2026, 12, 15, 17)
    assert (placed.local, placed.zone, placed.fold) == (datetime(2026, 12, 15, 10), "America/Vancouver", 0)
    assert placed.at.timezone_name == "UTC"


def test_a_time_that_happens_twice_is_asked_about_in_words():
    with pytest.raises(TimeHappensTwice) as question:
        moment(TWICE, NEW_YORK)
    assert question.value.words == (
        "1:30 am happens twice on Sunday 1 November 2026, when the clocks go back. "
        "Which one: the first (EDT) or the second (EST)?"
    )
    assert [choice.words for choice in question.value.choices] == [
        "the first 1:30 am (EDT)",
        "the second 1:30 am (EST)",
    ]


def test_a_time_that_does_not_exist_is_asked_about_in_words():
    with pytest.raises(NoSuchTime) as question:
        moment(NEVER, NEW_YORK)
    assert question.value.words == (
        "2:30 am does not exist on Sunday 14 March 2027: the clocks go forward from 2:00 am to 3:00 am. "
        "Use 1:30 am (EST) or 3:30 am (EDT)?"
    )


@pytest.mark.parametrize(
    ("local", "choice", "wall", "fold", "hour"),
    [
        (TWICE, "first", TWICE, 0, 5),
        (TWICE, "second", TWICE, 1, 6),
        (NEVER, "earlier", datetime(2027, 3, 14, 1, 30), 0, 6),
        (NEVER, "later", datetime(2027, 3, 14, 3, 30), 0, 7),
    ],
)
def test_both_answers_can_be_given(local, choice, wall, fold, hour):
    placed = moment(local, NEW_YORK, choice=choice)
    assert (placed.local, placed.fold, placed.at.hour, placed.at.minute) == (wall, fold, hour, 30)
    assert resolve(placed.local, NEW_YORK, placed.fold) == placed.at


@pytest.mark.parametrize(("local", "choice"), [(TWICE, "later"), (NEVER, "first"), (TWICE, "")])
def test_an_answer_to_another_question_is_refused(local, choice):
    with pytest.raises(ValueError, match="not an answer"):
        moment(local, NEW_YORK, choice=choice)


def test_an_answer_is_ignored_where_nothing_is_doubtful():
    assert moment(datetime(2026, 6, 1, 9), NEW_YORK, choice="second").fold == 0


def test_a_whole_day_that_was_skipped_names_the_days():
    with pytest.raises(NoSuchTime) as question:
        moment(datetime(2011, 12, 30, 9), "Pacific/Apia")
    assert "9:00 am on Thursday 29 December 2011 (UTC-10:00) or 9:00 am on Saturday 31" in question.value.words
    placed, note = first_valid(datetime(2011, 12, 30, 9), "Pacific/Apia")
    assert placed.local == datetime(2011, 12, 31)
    assert note.endswith("12:00 am on Saturday 31 December 2011 is used")


def test_a_zone_without_letters_names_its_offsets():
    with pytest.raises(NoSuchTime, match=r"1:45 am \(UTC\+10:30\) or 2:45 am \(UTC\+11:00\)"):
        moment(datetime(2026, 10, 4, 2, 15), "Australia/Lord_Howe")


def test_a_rule_takes_the_first_valid_instant_and_says_so():
    placed, note = first_valid(NEVER, NEW_YORK)
    assert (placed.local, placed.at) == (datetime(2027, 3, 14, 3), pendulum.datetime(2027, 3, 14, 7))
    assert note == "2:30 am does not exist on Sunday 14 March 2027, when the clocks go forward; 3:00 am is used"


def test_a_rule_takes_the_first_of_two_and_says_so():
    placed, note = first_valid(TWICE, NEW_YORK)
    assert (placed.fold, placed.at) == (0, pendulum.datetime(2026, 11, 1, 5, 30))
    assert note.endswith("the first is used")
    assert first_valid(datetime(2026, 6, 1, 9), NEW_YORK)[1] is None


@pytest.mark.parametrize("fold", [0, 1])
def test_a_stored_time_outlives_a_change_of_the_zone_data(fold):
    assert resolve(NEVER, NEW_YORK, fold) == pendulum.datetime(2027, 3, 14, 7)
    assert resolve(datetime(2026, 6, 1, 9), NEW_YORK, fold) == pendulum.datetime(2026, 6, 1, 13)


def test_a_wall_time_with_an_offset_is_refused():
    with pytest.raises(ValueError, match="no offset"):
        moment(datetime(2026, 1, 1, tzinfo=UTC), NEW_YORK)


@pytest.mark.parametrize(("local", "zone"), [(datetime(9999, 12, 31, 23), NEW_YORK), (datetime(1, 1, 1), "Asia/Tokyo")])
def test_a_day_beyond_the_calendar_is_refused(local, zone):
    with pytest.raises(ValueError, match="calendar"):
        moment(local, zone)


def test_the_two_halves_of_a_doubled_hour_stay_apart():
    first, second = (moment(TWICE, NEW_YORK, choice=choice).at for choice in ("first", "second"))
    assert first < second
    assert [to_local(at, NEW_YORK).fold for at in (first, second)] == [0, 1]


def test_any_aware_moment_becomes_utc():
    assert utc(pendulum.datetime(2026, 1, 1, 12, tz="Asia/Tokyo")) == pendulum.datetime(2026, 1, 1, 3)
    assert utc(datetime(2026, 1, 1, 12, 0, 0, 7, tzinfo=UTC)).microsecond == 7
