"""The Messages API as the SDK sees it: create, fetch, list, redact, delete, media, feedback, and the refusals."""

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from reminder_site.sandbox import identity
from tests.sandbox.conftest import PATIENT, START

SERVICE = {"messaging_service_sid": identity.MESSAGING_SERVICE_SID}
REFUSALS = [
    ({"to": "", "body": "x", **SERVICE}, 21604),
    ({"to": "12345", "body": "x", **SERVICE}, 21211),
    ({"to": PATIENT, "body": "x"}, 21603),
    ({"to": PATIENT, "body": "x", "messaging_service_sid": "MG" + "0" * 32}, 21701),
    ({"to": PATIENT, "body": "x", "from_": "+12025550999"}, 21606),
    ({"to": f"whatsapp:{PATIENT}", "body": "x", "from_": identity.SENDER_NUMBER}, 21910),
    ({"to": PATIENT, **SERVICE}, 21602),
    ({"to": PATIENT, "body": "x" * 1601, **SERVICE}, 21617),
    ({"to": PATIENT, "media_url": ["https://example.org/a.png"] * 11, **SERVICE}, 21623),
    ({"to": PATIENT, "media_url": ["ftp://example.org/a.png"], **SERVICE}, 21620),
    ({"to": PATIENT, "body": "x", "content_variables": '{"1": "a"}', **SERVICE}, 21654),
    ({"to": PATIENT, "body": "x", "content_sid": "HX" + "0" * 32, **SERVICE}, 21655),
    ({"to": PATIENT, "body": "x", "status_callback": "http://my_host/cb", **SERVICE}, 21609),
    ({"to": PATIENT, "body": "x", "status_callback": "http://host/" + "x" * 4000, **SERVICE}, 21609),
    ({"to": PATIENT, "body": "x", "validity_period": 36_001, **SERVICE}, 21624),
    ({"to": "+15005550001", "body": "x", **SERVICE}, 21211),
    ({"to": "+15005550002", "body": "x", **SERVICE}, 21612),
    ({"to": "+15005550003", "body": "x", **SERVICE}, 21408),
    ({"to": "+15005550004", "body": "x", **SERVICE}, 21610),
    ({"to": "+15005550009", "body": "x", **SERVICE}, 21614),
    ({"to": PATIENT, "body": "x", "from_": "+15005550001"}, 21212),
    ({"to": PATIENT, "body": "x", "from_": "+15005550007"}, 21606),
    ({"to": PATIENT, "body": "x", "from_": "+15005550008"}, 21611),
]


@pytest.mark.parametrize(("wanted", "code"), REFUSALS)
def test_a_bad_create_is_refused_with_twilios_code_and_keeps_nothing(sandbox, wanted, code):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.messages.create(**wanted)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert sandbox.held() == []


def test_a_text_through_the_service_is_accepted_then_sent_from_the_pool(sandbox):
    message = sandbox.text("Elm Clinic: see you")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    assert message.date_created == START
    sandbox.settle()
    sent = message.fetch()
    assert (sent.status, sent.from_, sent.num_segments) == ("delivered", identity.SENDER_NUMBER, "1")
    assert (sent.date_sent, sent.direction, sent.price) == (START, "outbound-api", "-0.00790")


def test_a_text_from_a_number_is_queued_with_its_segments_counted(sandbox):
    message = sandbox.messages.create(PATIENT, from_=identity.SENDER_NUMBER, body="x" * 161)
    assert (message.status, message.from_, message.num_segments) == ("queued", identity.SENDER_NUMBER, "2")


def test_an_unknown_text_is_not_found(sandbox):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.messages("SM" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_wrong_credentials_are_refused_and_the_api_key_is_accepted(sandbox):
    sandbox.client.auth = (identity.ACCOUNT_SID, "wrong")
    with pytest.raises(TwilioRestException) as refused:
        sandbox.text()
    assert (refused.value.status, refused.value.code) == (401, 20003)
    sandbox.client.auth = (identity.API_KEY, identity.API_SECRET)
    assert sandbox.text().status == "accepted"


def test_another_accounts_path_is_not_found(sandbox):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.client.api.v2010.accounts("AC" + "0" * 32).messages.create(PATIENT, body="x", **SERVICE)
    assert refused.value.code == 20404


def test_the_list_is_newest_first_and_pages_by_relative_address(sandbox):
    for number in range(7):
        sandbox.text(f"text {number}")
    assert [message.body for message in sandbox.messages.list(page_size=3)] == [f"text {n}" for n in range(6, -1, -1)]
    page = sandbox.messages.page(page_size=3)
    assert len(list(page)) == 3
    assert page.next_page_url.startswith(f"{sandbox.url}/2010-04-01/Accounts/")


def test_a_page_that_is_being_read_does_not_shift_when_new_texts_come(sandbox):
    for number in range(4):
        sandbox.text(f"text {number}")
    first = sandbox.messages.page(page_size=2)
    sandbox.text("late")
    assert [m.body for m in first] + [m.body for m in first.next_page()] == ["text 3", "text 2", "text 1", "text 0"]


def test_the_list_can_be_narrowed_by_number_and_by_when_it_was_sent(sandbox):
    sandbox.text("early")
    sandbox.settle()
    sandbox.set_clock(START.add(days=2))
    sandbox.text("late", to="+12025550177")
    sandbox.schedule(START.add(days=3), "waiting")
    sandbox.settle()
    listed = {
        "to": sandbox.messages.list(to=PATIENT),
        "from": sandbox.messages.list(from_=identity.SENDER_NUMBER),
        "day": sandbox.messages.list(date_sent=START.date()),
        "before": sandbox.messages.list(date_sent_before=START.add(days=1)),
        "after": sandbox.messages.list(date_sent_after=START.add(days=1)),
    }
    assert {name: [message.body for message in found] for name, found in listed.items()} == {
        "to": ["waiting", "early"],
        "from": ["late", "early"],
        "day": ["early"],
        "before": ["early"],
        "after": ["late"],
    }


def test_a_list_can_be_stale(sandbox):
    sandbox.faults(list_staleness_s=60)
    sandbox.text()
    assert sandbox.messages.list(to=PATIENT) == []
    sandbox.set_clock(START.add(seconds=60))
    assert len(sandbox.messages.list(to=PATIENT)) == 1


def test_a_finished_text_can_be_redacted_and_deleted_a_waiting_one_cannot(sandbox):
    done, waiting = sandbox.text(), sandbox.schedule(START.add(days=1))
    sandbox.settle()
    assert done.update(body="").body == ""
    assert done.delete() is True
    for change in (lambda: waiting.update(body=""), waiting.delete):
        with pytest.raises(TwilioRestException) as refused:
            change()
        assert refused.value.code == 20009
    assert [text["status"] for text in sandbox.held()] == ["scheduled"]


def test_a_body_cannot_be_replaced(sandbox):
    message = sandbox.text()
    with pytest.raises(TwilioRestException):
        message.update(body="something else")
    assert message.fetch().body == "Hello"


def test_media_make_an_mms_and_can_be_listed_and_deleted(sandbox):
    message = sandbox.text(media_url=["https://example.org/map.png", "https://example.org/a.pdf"])
    assert (message.sid[:2], message.num_media) == ("MM", "2")
    media = message.media.list()
    assert [item.content_type for item in media] == ["image/png", "application/pdf"]
    assert media[0].delete() is True
    assert [item.sid for item in message.media.list()] == [media[1].sid]


def test_feedback_needs_to_be_asked_for_at_creation(sandbox):
    asked, plain = sandbox.text(provide_feedback=True), sandbox.text()
    assert asked.feedback.create(outcome="confirmed").outcome == "confirmed"
    with pytest.raises(TwilioRestException):
        plain.feedback.create(outcome="confirmed")


def test_a_list_with_wrong_credentials_fails_as_the_sdk_expects(sandbox):
    sandbox.client.auth = (identity.ACCOUNT_SID, "wrong")
    with pytest.raises(TwilioException) as refused:
        sandbox.messages.list()
    assert refused.value.args[1].status_code == 401


@pytest.mark.parametrize("body", ["naïve ☃ 👩‍👩‍👧", "a&b=c+d%20", "line\r\nbreak", " blanks kept "])
def test_a_body_comes_back_as_it_went(sandbox, body):
    assert sandbox.text(body).fetch().body == body
