"""Gives each request an id, which its log lines and its answer carry, and notes how long it took."""

import logging
import secrets
import time
from typing import Final

import structlog
from flask import Flask, Response, g, request

from reminder_site.domain.log_masking import sane_request_id
from reminder_site.web.metrics import note_request

log = logging.getLogger("reminder_site.requests")
HEADER: Final = "X-Request-ID"
SLOW_SECONDS: Final = 1.0


def register(app: Flask) -> None:
    """Begin before every other step of a request, and end after it."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    g.began = time.monotonic()
    g.request_id = sane_request_id(request.headers.get(HEADER, "")) or secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    seconds = time.monotonic() - g.began
    response.headers[HEADER] = g.request_id
    note_request(response.status_code, seconds)
    if seconds > SLOW_SECONDS:
        log.warning("a request took long: %s", request.endpoint, extra={"seconds": round(seconds, 1)})
    return response


def _forget(error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()
