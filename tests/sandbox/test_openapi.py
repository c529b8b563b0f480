"""Every answer of the sandbox against the cut-outs of Twilio's own OpenAPI description."""

import json
import re

import jsonschema
import pytest
import requests

from reminder_site.sandbox import identity
from tests.sandbox.conftest import PATIENT, SHARED_DATA, START

pytestmark = pytest.mark.skipif(not (SHARED_DATA / "twilio").exists(), reason="the shared test data are not here")
RFC_2822 = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
FORMATS = jsonschema.FormatChecker(())
FORMATS.checks("date-time-rfc-2822")(lambda value: value is None or bool(RFC_2822.fullmatch(value)))
SERVICE = "messaging/v1/Services"


def judge(document):
    """A description that takes null where OpenAPI 3.0 says `nullable`, and no fields that it does not name."""
    for part in walk(document):
        if part.pop("nullable", False):
            part["type"] = [part["type"], "null"]
            if "enum" in part:
                part["enum"] = [*part["enum"], None]
        if isinstance(part.get("properties"), dict):
            part["additionalProperties"] = False
            part["required"] = sorted(part["properties"])
    return document


def walk(part):
    if isinstance(part, dict):
        yield part
    for inside in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from walk(inside)


@pytest.fixture(scope="module")
def descriptions():
    names = ("messages_v2010_subset", "services_v1_subset")
    return {name: judge(json.loads((SHARED_DATA / "twilio" / f"{name}.json").read_text())) for name in names}


@pytest.fixture
def check(sandbox, descriptions):
    """Make a request and hold its answer against what the description promises for that path, method and status."""
    session = requests.Session()
    session.auth = (identity.ACCOUNT_SID, identity.AUTH_TOKEN)

    def check(method, path, **form):
        answer = session.request(method, f"{sandbox.url}/{path}", data=form or None, timeout=10)
        name = "services_v1_subset" if path.startswith("messaging") else "messages_v2010_subset"
        document = descriptions[name]
        promised = operation(document, method, "/" + path.removeprefix("messaging/"))[str(answer.status_code)]
        if answer.status_code == 204:
            return None
        schema = promised["content"]["application/json"]["schema"] | {"components": document["components"]}
        jsonschema.Draft202012Validator(schema, format_checker=FORMATS).validate(answer.json())
        return answer.json()

    yield check
    session.close()


def operation(document, method, path):
    for template, methods in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+?", template.replace(".", r"\.")), path.partition("?")[0]):
            return methods[method.lower()]["responses"]
    raise AssertionError(f"no such path in the description: {path}")


ACCOUNT = f"2010-04-01/Accounts/{identity.ACCOUNT_SID}"
SENT = {"To": PATIENT, "Body": "Hello", "MessagingServiceSid": identity.MESSAGING_SERVICE_SID}


def test_a_message_at_every_stage_is_as_described(sandbox, check):
    for more in ({}, {"MediaUrl": "https://example.org/a.png"}, {"To": "whatsapp:+12025550123"}):
        sid = check("POST", f"{ACCOUNT}/Messages.json", **SENT | more)["sid"]
        check("GET", f"{ACCOUNT}/Messages/{sid}.json")
        sandbox.settle()
        assert check("GET", f"{ACCOUNT}/Messages/{sid}.json")["status"] == "delivered"


@pytest.mark.parametrize("status", ["failed", "undelivered", "sent"])
def test_a_message_that_a_carrier_ends_otherwise_is_as_described(sandbox, check, status):
    sandbox.faults(carrier={"*": {"status": status}})
    sid = check("POST", f"{ACCOUNT}/Messages.json", **SENT)["sid"]
    sandbox.settle()
    assert check("GET", f"{ACCOUNT}/Messages/{sid}.json")["status"] == status


def test_a_scheduled_message_and_its_cancelling_are_as_described(check):
    at = {"ScheduleType": "fixed", "SendAt": START.add(days=1).to_iso8601_string()}
    sid = check("POST", f"{ACCOUNT}/Messages.json", **SENT | at)["sid"]
    assert check("POST", f"{ACCOUNT}/Messages/{sid}.json", Status="canceled")["status"] == "canceled"
    assert check("DELETE", f"{ACCOUNT}/Messages/{sid}.json") is None


def test_lists_of_messages_are_as_described(sandbox, check):
    assert check("GET", f"{ACCOUNT}/Messages.json")["end"] == 0
    for _ in range(3):
        check("POST", f"{ACCOUNT}/Messages.json", **SENT)
    sandbox.inbound("hello")
    page = check("GET", f"{ACCOUNT}/Messages.json?PageSize=2&To=%2B12025550123")
    assert (page["start"], page["end"], page["page_size"]) == (0, 1, 2)
    assert page["next_page_uri"].startswith(
        f"/{ACCOUNT}/Messages.json?To=%2B12025550123&PageSize=2&Page=1&PageToken=PA"
    )
    last = check("GET", page["next_page_uri"].removeprefix("/"))
    assert (last["start"], last["end"], last["next_page_uri"]) == (2, 2, None)


def test_media_and_feedback_are_as_described(check):
    more = {"MediaUrl": "https://example.org/a.png", "ProvideFeedback": "true"}
    sid = check("POST", f"{ACCOUNT}/Messages.json", **SENT | more)["sid"]
    (media,) = check("GET", f"{ACCOUNT}/Messages/{sid}/Media.json")["media_list"]
    check("GET", f"{ACCOUNT}/Messages/{sid}/Media/{media['sid']}.json")
    check("DELETE", f"{ACCOUNT}/Messages/{sid}/Media/{media['sid']}.json")
    check("POST", f"{ACCOUNT}/Messages/{sid}/Feedback.json", Outcome="confirmed")


def test_messaging_services_are_as_described(check):
    made = check("POST", SERVICE, FriendlyName="Elm", InboundRequestUrl="https://example.org/in")
    changed = check("POST", f"{SERVICE}/{made['sid']}", StickySender="false", ValidityPeriod="600")
    assert (changed["friendly_name"], changed["sticky_sender"], changed["validity_period"]) == ("Elm", False, 600)
    assert len(check("GET", SERVICE)["services"]) == 2
    for kind in ("PhoneNumbers", "ShortCodes", "AlphaSenders"):
        check("GET", f"{SERVICE}/{identity.MESSAGING_SERVICE_SID}/{kind}")
    assert check("DELETE", f"{SERVICE}/{made['sid']}") is None
