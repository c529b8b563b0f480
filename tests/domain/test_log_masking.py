"""What a log line may hold: numbers, links and private fields are taken out, errors are told by what they are."""

import sqlite3

import pytest

from reminder_site.domain import log_masking
from reminder_site.domain.refusals import TextTooLong

NUMBERS = [
    "+12125550142", "whatsapp:+447700900123", "+44 7700 900123", "(212) 555-0142", "212-555-0142", "212.555.0142",
    "12125550142", "2125550142",
]  # fmt: skip
KEPT = [
    "message 4538 stumbled", "from 192.168.101.203", "since 2026-11-02 14:00:00+00:00", "[Errno 2] no such file",
    "SM0123456789abcdef0123456789abcdef", "8e03978e-40d5-43e8-bc93-6894a57f9324", "at 2026-11-02T14:00:00.123Z",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_no_number_gets_into_a_line(number):
    assert log_masking.masked(f"no answer for {number}, again") == "no answer for {}, again".format(
        number.partition("+")[0] * ("+" in number) + log_masking.WITHHELD
    )


@pytest.mark.parametrize("words", KEPT)
def test_what_is_no_number_stays(words):
    assert log_masking.masked(words) == words


def test_a_patients_link_and_a_callbacks_token_are_no_keys_any_more():
    assert log_masking.masked('"GET /m/Ab3dEf6hIj9k/calendar.ics HTTP/1.1" 200') == (
        '"GET /m/…/calendar.ics HTTP/1.1" 200'
    )
    assert log_masking.masked("POST /webhooks/twilio/status/Zz9?x=1") == "POST /webhooks/twilio/status/…?x=1"


def test_private_fields_are_withheld_and_others_masked():
    given = {
        "body": "see you Friday",
        "First_Name": "Carol",
        "seconds": 1.5,
        "route": "day.home",
        "what": "+12125550142",
    }
    assert log_masking.fields(given) == {
        "body": "(withheld)", "First_Name": "(withheld)", "seconds": 1.5, "route": "day.home", "what": "(withheld)",
    }  # fmt: skip


def test_an_error_is_told_by_its_type_and_code_and_in_words_only_if_they_are_ours():
    assert log_masking.brief(ValueError("Carol Reed")) == "ValueError"
    assert log_masking.brief(OSError(28, "No space left on device", "/x/Carol")) == "OSError (No space left on device)"
    assert "TextTooLong" in log_masking.brief(TextTooLong("+12125550142"))
    assert "0142" not in log_masking.brief(TextTooLong("+12125550142"))
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(":memory:").execute("SELECT Carol")
    assert log_masking.brief(caught.value) == "OperationalError (SQLITE_ERROR)"


def test_an_exception_says_where_it_arose_with_its_causes_and_nobodys_words():
    def inner():
        return {}["Carol"]

    try:
        try:
            inner()
        except KeyError as error:
            raise RuntimeError("Carol again") from error
    except RuntimeError as error:
        told = log_masking.told(error)
    assert "KeyError" in told and "RuntimeError" in told and 'inner: return {}["Carol"]' in told
    assert "Carol again" not in told.replace('raise RuntimeError("Carol again")', "")


@pytest.mark.parametrize("given", ["8e03978e-40d5-43e8-bc93-6894a57f9324", "a1b2c3d4", "Root_1-67891233"])
def test_a_plain_request_id_is_taken(given):
    assert log_masking.sane_request_id(given) == given


@pytest.mark.parametrize(
    "given", ["", "short1", "12125550142", "a" * 65, "abc defgh", "abcdefg\n", "x=1;drop-all", "éabcdefgh"]
)
def test_any_other_is_not(given):
    assert log_masking.sane_request_id(given) == ""
