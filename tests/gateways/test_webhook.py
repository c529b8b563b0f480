"""Webhooks are signed as Standard Webhooks, no redirect is followed, and the dead man's switch hears the truth."""

import base64
import hashlib
import hmac
import json
import time

import pendulum
import pytest
from standardwebhooks import Webhook

from reminder_site.gateways import webhook
from reminder_site.gateways.webhook import NotTaken
from tests.outside import web_server

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"type": "alert.fired", "data": {"name": "Ä"}})


def post(url, at):
    webhook.post(url, SECRET, webhook_id="evt_1", body=BODY, at=at)


def test_the_receivers_library_takes_the_signature():
    with web_server() as (url, calls):
        post(f"{url}/hook?x=1", pendulum.from_timestamp(time.time(), tz="America/New_York"))
    [(method, path, headers, body)] = calls
    assert (method, path, headers["Content-Type"]) == ("POST", "/hook?x=1", "application/json")
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)


def test_it_is_the_hmac_the_standard_names():
    with web_server() as (url, calls):
        post(url, pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC"))
    _, path, headers, body = calls[0]
    signed = f"evt_1.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert (headers["webhook-id"], headers["webhook-timestamp"], path) == ("evt_1", "1793628000", "/")


@pytest.mark.parametrize("status", [302, 307, 404, 410, 500])
def test_whatever_is_not_2xx_was_not_taken_and_no_redirect_is_followed(status):
    with web_server() as (inner, inner_calls), web_server((status, {"Location": f"{inner}/metadata"})) as (url, calls):
        with pytest.raises(NotTaken, match=f"HTTP {status}"):
            post(url, pendulum.datetime(2026, 11, 2, tz="UTC"))
    assert (len(calls), inner_calls) == (1, [])


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with web_server() as (proxy, asked), web_server() as (url, calls):
        monkeypatch.setenv("http_proxy", proxy)
        webhook.ping(url, well=True)
    assert (len(calls), asked) == (1, [])


def test_the_switch_is_told_well_or_not():
    with web_server() as (url, calls):
        webhook.ping(f"{url}/abc", well=True)
        webhook.ping(f"{url}/abc/", well=False)
    assert [path for _, path, _, _ in calls] == ["/abc", "/abc/fail"]


def test_an_address_that_nobody_answers_at_is_named_in_no_error():
    with web_server() as (url, _):
        pass
    with pytest.raises(NotTaken, match="NotSent") as error:
        webhook.ping(f"{url}/secret-path", well=True)
    assert "secret-path" not in str(error.value)
