"""What Twilio calls: status receipts and texts from patients. Nothing is read before the signature has been checked."""

import logging
import re
from typing import Final, NoReturn
from xml.sax.saxutils import escape

from flask import Blueprint, Response, abort, current_app, request

from reminder_site.actions import answers, receipts
from reminder_site.config import settings
from reminder_site.gateways.sms import sms
from reminder_site.queries import health
from reminder_site.web.now import machine_now, now

hooks = Blueprint("twilio", __name__, url_prefix="/webhooks/twilio")

log = logging.getLogger("reminder_site.security")
MAX_BYTES: Final = 64 * 1024
FORM: Final = "application/x-www-form-urlencoded"
SID: Final = re.compile(r"(?:SM|MM)[0-9a-f]{32}", re.ASCII)
STATUS: Final = re.compile(r"[a-z_]{1,24}", re.ASCII)
HIGHEST_CODE: Final = 999_999


@hooks.before_request
def check_signature() -> None:
    """Refuse, without a word, whatever Twilio has not signed for this very address (413 when it is too long)."""
    request.max_content_length = MAX_BYTES
    if request.mimetype != FORM or any(len(values) > 1 for _, values in request.form.lists()):
        _refuse("form")
    signature = request.headers.get("X-Twilio-Signature", "")
    if not sms().genuine(_signed_url(), request.form, signature):
        log.warning("a webhook that Twilio had not signed was refused, from %s", request.remote_addr)
        _refuse("signature")
    if request.form.get("AccountSid") != settings().twilio_account_sid or not SID.fullmatch(_sid()):
        _refuse("account")


def _refuse(reason: str) -> NoReturn:
    current_app.extensions["refusals"].note(str(request.endpoint).rpartition(".")[2], reason, now=machine_now())
    abort(403)


@hooks.before_request
def refuse_in_a_rehearsal() -> None:
    """Take nothing for the site that this one is a copy of: Twilio's own list keeps it."""
    if health.is_rehearsal():
        abort(503)


@hooks.post("/status/<token>")
def status(token: str) -> tuple[str, int]:
    """Take a receipt; Twilio hears the same whether or not anybody here knows the text."""
    reported = request.form.get("MessageStatus", "")
    code = request.form.get("ErrorCode", type=int)
    if STATUS.fullmatch(reported):
        known_code = code if code and 0 < code <= HIGHEST_CODE else None
        receipts.receive_status(token=token, sid=_sid(), status=reported, error_code=known_code, now=now())
    return "", 204


@hooks.post("/inbound")
def inbound() -> Response:
    """Take a patient's text and answer it in TwiML."""
    form = request.form
    reply = answers.receive(
        sid=_sid(),
        from_e164=form.get("From", ""),
        to=form.get("To", ""),
        body=form.get("Body", ""),
        media_count=max(0, min(form.get("NumMedia", 0, type=int), 10)),
        service=form.get("MessagingServiceSid", ""),
        opt_out_type=form.get("OptOutType", ""),
        sms=sms(),
        now=now(),
    )
    said = f"<Response><Message>{escape(reply)}</Message></Response>" if reply else "<Response/>"
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{said}', mimetype="text/xml")


def _sid() -> str:
    return request.form.get("MessageSid", "")


def _signed_url() -> str:
    """Return the address Twilio called: the public one, with path and query exactly as they came in."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    path = raw.partition("?")[0] if raw.startswith("/") else request.path
    query = request.query_string.decode("latin-1")
    return f"{settings().public_base_url}{path}" + (f"?{query}" if query else "")
