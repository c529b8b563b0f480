"""What a press on a page counts for, given when the page went out and what was pressed on it before."""

import pendulum
import pytest

from reminder_site.domain.issued_page import EarlierPress, IssuedPage, weigh

NOON = pendulum.datetime(2026, 11, 20, 12)


@pytest.mark.parametrize(("seconds", "soon"), [(0, True), (1.499, True), (1.5, False), (86_400, False), (-5, True)])
def test_nobody_reads_a_page_in_less_than_one_and_a_half_seconds(seconds, soon):
    assert IssuedPage("a", 1, "", NOON).too_soon(NOON.add(seconds=seconds)) is soon


@pytest.mark.parametrize(
    ("kind", "earlier", "sure", "weight"),
    [
        ("confirm", None, False, "first"),
        ("change", None, False, "first"),
        ("undo", None, False, "first"),
        ("cannot_come", None, False, "sure"),
        ("cannot_come", ("cannot_come", False), False, "sure"),
        ("cannot_come", ("cannot_come", False), True, "first"),
        ("cannot_come", ("cannot_come", True), True, "repeated"),
        ("cannot_come", ("cannot_come", True), False, "repeated"),
        ("confirm", ("confirm", True), False, "repeated"),
        ("confirm", ("cannot_come", False), False, "contradicts"),
        ("cannot_come", ("confirm", True), False, "contradicts"),
        ("cannot_come", ("", False), True, "contradicts"),
        ("keep", None, True, "contradicts"),
        ("keep", ("cannot_come", True), True, "contradicts"),
    ],
)
def test_a_press_acts_once_and_never_against_another_of_the_same_page(kind, earlier, sure, weight):
    assert weigh(kind, EarlierPress(*earlier) if earlier else None, sure=sure) == weight
