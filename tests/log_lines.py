"""What this process would write to its log, for tests."""

import io
import logging
from contextlib import contextmanager

import structlog

from reminder_site import logs


@contextmanager
def log_lines(form, level=logging.WARNING):
    """Have this process write its lines as "text" or "json" meanwhile; yields a function that returns them."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.level
    handler = logs.set_up(form, stream)
    root.setLevel(level)
    try:
        yield lambda: stream.getvalue().splitlines()
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        logging.getLogger("reminder_site").setLevel(logging.NOTSET)
        structlog.contextvars.clear_contextvars()
