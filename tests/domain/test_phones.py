"""Numbers are taken in every way people type them, and refused in words that say what to do."""

import json
from pathlib import Path

import pytest

from reminder_site.domain import phones

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
needs_shared_data = pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")


def govuk():
    return json.loads((SHARED_DATA / "phone" / "govuk_notify_vectors.json").read_text("utf-8"))


def refusal(typed, region="GB", door=phones.read):
    with pytest.raises(phones.PhoneRefused) as caught:
        door(typed, region)
    return caught.value


@needs_shared_data
def test_every_example_number_reads_the_same_in_all_four_formats():
    file = SHARED_DATA / "phone" / "libphonenumber_examples_9.0.43.json"
    examples = json.loads(file.read_text("utf-8"))
    wrong = [
        (row["region"], row[style])
        for row in examples
        for style in ("national", "international", "e164", "rfc3966")
        if phones.parse(row[style], row["region"]).e164 != row["e164"]
    ]
    assert (len(examples), wrong) == (917, [])


@needs_shared_data
def test_examples_that_cannot_be_texted_are_refused_and_the_others_taken():
    file = SHARED_DATA / "phone" / "libphonenumber_examples_9.0.43.json"
    for row in json.loads(file.read_text("utf-8")):
        if row["type"] in ("TOLL_FREE", "PREMIUM_RATE"):
            assert refusal(row["e164"], row["region"]).words, row
        kind = phones.parse(row["e164"], row["region"]).kind
        if row["type"] in ("MOBILE", "VOIP"):
            assert kind in phones.TEXTABLE, row
        if row["type"] == "FIXED_LINE":
            assert kind in ("landline", "landline or mobile"), row


@needs_shared_data
def test_british_mobiles_are_taken_as_people_type_them():
    vectors = govuk()
    assert {phones.read(n, "GB").e164 for n in vectors["valid_uk_mobile_phone_numbers"]} == {"+447723456789"}
    for typed in vectors["valid_channel_island_numbers"]:
        assert phones.read(typed, "GB").e164 == typed
    for typed in vectors["valid_uk_landlines"]:
        assert phones.parse(typed, "GB").e164.startswith("+44")


@needs_shared_data
def test_wrong_british_numbers_are_refused_with_the_reason():
    vectors = govuk()
    wrong = vectors["invalid_uk_mobile_phone_numbers"]
    assert {refusal(n).reason for n in wrong["TOO_LONG"]} == {"too long"}
    assert {refusal(n).reason for n in wrong["INVALID_NUMBER"]} <= {"too short", "impossible"}
    assert {refusal(n).reason for n in wrong["UNKNOWN_CHARACTER"]} <= {"letters", "characters"}
    assert all(refusal(n).words for n in vectors["invalid_uk_landlines"])


@needs_shared_data
def test_foreign_numbers_are_taken_with_plus_or_00_and_suggested_without():
    for typed in govuk()["valid_international_phone_numbers"]:
        if typed.startswith(("+", "00")):
            assert phones.parse(typed, "GB").e164.startswith("+")
            assert phones.parse(typed, "US").e164 == phones.parse(typed, "GB").e164
        else:
            refused = refusal(typed, door=phones.parse)
            assert refused.reason == "needs plus"
            assert refused.suggestion in refused.words
            assert phones.parse(refused.suggestion, "GB")


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("(202) 555-0104", "US", "+12025550104"),
        ("1 202.555.0104", "US", "+12025550104"),
        ("+0012025550104", "US", "+12025550104"),
        ("0044 7723 456789", "US", "+447723456789"),
        ("٠٧٧٢٣ ٤٥٦٧٨٩", "GB", "+447723456789"),
        ("＋４４ ７７２３ ４５６７８９", "GB", "+447723456789"),
        ("(+44) 7723\u2013456\u2212789", "GB", "+447723456789"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("0171/1234567", "DE", "+491711234567"),
    ],
)
def test_habits_of_other_places_are_understood(typed, region, e164):
    assert phones.read(typed, region).e164 == e164


@pytest.mark.parametrize(
    ("typed", "reason", "hint"),
    [
        ("", "empty", "Type a phone number"),
        (" \u200b\t", "empty", "Type a phone number"),
        ("+", "empty", "Type a phone number"),
        ("07723", "too short", "07400 123456"),
        ("+44 7723 456 789 123 456", "too long", "Britain (UK)"),
        ("07723 456789 ext 4", "letters", "extensions"),
        ("07723 456 78é", "letters", "digits"),
        ("12025550104", "needs plus", "+1 202-555-0104"),
        ("0612345678", "impossible", "another country starts with +"),
        ("+999 12345678", "impossible", "country code"),
        ("07700 900123", "impossible", "check the digits"),
        ("020 7946 0991", "landline", "cannot get texts; leave the number out or use a mobile"),
        ("0909 879 0000", "premium rate", "Use a mobile"),
        ("0808 157 0192", "toll-free", "leave it out"),
        ("076 2345 6789", "pager", "pager"),
        ("9" * 400, "too long", "too long"),
        ("\x00" * 5, "empty", "Type"),
    ],
)
def test_refusals_say_what_is_wrong_and_what_to_do(typed, reason, hint):
    refused = refusal(typed)
    assert (refused.reason, hint in refused.words) == (reason, True), refused.words


def test_numbers_are_shown_nationally_at_home_and_with_their_code_elsewhere():
    assert phones.show("+447723456789", "GB") == "07723 456789"
    assert phones.show("+447723456789", "US") == "+44 7723 456789"
    assert phones.show("+12025550104", "US") == "(202) 555-0104"
    assert phones.show("nonsense", "US") == "nonsense"
    assert phones.last_two("+12025550104") == "04"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("07700 900", "7700900"),
        ("+44 (0)7700", "447700"),
        ("0044 77", "4477"),
        ("202-555", "202555"),
        ("Ann 7", None),
        ("07", None),
        ("", None),
    ],
)
def test_a_typed_piece_of_a_number_becomes_searchable_digits(text, digits):
    assert phones.digits_fragment(text) == digits


def test_every_country_offered_has_a_name_and_readable_numbers():
    choices = dict(phones.country_choices())
    assert choices["US"] == "United States"
    assert len(choices) > 240
    assert all(name.strip() for name in choices.values())
    assert list(choices.values()) == sorted(choices.values())
