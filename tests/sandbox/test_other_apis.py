"""Messaging Services, Lookup and Content through the SDK, and the count of segments."""

import json

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest.content.v1.content import ContentList

from reminder_site.sandbox import identity
from reminder_site.sandbox.segments import count_segments
from tests.sandbox.conftest import PATIENT, SHARED_DATA


def test_a_service_can_be_made_listed_changed_and_removed(sandbox):
    services = sandbox.client.messaging.v1.services
    made = services.create(friendly_name="Elm", validity_period=600)
    assert made.update(inbound_request_url="https://example.org/in").inbound_request_url == "https://example.org/in"
    assert [service.friendly_name for service in services.list(page_size=1)] == ["Sandbox", "Elm"]
    assert made.delete() is True
    with pytest.raises(TwilioRestException) as refused:
        made.fetch()
    assert refused.value.code == 20404


def test_a_service_without_numbers_takes_a_text_and_fails_it(sandbox):
    empty = sandbox.client.messaging.v1.services.create(friendly_name="Empty")
    message = sandbox.messages.create(PATIENT, body="x", messaging_service_sid=empty.sid)
    sandbox.settle()
    assert (message.fetch().status, message.fetch().error_code) == ("failed", 21704)


def test_the_pool_shows_its_number(sandbox):
    pool = sandbox.client.messaging.v1.services(identity.MESSAGING_SERVICE_SID).phone_numbers.list()
    assert [number.phone_number for number in pool] == [identity.SENDER_NUMBER]


@pytest.mark.parametrize(
    ("number", "kind"), [("+442079460000", "landline"), ("+447911123456", "mobile"), ("+18005550199", "tollFree")]
)
def test_a_lookup_tells_the_kind_of_line(sandbox, number, kind):
    found = sandbox.client.lookups.v2.phone_numbers(number).fetch(fields="line_type_intelligence")
    assert (found.valid, found.phone_number, found.line_type_intelligence["type"]) == (True, number, kind)


@pytest.mark.parametrize(("number", "reason"), [("+1202", "TOO_SHORT"), ("hello", "NOT_A_NUMBER")])
def test_a_lookup_tells_why_a_number_is_none(sandbox, number, reason):
    found = sandbox.client.lookups.v2.phone_numbers(number).fetch()
    assert (found.valid, found.validation_errors) == (False, [reason])


def test_a_content_template_is_filled_in(sandbox):
    content = sandbox.client.content.v1.contents
    wanted = {
        "friendly_name": "reminder",
        "language": "en",
        "variables": {"2": "Elm Clinic"},
        "types": {"twilio/text": {"body": "{{1}}, {{2}} expects you"}},
    }
    made = content.create(ContentList.ContentCreateRequest(wanted))
    assert content(made.sid).fetch().types == wanted["types"]
    variables = json.dumps({"1": "Ann"})
    message = sandbox.text(None, content_sid=made.sid, content_variables=variables)
    assert message.body == "Ann, Elm Clinic expects you"
    with pytest.raises(TwilioRestException) as refused:
        sandbox.text(None, content_sid=made.sid, content_variables="not JSON")
    assert refused.value.code == 21656


@pytest.mark.skipif(not (SHARED_DATA / "text").exists(), reason="the shared test data are not here")
@pytest.mark.parametrize("name", ["segments_edges", "segments_by_name"])
def test_segments_are_counted_as_twilios_public_calculator_does(name):
    lines = (SHARED_DATA / "text" / f"{name}.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert [case["text"] for case in cases if count_segments(case["text"]) != case["segments"]] == []
    assert len(cases) > 300


def test_a_bought_number_stands_in_its_pool_and_keeps_a_webhook_of_its_own(sandbox, listener):
    bought = sandbox.client.incoming_phone_numbers.create(
        phone_number="+18445550199", sms_url=f"{listener.url}/of-number"
    )
    service = sandbox.client.messaging.v1.services(identity.MESSAGING_SERVICE_SID)
    service.phone_numbers.create(phone_number_sid=bought.sid)
    assert [number.phone_number for number in service.phone_numbers.list()] == [identity.SENDER_NUMBER, "+18445550199"]
    assert sandbox.client.incoming_phone_numbers(bought.sid).fetch().sms_url == f"{listener.url}/of-number"
    sandbox.inbound("Hi", to="+18445550199")
    service.update(use_inbound_webhook_on_number=True)
    sandbox.inbound("Hi", to="+18445550199")
    assert [heard.url.removeprefix(listener.url) for heard in listener.heard] == ["/inbound", "/of-number"]


def test_registrations_stand_as_the_switchboard_says(sandbox):
    api = sandbox.client.messaging.v1
    number = sandbox.client.incoming_phone_numbers.create(phone_number="+18445550199")
    campaigns = api.services(identity.MESSAGING_SERVICE_SID).us_app_to_person
    assert [campaign.campaign_status for campaign in campaigns.list()] == ["VERIFIED"]
    sandbox.faults(campaign_status="FAILED", brand_status="", tollfree_status="IN_REVIEW", account_status="suspended")
    assert campaigns.list()[0].errors[0]["error_code"] == 30896
    assert api.brand_registrations.list() == []
    asked = api.tollfree_verifications.list(tollfree_phone_number_sid=number.sid)
    assert [(one.tollfree_phone_number, one.status) for one in asked] == [("+18445550199", "IN_REVIEW")]
    assert sandbox.client.api.v2010.accounts(identity.ACCOUNT_SID).fetch().status == "suspended"
