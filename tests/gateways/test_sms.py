"""The way to Twilio, through its own SDK and over real sockets: each mishap told for what it is."""

import json
import logging
from dataclasses import replace

import pendulum
import pytest
from werkzeug.datastructures import MultiDict

from reminder_site.gateways.sms import Sms, SmsError, utc_stamp
from reminder_site.gateways.wire import Wire
from reminder_site.sandbox.identity import API_KEY, API_SECRET, MESSAGING_SERVICE_SID, SENDER_NUMBER
from reminder_site.sandbox.signature import sign
from tests.conftest import MONDAY, SHARED_DATA, test_settings
from tests.delivering import arrive, at_twilio, trouble
from tests.gateways.test_wire import serving

TO = "+12125550142"
VECTORS = SHARED_DATA / "twilio" / "signature_vectors.json"


@pytest.fixture
def settings(sandbox):
    trouble(sandbox)
    return test_settings("sqlite://", "sqlite:///unused", sandbox.url)


@pytest.fixture
def sms(settings):
    sms = Sms(settings, Wire(read_seconds=0.5))
    yield sms
    sms.close()


def create(sms, **more):
    asked = {"to": TO, "body": "Hello", "sender": MESSAGING_SERVICE_SID, "callback_url": "http://localhost/cb"}
    return sms.create(**asked | more)


def test_a_text_is_taken_with_its_sid_and_where_to_call_back(sms, sandbox):
    outcome = create(sms)
    (held,) = at_twilio(sandbox)
    assert (outcome.kind, outcome.sid, outcome.status) == ("created", held.sid, "accepted")
    assert (outcome.http_status, outcome.request_id[:2]) == (201, "RQ")
    assert held.status_callback == "http://localhost/cb#rc=5&rp=all"


def test_the_date_of_an_answer_is_kept_whatever_the_answer(sms, sandbox):
    assert create(sms).server_date == MONDAY
    assert create(sms, to="+15005550001").server_date == MONDAY
    assert sms.ask_time() == MONDAY
    trouble(sandbox, ("error_after", 1))
    assert create(sms).server_date == MONDAY
    trouble(sandbox, {"kind": "html_503", "on": "list"})
    assert sms.ask_time() is None


def test_how_long_to_wait_is_kept(sms, sandbox):
    trouble(sandbox, {"kind": "rate_limit_429", "next": 1, "retry_after": 40}, {"kind": "rate_limit_429", "next": 1})
    assert [create(sms).retry_after_seconds for _ in range(3)] == [40, None, None]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
def test_a_send_time_in_any_zone_leaves_as_utc(sms, sandbox, zone):
    send_at = MONDAY.add(hours=5, seconds=7).in_timezone(zone)
    outcome = create(sms, send_at=send_at)
    (held,) = at_twilio(sandbox)
    assert (outcome.status, held.status, held.send_at) == (
        "scheduled",
        "scheduled",
        MONDAY.add(hours=5, seconds=7).timestamp(),
    )
    assert utc_stamp(send_at) == "2026-11-02T19:00:07Z"


def test_a_moment_inside_a_second_is_told_in_whole_seconds():
    assert utc_stamp(pendulum.datetime(2026, 11, 2, 14, 0, 0, 999_999)) == "2026-11-02T14:00:00Z"


@pytest.mark.parametrize("sender", [SENDER_NUMBER, "", "ELMCLINIC"])
def test_nothing_is_scheduled_without_a_messaging_service(sms, sandbox, sender):
    with pytest.raises(ValueError, match="Messaging Service"):
        create(sms, sender=sender, send_at=MONDAY.add(hours=5))
    assert at_twilio(sandbox) == []


def test_a_plain_number_may_send_at_once(sms, sandbox):
    assert create(sms, sender=SENDER_NUMBER).kind == "created"
    assert at_twilio(sandbox)[0].sender == SENDER_NUMBER


def test_an_api_key_opens_the_account_too(settings, sandbox):
    sms = Sms(replace(settings, twilio_api_key=API_KEY, twilio_api_secret=API_SECRET))
    assert create(sms).kind == "created"
    sms.close()


def test_a_closed_fence_leaves_twilio_untouched(sms, sandbox):
    create(sms)
    outcome = create(sms, may_leave=lambda: False)
    assert (outcome.kind, outcome.next) == ("not_created", "late")
    assert len(at_twilio(sandbox)) == 1
    assert create(sms).kind == "created"


def test_a_twilio_that_is_not_there_took_nothing(settings):
    sms = Sms(replace(settings, twilio_base_url="http://127.0.0.1:9"), Wire(read_seconds=0.5))
    assert (create(sms).kind, create(sms).next) == ("not_created", "retry")
    with pytest.raises(SmsError) as refused:
        sms.fetch("SM" + "0" * 32)
    assert not refused.value.permanent


def test_who_cannot_wait_for_an_answer_is_told_that_there_is_none(settings, sandbox):
    sms = Sms(settings)
    made = create(sms)
    trouble(sandbox, {"kind": "slow_then_ok", "on": "fetch", "next": 1, "seconds": 1})
    with pytest.raises(SmsError):
        sms.fetch(made.sid, within_seconds=0.1)
    assert sms.fetch(made.sid).sid == made.sid
    sms.close()


FAULTS = [
    # what breaks, what it is told as, how many texts Twilio then holds
    ("error_before", "unknown", 0),
    ("reset_before", "unknown", 0),
    ("html_503", "unknown", 0),
    ("error_after", "unknown", 1),
    ("reset_after", "unknown", 1),
    ("garbage_201", "unknown", 1),
    ("truncated_201", "unknown", 1),
    ("no_sid_201", "unknown", 1),
    ("slow_then_ok", "unknown", 1),
    ("late_accept", "unknown", 1),
    ("rate_limit_429", "not_created", 0),
    ("unauthorised", "not_created", 0),
    ("sender_missing", "refused", 0),
]


@pytest.mark.parametrize(("fault", "kind", "held"), FAULTS)
def test_each_mishap_is_told_for_what_it_is(sms, sandbox, fault, kind, held):
    trouble(sandbox, {"kind": fault, "next": 1, "seconds": 0.8})
    outcome = create(sms)
    assert (outcome.kind, outcome.sid) == (kind, None)
    assert create(sms).kind == "created"
    settled(sandbox, held + 1)


UNASKABLE = {"a field there is not": {"extras": {"tags": "{}"}}, "half a character": {"body": "\ud83d"}}


@pytest.mark.parametrize("mistake", UNASKABLE)
def test_what_the_sdk_never_asked_was_not_made_whatever_was_answered_before(sms, sandbox, mistake):
    taken = create(sms)
    outcome = create(sms, to="+12125550143", **UNASKABLE[mistake])
    assert (taken.kind, outcome.kind, outcome.next, outcome.sid) == ("created", "not_created", "late", None)
    assert not outcome.unanswered
    assert create(sms).kind == "created"
    assert len(at_twilio(sandbox)) == 2


def test_an_error_before_anything_was_asked_says_nothing_of_the_answer_before(sms):
    with pytest.raises(SmsError) as refused:
        sms.cancel("SM" + "0" * 32)
    with pytest.raises(SmsError) as unasked:
        sms.ask(lambda client: client.messages.list(tags="{}"))
    assert (refused.value.permanent, refused.value.code) == (True, 20404)
    assert (unasked.value.permanent, unasked.value.code) == (False, None)


@pytest.mark.parametrize("ask", ["fetch", "list", "update"])
def test_a_question_answered_429_says_how_long_to_wait(sms, sandbox, ask):
    sid = create(sms, send_at=MONDAY.add(hours=5)).sid
    questions = {"fetch": lambda: sms.fetch(sid), "list": lambda: sms.list_to(TO), "update": lambda: sms.cancel(sid)}
    busy = {"kind": "rate_limit_429", "on": ask, "next": 1}
    trouble(sandbox, busy | {"retry_after": 40}, busy, {"kind": "html_503", "on": ask, "next": 1})
    told = []
    for _ in range(3):
        with pytest.raises(SmsError) as refused:
            questions[ask]()
        told.append((refused.value.slow_down, refused.value.retry_after_seconds, refused.value.permanent))
    assert told == [(True, 40, False), (True, None, False), (False, None, False)]
    questions[ask]()


def settled(sandbox, expected):
    """Wait for requests that were given up to come to their end at the sandbox."""
    for _ in range(200):
        if len(at_twilio(sandbox)) >= expected:
            break
        sandbox.exchange.pause(0.01)
    assert len(at_twilio(sandbox)) == expected


def test_texts_are_read_listed_and_cancelled(sms, sandbox):
    sid = create(sms, send_at=MONDAY.add(hours=5)).sid
    assert sms.fetch(sid).status == "scheduled"
    assert [(r.sid, r.body, r.direction, r.created_at) for r in sms.list_to(TO)] == [
        (sid, "Hello", "outbound-api", MONDAY)
    ]
    sms.cancel(sid)
    assert (sms.fetch(sid).status, at_twilio(sandbox)[0].status) == ("canceled", "canceled")
    with pytest.raises(SmsError) as refused:
        sms.cancel(sid)
    assert (refused.value.code, refused.value.permanent) == (30409, True)
    assert sms.fetch("SM" + "0" * 32) is None


@pytest.mark.parametrize(("fault", "answers"), [("unauthorised", True), ("html_503", False)])
def test_a_twilio_that_refuses_answers_and_one_that_is_out_of_order_does_not(sms, sandbox, fault, answers):
    trouble(sandbox, {"kind": fault, "on": "list"})
    assert sms.answers() is answers
    trouble(sandbox)
    assert sms.answers()


def test_texts_since_a_moment_are_found_behind_older_ones_in_the_list(sms, sandbox):
    first = create(sms).sid
    sandbox.exchange.clock.set(MONDAY.subtract(hours=1).timestamp(), speed=0)
    create(sms)
    assert [text.sid for text in sms.list_since(MONDAY)] == [first]


@pytest.mark.parametrize("sid", ["SMx", "SM" + "g" * 32, "CA" + "0" * 32, 7])
def test_an_answer_whose_sid_is_none_of_a_text_is_unclear(settings, sid):
    answer = json.dumps({"sid": sid, "status": "accepted"}).encode()
    head = b"HTTP/1.1 201 CREATED\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer)
    with serving([head + answer]) as server:
        sms = Sms(replace(settings, twilio_base_url=server.url.removesuffix("/a?b=c")), Wire(read_seconds=0.5))
        outcome = create(sms)
        sms.close()
    assert (outcome.kind, outcome.sid) == ("unknown", None)


def test_a_finished_text_is_blanked(sms, sandbox):
    sid = create(sms).sid
    arrive(sandbox)
    sms.redact(sid)
    assert (at_twilio(sandbox)[0].body, sms.fetch(sid).body) == ("", "")


@pytest.mark.parametrize("fault", ["html_503", "garbage_201", "truncated_201", "reset_after", "no_sid_201"])
@pytest.mark.parametrize("ask", ["fetch", "list", "update"])
def test_an_answer_that_cannot_be_read_is_an_error_to_be_tried_again(sms, sandbox, fault, ask):
    sid = create(sms, send_at=MONDAY.add(hours=5)).sid
    trouble(sandbox, {"kind": fault, "on": ask, "next": 1})
    questions = {"fetch": lambda: sms.fetch(sid), "list": lambda: sms.list_to(TO), "update": lambda: sms.cancel(sid)}
    if (ask, fault) in {("update", "no_sid_201")}:
        questions[ask]()
        return
    with pytest.raises(SmsError) as refused:
        questions[ask]()
    assert not refused.value.permanent


def test_no_number_and_no_word_of_a_text_is_logged(sms, sandbox, caplog):
    caplog.set_level(logging.INFO)
    sid = create(sms, body="Dear Carol").sid
    sms.list_to(TO)
    sms.fetch(sid)
    trouble(sandbox, {"kind": "html_503", "on": "any"})
    create(sms, body="Dear Carol")
    with pytest.raises(SmsError) as refused:
        sms.list_to(TO)
    said = caplog.text + str(refused.value)
    assert not [secret for secret in (TO, TO[1:], "2125550142", "Carol") if secret in said]


@pytest.mark.skipif(not VECTORS.exists(), reason=f"{VECTORS} is not here")
def test_all_twelve_signature_vectors_are_judged_as_they_should(settings):
    kept = json.loads(VECTORS.read_text())
    sms = Sms(replace(settings, twilio_auth_token=kept["auth_token"]))
    judged = [sms.genuine(v["url"], MultiDict(v["params"]), v["signature"]) == v["valid"] for v in kept["vectors"]]
    assert judged == [True] * 12


def test_the_previous_token_is_good_as_long_as_it_is_configured(settings):
    url, form = "http://localhost/x", {"A": "1"}
    known = Sms(replace(settings, twilio_auth_token="new", twilio_previous_auth_token="old"))
    signatures = {token: sign(url, form, token) for token in ("new", "old", "older")}
    assert {token: known.genuine(url, form, s) for token, s in signatures.items()} == {
        "new": True,
        "old": True,
        "older": False,
    }
    assert not any(known.genuine(url, form, s) for s in ("", "x", "é" * 28, "A" * 28))
