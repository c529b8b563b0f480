"""How often one address may try: guesses at patients' links, and answers by link. Counted in memory, per process."""

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from reminder_site.web.pages import manage

TRIES = "30 per 10 minutes"


def register(app: Flask) -> None:
    """Put the limits on the patient's pages; a link that opens is never counted, however often it is read."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", strategy="moving-window")
    limiter.limit(TRIES, deduct_when=_led_nowhere, scope="guess")(manage.pages)
    limiter.limit(TRIES, methods=["POST"], scope="answer")(manage.pages)


def _led_nowhere(response: Response) -> bool:
    return response.status_code == 404
