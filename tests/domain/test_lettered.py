"""A list with letters says which appointments there are; what answers it plainly counts, the rest does not."""

import pytest

from reminder_site.domain import segments
from reminder_site.domain.lettered import Item, read, write

FAMILY = {"A": "Ann", "B": "Leo"}


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        ("A1", {"A": "confirm"}),
        ("a 1", {"A": "confirm"}),
        ("1A", {"A": "confirm"}),
        ("B3.", {"B": "cannot_come"}),
        ("A1 B3", {"A": "confirm", "B": "cannot_come"}),
        ("a1,b3", {"A": "confirm", "B": "cannot_come"}),
        ("A1B3", {"A": "confirm", "B": "cannot_come"}),
        ("A = 1, B = 2", {"A": "confirm", "B": "change"}),
        ("A and B 1", {"A": "confirm", "B": "confirm"}),
        ("A and B: 1 please", {"A": "confirm", "B": "confirm"}),
        ("both 1", {"A": "confirm", "B": "confirm"}),
        ("all yes", {"A": "confirm", "B": "confirm"}),
        ("Yes to all", {"A": "confirm", "B": "confirm"}),
        ("1 for both, thanks", {"A": "confirm", "B": "confirm"}),
        ("Ann 1 Leo 3", {"A": "confirm", "B": "cannot_come"}),
        ("leo can't come", {"B": "cannot_come"}),
        ("los dos 1", {}),
        ("todos sí", {"A": "confirm", "B": "confirm"}),
    ],
)
def test_a_plain_answer_to_a_list_counts_for_its_letters(reply, means):
    assert read(reply, FAMILY) == means


@pytest.mark.parametrize(
    "reply",
    ["1", "yes", "A", "A or B?", "A1?", "A1 A3", "C1", "A maybe", "A 2:30", "Ann", "which is A", "A1 B"],
)
def test_an_answer_in_doubt_counts_for_none(reply):
    assert read(reply, FAMILY) == {}


def test_a_name_on_two_lines_chooses_none():
    assert read("Ann 1", {"A": "Ann", "B": "Ann"}) == {}
    assert read("B1", {"A": "Ann", "B": "Ann"}) == {"B": "confirm"}


def test_a_list_names_whom_it_is_about_and_fits_two_segments():
    text = write("Elm Clinic", "020 7946 0000", [Item("Ann", "Fri 20 Nov 2:30pm"), Item("Leo", "Fri 20 Nov 3:00pm")])
    assert "A Ann Fri 20 Nov 2:30pm, B Leo Fri 20 Nov 3:00pm" in text
    assert segments.count(text).segments <= 2


def test_one_patients_list_leaves_her_name_out_and_too_long_a_list_is_for_a_person():
    item = Item("Ann", "Fri 20 Nov 2:30pm")
    assert "Ann" not in write("Elm Clinic", "020 7946 0000", [item, item])
    assert write("Elm Clinic", "020 7946 0000", [item] * 6) == ""
    three = [Item(name * 26, "Fri 20 Nov 3:00pm") for name in ("Ann", "Leo", "Tim")]
    assert write("Elm Clinic", "020 7946 0000", three) == ""
