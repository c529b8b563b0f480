"""Twilio through its own SDK; the only file that imports it. Takes and gives plain values, knows no tables."""

import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

import pendulum
from flask import current_app
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from reminder_site.config import Settings
from reminder_site.domain.delivery import Outcome, fenced_off, not_sent, unclear
from reminder_site.gateways.remote import PAGE, Remote, in_order, newer, remote_of
from reminder_site.gateways.replies import code_of, judge, retry_after_seconds, server_date
from reminder_site.gateways.wire import Fence, FencedOff, NotSent, Reply, Unclear, Wire

__all__ = ["Remote", "Sms", "SmsError", "sms", "utc_stamp"]
SIGNATURE_LENGTH = 28
CALLBACK_OVERRIDES = "#rc=5&rp=all"
# What the SDK raises for an answer it cannot read, or for a question it cannot put.
SDK_ERRORS = (TwilioException, ValueError, TypeError, KeyError, AttributeError)


class SmsError(Exception):
    """Twilio could not be asked, or answered with an error. Words are for people.

    `permanent` says that asking again will not help; `slow_down` that Twilio asked for fewer questions (429).
    """

    def __init__(
        self,
        words: str,
        *,
        permanent: bool = False,
        code: int | None = None,
        slow_down: bool = False,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(words)
        self.permanent = permanent
        self.code = code
        self.slow_down = slow_down
        self.retry_after_seconds = retry_after_seconds


class _Transport(HttpClient):
    """The SDK's way out: our wire, no redirects, no log line, the reply kept for whoever asked."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=False)
        self._wire = wire
        self.forget()

    def forget(self, may_leave: Fence | None = None, within_seconds: float | None = None) -> None:
        """Begin a new question to Twilio: what was asked and answered before says nothing of it."""
        self.limits: dict[str, Any] = {"may_leave": may_leave, "within_seconds": within_seconds}
        self.reply: Reply | None = None
        self.asked = False

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Carry one request of the SDK's; raises NotSent or Unclear."""
        self.reply = None
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        body = urlencode(data, doseq=True).encode() if data else (b"" if method.upper() == "POST" else None)
        sent = {**(headers or {}), **_basic(auth)}
        self.asked = True
        self.reply = self._wire.exchange(method, url, body=body, headers=sent, **self.limits)
        return Response(self.reply.status, self.reply.text, dict(self.reply.headers))


class Sms:
    """Creates, cancels, reads and redacts texts at Twilio; one SDK client per thread."""

    def __init__(self, settings: Settings, wire: Wire | None = None) -> None:
        self._settings = settings
        self._wire = wire or Wire()
        self._local = threading.local()

    def close(self) -> None:
        """Hang up; nobody may be asking Twilio anything."""
        self._wire.close()

    def create(
        self,
        *,
        to: str,
        body: str,
        sender: str,
        callback_url: str,
        send_at: pendulum.DateTime | None = None,
        may_leave: Fence | None = None,
        extras: dict[str, Any] | None = None,
    ) -> Outcome:
        """Ask Twilio for one text, now or at `send_at`; never raises for what Twilio or the network does.

        `sender` must be a Messaging Service SID when `send_at` is given (ValueError otherwise): Twilio drops the
        schedule without one and texts at once (Message Scheduling page).
        """
        asked: dict[str, Any] = {"to": to, "body": body, "status_callback": callback_url + CALLBACK_OVERRIDES}
        asked |= extras or {}
        asked["messaging_service_sid" if sender.startswith("MG") else "from_"] = sender
        if send_at is not None:
            if not sender.startswith("MG"):
                raise ValueError("a text can only be scheduled through a Messaging Service")
            asked |= {"schedule_type": "fixed", "send_at": utc_stamp(send_at)}
        client, transport = self._client()
        transport.forget(may_leave)
        try:
            client.messages.create(**asked)
        except FencedOff as error:
            return fenced_off(f"it was too late to hand it over ({error})")
        except NotSent as error:
            return not_sent(f"Twilio could not be reached ({error})")
        except Unclear as error:
            return unclear(f"the line broke before Twilio answered ({error})")
        except SDK_ERRORS as error:
            if not transport.asked:
                return Outcome("not_created", "late", f"the SDK asked Twilio nothing ({type(error).__name__})")
        return judge(transport.reply)  # whatever the SDK made of it

    def cancel(self, sid: str) -> None:
        """Cancel a scheduled text; raises SmsError (code 30409 when it can no longer be cancelled)."""
        self.ask(lambda client: client.messages(sid).update(status="canceled"))

    def fetch(self, sid: str, *, within_seconds: float | None = None) -> Remote | None:
        """Read one text; None when Twilio does not know it; raises SmsError, also when the answer takes too long."""
        try:
            return cast(Remote, self.ask(lambda client: remote_of(client.messages(sid).fetch()), within_seconds))
        except SmsError as error:
            if error.code == 20404:
                return None
            raise

    def list_to(self, to: str, *, limit: int = 200) -> list[Remote]:
        """List the newest texts to one number; raises SmsError."""
        found: list[Remote] = self.ask(
            lambda client: [remote_of(m) for m in client.messages.list(to=to, limit=limit, page_size=limit)]
        )
        return found

    def list_since(self, since: pendulum.DateTime) -> list[Remote]:
        """List every text made since a moment; raises SmsError.

        Twilio names no order and no such filter, so a whole page of older ones is what ends the reading.
        """
        found: list[Remote] = self.ask(lambda client: newer(client.messages.stream(page_size=PAGE), since))
        return found

    def list_inbound(self, since: pendulum.DateTime) -> list[Remote]:
        """List the texts that anybody sent to this account since a moment (UTC), the oldest first; raises SmsError."""
        found: list[Remote] = self.ask(
            lambda client: [remote_of(m) for m in client.messages.stream(date_sent_after=since, page_size=PAGE)]
        )
        return in_order([remote for remote in found if remote.direction == "inbound"])

    def numbers_of(self, service: str) -> frozenset[str]:
        """Return the numbers and short codes in a Messaging Service's pool; raises SmsError."""
        found: frozenset[str] = self.ask(lambda client: _pool(client.messaging.v1.services(service)))
        return found

    def ask_time(self) -> pendulum.DateTime | None:
        """Return Twilio's time (UTC, whole seconds) without making anything; None when it cannot be asked."""
        reply = self._client()[1].reply if self.answers() else None
        return server_date(reply) if reply else None

    def answers(self) -> bool:
        """Say whether Twilio answers a harmless question, be it with a refusal."""
        try:
            self.ask(lambda client: client.messages.list(limit=1, page_size=1))
        except SmsError as error:
            return error.permanent
        return True

    def redact(self, sid: str) -> None:
        """Blank the body of a finished text at Twilio; raises SmsError."""
        self.ask(lambda client: client.messages(sid).update(body=""))

    def delete(self, sid: str) -> None:
        """Have Twilio forget a text altogether; raises SmsError (code 20009 before it is complete)."""
        self.ask(lambda client: client.messages(sid).delete())

    def genuine(self, url: str, form: Any, signature: str) -> bool:
        """Say whether a webhook was signed by Twilio with the current or the previous auth token."""
        if len(signature) != SIGNATURE_LENGTH:
            return False
        tokens = self._settings.webhook_tokens
        return any(RequestValidator(token).validate(url, form, signature) for token in tokens)

    def _client(self) -> tuple[Client, _Transport]:
        if not hasattr(self._local, "client"):
            s = self._settings
            transport = _Transport(self._wire)
            user, secret = (s.twilio_api_key, s.twilio_api_secret) if s.twilio_api_key else ("", "")
            client = Client(
                user or s.twilio_account_sid or "unset",
                secret or s.twilio_auth_token or "unset",
                s.twilio_account_sid or "unset",
                http_client=transport,
                environment={"_": ""},
            )
            if s.twilio_base_url:
                client.api.base_url = s.twilio_base_url
                client.messaging.base_url = f"{s.twilio_base_url}/messaging"
            self._local.client, self._local.transport = client, transport
        return self._local.client, self._local.transport

    def ask(self, question: Callable[[Any], Any], within_seconds: float | None = None) -> Any:
        """Put any question to the SDK's client; raises SmsError."""
        client, transport = self._client()
        transport.forget(within_seconds=within_seconds)
        try:
            return question(client)
        except (NotSent, Unclear) as error:
            raise SmsError("Twilio could not be reached") from error
        except SDK_ERRORS as error:
            raise _refused(transport) from error


def sms() -> Sms:
    """Return the running site's way to Twilio."""
    found: Sms = current_app.extensions["sms"]
    return found


def utc_stamp(moment: pendulum.DateTime) -> str:
    """Write a moment as Twilio's SendAt wants it: UTC, whole seconds, Z. The SDK itself would not convert the zone."""
    return moment.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def _pool(service: Any) -> frozenset[str]:
    codes = [one.short_code for one in service.short_codes.list()]
    return frozenset([one.phone_number for one in service.phone_numbers.list()] + codes)


def _refused(transport: _Transport) -> SmsError:
    reply = transport.reply
    if reply is None:
        return SmsError("Twilio gave no answer" if transport.asked else "the SDK asked Twilio nothing")
    code, slow_down = code_of(reply), reply.status == 429
    return SmsError(
        f"Twilio answered {code or 'with an error'}",
        permanent=400 <= reply.status < 500 and not slow_down,
        code=code,
        slow_down=slow_down,
        retry_after_seconds=retry_after_seconds(reply),
    )


def _basic(auth: tuple[str, str] | None) -> dict[str, str]:
    if not auth:
        return {}
    return {"Authorization": "Basic " + b64encode(f"{auth[0]}:{auth[1]}".encode()).decode("ascii")}
