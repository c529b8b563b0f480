"""What Twilio calls: only what it has signed, for our address and our account, is ever read."""

import base64
import hashlib
import hmac
import json
import random
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from reminder_site.db import db
from reminder_site.gateways.sms import Sms
from reminder_site.models import InboundMessage, OptOut, ProviderEvent
from tests.conftest import MONDAY, SHARED_DATA
from tests.factories import a_clinic, a_patient, an_appointment
from tests.texting import PHONE, coming, fresh, heard

INBOUND = "/webhooks/twilio/inbound"
VECTORS = SHARED_DATA / "twilio" / "signature_vectors.json"


def sign(url, form, token):
    """Sign a form post as Twilio documents it."""
    told = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.digest(token.encode(), told.encode(), hashlib.sha1)).decode()


@pytest.fixture
def post(app, client):
    """Post a form to a path as Twilio would; `change` is applied to the form after signing."""
    known = app.extensions["settings"]

    def posted(path, form, *, token=None, url=None, change=(), **more):
        form = {"AccountSid": known.twilio_account_sid, "MessageSid": "SM" + "c" * 32} | form
        signature = sign(url or known.public_base_url + path, form, token or known.twilio_auth_token)
        headers = {"X-Twilio-Signature": signature} | more.pop("headers", {})
        return client.post(path, data=form | dict(change), headers=headers, **more)

    return posted


def received():
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(InboundMessage))


def test_a_patients_answer_is_taken_and_replied_to_in_twiml(post, clinic):
    visit = an_appointment(clinic, a_patient(clinic, "Ann & <Co>", phone_e164=PHONE))
    heard(visit, MONDAY)
    answer = post(INBOUND, {"From": PHONE, "To": "+15005550006", "Body": "1", "NumMedia": "0"})
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><Response><Message>Elm Clinic: thank you')
    assert fresh(visit).answer == "confirmed"


@pytest.mark.parametrize("prefix", ["", "whatsapp:", "rcs:"])
def test_a_stop_by_any_channel_is_kept_for_the_number(post, clinic, prefix):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    assert coming(visit)
    post(INBOUND, {"From": prefix + PHONE, "To": prefix + "+15005550006", "Body": "STOP", "NumMedia": "0"})
    assert coming(visit) == []
    assert db.session.scalar(select(OptOut.e164)) == PHONE


def test_silence_is_an_empty_response_and_a_repeat_gets_the_same(post, clinic):
    a_patient(clinic, phone_e164=PHONE)
    form = {"From": PHONE, "To": "+15005550006", "Body": "STOP"}
    assert {post(INBOUND, form).text for _ in range(10)} == {'<?xml version="1.0" encoding="UTF-8"?><Response/>'}
    assert received() == 1


def test_what_a_reply_quotes_cannot_break_out_of_its_element(post, app):
    place = a_clinic(text_name="A & <B>")
    a_patient(place, phone_e164=PHONE)
    text = post(INBOUND, {"From": PHONE, "To": "x", "Body": "1"}).text
    assert "<Message>A &amp; &lt;B&gt;: we find no appointment" in text


REFUSED = {
    "no signature": {"headers": {"X-Twilio-Signature": ""}},
    "short signature": {"headers": {"X-Twilio-Signature": "abc="}},
    "another token": {"token": "somebody-elses-token"},
    "another address": {"url": "http://localhost/webhooks/twilio/other"},
    "a changed body": {"change": [("Body", "3")]},
    "an added field": {"change": [("Extra", "1")]},
    "not a form": {"content_type": "multipart/form-data"},
}


@pytest.mark.parametrize("fault", REFUSED)
def test_nothing_unsigned_is_read(post, clinic, fault):
    answer = post(INBOUND, {"From": PHONE, "To": "x", "Body": "1"}, **REFUSED[fault])
    assert (answer.status_code, answer.data) == (403, b"")
    assert received() == 0


@pytest.mark.parametrize("form", [{"AccountSid": "AC" + "0" * 32}, {"MessageSid": "SM123"}, {"MessageSid": ""}])
def test_signed_but_not_ours_is_refused(post, clinic, form):
    assert post(INBOUND, {"From": PHONE, "To": "x", "Body": "1"} | form).status_code == 403
    assert received() == 0


def test_doubled_parameters_long_bodies_and_other_methods_are_refused(post, client, clinic):
    assert post(INBOUND, {"Body": "1"}, change=[("Body", ["1", "1"])]).status_code == 403
    assert post(INBOUND, {"Body": "x" * 70_000}).status_code == 413
    assert client.get(INBOUND).status_code == 405
    assert received() == 0


def test_no_mutation_of_a_signed_request_is_accepted(app, clinic):
    chance, known, form = random.Random(7), app.extensions["settings"], {"From": PHONE, "Body": "1", "To": "x"}
    url, genuine = known.public_base_url + INBOUND, app.extensions["sms"].genuine
    signature = sign(url, form, known.twilio_auth_token)
    assert genuine(url, form, signature)
    for _ in range(2_000):
        kind, at = chance.choice(["url", "value", "signature"]), chance.randrange(20)
        letter = chance.choice("abcXYZ019+/")
        bad_url = url[:at] + letter + url[at:] if kind == "url" else url
        bad_form = form | {"Body": "1" + letter} if kind == "value" else form
        bad_signature = signature[:at] + letter + signature[at + 1 :] if kind == "signature" else signature
        if (bad_url, bad_form, bad_signature) != (url, form, signature):
            assert not genuine(bad_url, bad_form, bad_signature)


def test_the_previous_token_is_good_during_a_rotation(app, clinic):
    known = app.extensions["settings"]
    rotating = Sms(replace(known, twilio_auth_token="new-token", twilio_previous_auth_token="old-token"))
    for token, good in (("new-token", True), ("old-token", True), ("older-token", False)):
        assert rotating.genuine("http://x/y", {"A": "1"}, sign("http://x/y", {"A": "1"}, token)) is good


def test_a_proxy_a_port_a_prefix_and_the_raw_query_are_as_twilio_signed_them(app, post, clinic, monkeypatch):
    form, path = {"From": PHONE, "To": "x", "Body": "hello"}, INBOUND + "?a=%2F%40&b=%C3%A9"
    for number, base in enumerate(
        ["https://sms.elm.example", "https://elm.example:8443", "https://elm.example/reminders"]
    ):
        public = replace(app.extensions["settings"], public_base_url=base)
        monkeypatch.setitem(app.extensions, "settings", public)
        sid = {"MessageSid": f"SM{number:032x}"}
        seen_by_us = {"headers": {"Host": base.split("/")[2]}}  # the proxy speaks http to us and keeps the host
        assert post(path, form | sid, url=base + path, **seen_by_us).status_code == 200
        assert post(path, form | sid, url="http://127.0.0.1:8000" + path, **seen_by_us).status_code == 403
    assert received() == 3


def test_a_receipt_is_answered_alike_whether_or_not_anybody_knows_the_text(post, clinic):
    form = {"MessageStatus": "delivered", "To": PHONE, "From": "x"}
    assert post("/webhooks/twilio/status/unknown-token", form).status_code == 204
    for odd in ({"MessageStatus": "<b>"}, {"ErrorCode": "x"}, {"ErrorCode": "9" * 30}, {"MessageStatus": ""}):
        assert (
            post("/webhooks/twilio/status/unknown-token", form | {"MessageSid": "SM" + "d" * 32} | odd).status_code
            == 204
        )
    assert {e.error_code for e in db.session.scalars(select(ProviderEvent))} == {0}


def posted(body):
    """A form as the SDK's validator is given it; a JSON body stays text."""
    return body if isinstance(body, str) else MultiDict(body)


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared test data are not here")
def test_every_signature_vector_is_judged_as_listed(app):
    data = json.loads(VECTORS.read_text())
    site = Sms(replace(app.extensions["settings"], twilio_auth_token=data["auth_token"]))
    judged = {}
    for vector in data["vectors"]:
        body = posted(vector.get("body") or vector["params"])
        judged[vector["name"]] = site.genuine(vector["url"], body, vector["signature"]) is vector["valid"]
    assert len(judged) == 12
    assert all(judged.values()), judged


@pytest.mark.parametrize(
    ("said", "taken_as", "answer", "opted_out", "person"),
    [
        ("NO", "STOP", "none", True, True),
        ("Basta", "STOP", "none", True, False),
        ("1", "STOP", "none", True, False),
        ("YES", "START", "confirmed", False, False),
        ("hola", "START", "none", False, False),
        ("1", "HELP", "none", False, False),
        ("1", "", "confirmed", False, False),
        ("1", "SOMETHING", "confirmed", False, False),
    ],
)
def test_what_twilio_took_for_an_opt_out_word_is_one(post, clinic, said, taken_as, answer, opted_out, person):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(visit, MONDAY)
    told = post(INBOUND, {"From": PHONE, "To": "+15005550006", "Body": said, "OptOutType": taken_as})
    row = db.session.scalar(select(InboundMessage))
    assert (fresh(visit).answer, fresh(visit).state, row.needs_person) == (answer, "booked", person)
    assert (db.session.scalar(select(OptOut.e164)) == PHONE) is opted_out
    assert ("<Response/>" in told.text) is (taken_as in {"STOP", "START", "HELP"})
