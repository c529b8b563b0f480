"""From a button at the desk to the text at Twilio: web server, queue and worker together."""

import secrets
import time

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Message
from tests.benchmarks.measure import Row, Spread

WITHIN_SECONDS = 1
PATIENTS = 20
REST_SECONDS = 0.05


def run(site, scale):
    """Text patients by hand, one after the other, and see when Twilio has each text."""
    site.fill(PATIENTS, PATIENTS)
    site.faults(callbacks={"lost": 1.0})
    runs = max(2, scale.runs // 3)
    with site.browser() as browser, site.working():
        for number in range(runs):
            form = {"body": f"Please bring your card, {number}", "nonce": secrets.token_urlsafe(24), "hour": "now"}
            browser.post(f"/patients/{1 + number % PATIENTS}/text", expect=(303,), **form)
            time.sleep(REST_SECONDS)
        site.until(lambda: len(site.ask(waits)) >= runs)
    spread = Spread(site.ask(waits))
    how = "text by hand, from the post to the answer recorded; web, queue and worker"
    met = spread.at(99) <= 1000 * WITHIN_SECONDS
    return [Row("from the button to Twilio", how, str(spread), f"p99 ≤ {WITHIN_SECONDS} s", met)]


def waits():
    """Return how long each text by hand took to be taken, in seconds (at a desk)."""
    db.session.rollback()
    by_hand = Message.kind == "staff", Message.handed_at.is_not(None)
    rows = db.session.execute(select(Message.handed_at, Message.created_at).where(*by_hand).order_by(Message.id))
    return [(handed_at - created_at).total_seconds() for handed_at, created_at in rows]
