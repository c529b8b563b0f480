"""When a text that Twilio has, or may have, is looked at again. Pure; times are UTC, durations name a unit."""

from typing import Final

import pendulum

from reminder_site.domain.delivery import POLL_AFTER_SECONDS

FOLLOWED_HOURS: Final = 72
UNCLEAR_TOO_LONG_MINUTES: Final = 60
ERROR_FIRST_SECONDS, ERROR_LONGEST_SECONDS = 60, 300
TO_BE_GONE: Final = 2  # so often Twilio has not known a text it took, until it is certain that it is gone
PARKED_LONGEST_SECONDS: Final = 3600
CANCEL_FIRST_SECONDS, CANCEL_LONGEST_SECONDS = 5, 300
CANCEL_IN_TIME_SECONDS: Final = 90  # cancels are certain until 60 s before the send time
CANCEL_TOO_LATE_SECONDS: Final = 15
ASKED_TO_WAIT_SECONDS: Final = 300  # at the most, whatever Retry-After says


def doubled(failures: int, *, first_seconds: int, longest_seconds: int) -> int:
    """Return how long to wait after so many failures in a row: the first wait, doubled each time up to the longest."""
    return min(longest_seconds, first_seconds << min(failures, 12))


def news_at(left_at: pendulum.DateTime, now: pendulum.DateTime) -> pendulum.DateTime | None:
    """Return when to ask Twilio next how a text is that left, or leaves, at a moment; None 72 hours after that."""
    for seconds in POLL_AFTER_SECONDS:
        at = left_at.add(seconds=seconds)
        if now < at:
            return max(at, now.add(seconds=60))
    return None


def first_news_at(send_at: pendulum.DateTime, now: pendulum.DateTime) -> pendulum.DateTime:
    """Return when to ask for the first time how a text is that Twilio sends at a moment: now, if that is long past."""
    return max(send_at.add(seconds=POLL_AFTER_SECONDS[0]), now)


def error_at(failures: int, now: pendulum.DateTime, *, retry_after_seconds: int | None = None) -> pendulum.DateTime:
    """Return when to ask again what Twilio would not say: after a minute, doubled up to five."""
    wait = doubled(failures, first_seconds=ERROR_FIRST_SECONDS, longest_seconds=ERROR_LONGEST_SECONDS)
    return now.add(seconds=max(wait, _asked_to_wait(retry_after_seconds)))


def parked_at(send_at: pendulum.DateTime, failures: int, now: pendulum.DateTime) -> pendulum.DateTime | None:
    """Return when to look again for a parked text: after a minute, doubled up to an hour; None 72 h after its time."""
    if now >= send_at.add(hours=FOLLOWED_HOURS):
        return None
    wait = doubled(failures, first_seconds=ERROR_FIRST_SECONDS, longest_seconds=PARKED_LONGEST_SECONDS)
    return now.add(seconds=wait)


def cancel_at(
    send_at: pendulum.DateTime, failures: int, now: pendulum.DateTime, *, retry_after_seconds: int | None = None
) -> pendulum.DateTime:
    """Return when to ask again for a cancel: after 5 s, doubled up to 5 min, but always once more while it counts."""
    wait = doubled(failures, first_seconds=CANCEL_FIRST_SECONDS, longest_seconds=CANCEL_LONGEST_SECONDS)
    at = now.add(seconds=max(wait, _asked_to_wait(retry_after_seconds)))
    in_time = send_at.subtract(seconds=CANCEL_IN_TIME_SECONDS)
    if now < in_time:
        return min(at, in_time)
    return min(at, now.add(seconds=CANCEL_TOO_LATE_SECONDS)) if now < send_at else at


def _asked_to_wait(retry_after_seconds: int | None) -> int:
    return min(ASKED_TO_WAIT_SECONDS, retry_after_seconds or 0)
