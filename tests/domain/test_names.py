"""How names are written out and found."""

import pytest

from reminder_site.domain.names import fold, full_name, search_name


@pytest.mark.parametrize(
    ("first", "last", "found_by"),
    [
        ("Ann", "Lee", "lee ann"),
        ("Zoë", "Müller", "muller zoe"),
        ("Søren", "Łukasz-O’Neill", "lukasz oneill soren"),
        ("李", "小龙", "小龙 李"),
        ("STRASSE", "Weiß", "weiss strasse"),
        ("Cher", "", "cher"),
        ("***", "", "***"),
    ],
)
def test_a_name_is_found_without_accents_and_family_name_first(first, last, found_by):
    assert search_name(first, last) == found_by


def test_what_is_typed_folds_like_what_is_stored():
    assert search_name("Søren", "O'Neill").startswith(fold("oneill s"))


def test_a_name_is_written_first_name_first():
    assert full_name("Ann", "Lee") == "Ann Lee"
    assert full_name("Cher", "") == "Cher"
