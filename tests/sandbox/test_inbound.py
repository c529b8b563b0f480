"""A patient texts: the webhook and its replies, the opt-out words, and what they stop."""

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from reminder_site.sandbox import identity, optout
from reminder_site.sandbox.inbound import read_twiml
from tests.sandbox.conftest import PATIENT, START

VALIDATOR = RequestValidator(identity.AUTH_TOKEN)


def twiml(*texts):
    response = MessagingResponse()
    for text in texts:
        response.message(text)
    return 200, "text/xml; charset=utf-8", str(response)


def bodies(sandbox, direction):
    return [text["body"] for text in sandbox.held(f"?direction={direction}")]


def test_a_text_reaches_the_webhook_signed_and_whole(sandbox, listener):
    told = sandbox.inbound("Yes ☺ & thanks", media=["https://example.org/a.jpg"])
    (heard,) = listener.heard
    assert VALIDATOR.validate(heard.url, heard.form, heard.headers["X-Twilio-Signature"])
    assert heard.form["MessageSid"] == heard.form["SmsMessageSid"] == told["sid"]
    assert told["sid"].startswith("MM")
    assert (heard.form["From"], heard.form["To"]) == (PATIENT, identity.SENDER_NUMBER)
    assert (heard.form["Body"], heard.form["NumMedia"]) == ("Yes ☺ & thanks", "1")
    assert heard.form["MediaUrl0"] == "https://example.org/a.jpg"
    assert "OptOutType" not in heard.form
    assert told["webhook"] == {"outcome": "ok", "status": 204, "body": ""}


def test_the_webhooks_twiml_becomes_texts_to_the_patient(sandbox, listener):
    listener.answers.append(twiml("Thank you & see you", "Second"))
    sandbox.inbound("1")
    sandbox.settle()
    replies = sandbox.held("?direction=outbound-reply")
    assert [(text["body"], text["to"], text["status"]) for text in replies] == [
        ("Thank you & see you", PATIENT, "delivered"),
        ("Second", PATIENT, "delivered"),
    ]


def test_a_redirect_is_followed_and_plain_text_is_a_reply(sandbox, listener):
    listener.answers += [
        (200, "text/xml", "<Response><Redirect>/elsewhere</Redirect></Response>"),
        (200, "text/plain", "plain words"),
    ]
    sandbox.inbound("1")
    assert [heard.url for heard in listener.heard] == [f"{listener.url}/inbound", f"{listener.url}/elsewhere"]
    assert bodies(sandbox, "outbound-reply") == ["plain words"]


@pytest.mark.parametrize("document", [b"", b"<Response/>", b"not xml", b"<Other><Message>x</Message></Other>"])
def test_an_answer_that_asks_for_nothing_sends_nothing(document):
    assert read_twiml(document) == (None, [])


def test_a_webhook_that_fails_is_noted_on_the_text(sandbox, listener):
    listener.answers.append((500, "text/plain", "oops"))
    told = sandbox.inbound("1")
    assert told["webhook"]["outcome"] == "5xx"
    assert [text["error_code"] for text in sandbox.held()] == [11200]


@pytest.mark.parametrize("word", ["STOP", "stopall", "Unsubscribe", "CANCEL", "end", "QUIT", "revoke", " OptOut \n"])
def test_each_opt_out_word_blocks_answers_once_and_still_reaches_the_webhook(sandbox, listener, word):
    sandbox.inbound(word)
    sandbox.inbound("STOP")
    assert bodies(sandbox, "outbound-reply") == [optout.STOPPED]
    assert len(listener.heard) == 2
    (blocked,) = sandbox.ask("GET", "optouts")[1]["optouts"]
    assert (blocked["scope"], blocked["number"]) == (identity.MESSAGING_SERVICE_SID, PATIENT)


@pytest.mark.parametrize("words", ["STOP PLEASE", "please stop", "OPT OUT", "STOP.", ""])
def test_other_words_block_nobody(sandbox, words):
    sandbox.inbound(words)
    assert sandbox.ask("GET", "optouts")[1]["optouts"] == []


@pytest.mark.parametrize("word", ["START", "yes", "UnStop"])
def test_an_opt_in_word_lets_texts_through_again(sandbox, word):
    sandbox.inbound("STOP")
    sandbox.inbound(word)
    assert bodies(sandbox, "outbound-reply") == [optout.STOPPED, optout.STARTED]
    message = sandbox.text()
    sandbox.settle()
    assert message.fetch().status == "delivered"


def test_help_is_answered_and_blocks_nobody(sandbox):
    sandbox.inbound("help")
    assert bodies(sandbox, "outbound-reply") == [optout.HELP]
    assert sandbox.ask("GET", "optouts")[1]["optouts"] == []


def test_a_text_to_a_blocked_number_fails_afterwards_through_the_service(sandbox, listener):
    sandbox.inbound("STOP")
    listener.heard.clear()
    message = sandbox.text(status_callback=listener.url)
    sandbox.settle()
    assert (message.status, message.fetch().status, message.fetch().error_code) == ("accepted", "failed", 21610)
    assert listener.statuses() == ["failed"]


def test_a_text_to_a_blocked_number_can_be_refused_at_once(sandbox):
    sandbox.faults(optout_sync=True)
    sandbox.inbound("STOP")
    with pytest.raises(TwilioRestException) as refused:
        sandbox.text()
    assert refused.value.code == 21610


def test_a_stop_after_scheduling_fails_the_text_when_it_falls_due(sandbox):
    message = sandbox.schedule(START.add(days=2))
    sandbox.set_clock(START.add(days=1))
    sandbox.inbound("STOP")
    assert message.fetch().status == "scheduled"
    sandbox.set_clock(START.add(days=2))
    assert (message.fetch().status, message.fetch().error_code) == ("failed", 21610)


def test_advanced_opt_out_names_the_kind_to_the_webhook(sandbox, listener):
    sandbox.faults(advanced_opt_out=True)
    sandbox.inbound("quit")
    assert listener.heard[0].form["OptOutType"] == "STOP"


def test_a_doubled_webhook_carries_the_same_sid_and_one_reply(sandbox, listener):
    sandbox.faults(callbacks={"doubled": 1})
    listener.answers += [twiml("Thanks"), twiml("Thanks")]
    sandbox.inbound("1")
    assert len({heard.form["MessageSid"] for heard in listener.heard}) == 1
    assert len(listener.heard) == 2
    assert bodies(sandbox, "outbound-reply") == ["Thanks"]


def test_a_text_to_a_number_that_is_not_ours_is_refused(sandbox):
    status, answer = sandbox.ask("POST", "inbound", {"from": PATIENT, "to": "+12025550999", "body": "x"})
    assert (status, answer) == (400, {"error": "+12025550999 is no number of this account"})


def test_an_account_may_have_opt_out_words_of_its_own(sandbox, listener):
    sandbox.faults(advanced_opt_out=True, opt_out_words={"NO": "STOP"})
    sandbox.inbound("No")
    assert listener.heard[0].form["OptOutType"] == "STOP"
    assert [row["word"] for row in sandbox.ask("GET", "optouts")[1]["optouts"]] == ["NO"]


def test_texts_from_patients_stand_in_the_list_with_when_they_were_sent(sandbox):
    sandbox.inbound("1")
    listed = sandbox.messages.list(date_sent_after=START.subtract(minutes=1))
    assert [(text.direction, text.from_, text.body) for text in listed] == [("inbound", PATIENT, "1")]
    assert sandbox.messages.list(date_sent_after=START.add(minutes=1)) == []
