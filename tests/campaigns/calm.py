"""When a campaign may put the clock forward: nobody can do anything until then. Pure; moments are UTC."""

from reminder_site.domain import message_state as states

AT_TWILIO = {states.SCHEDULED, states.ACCEPTED, states.SENT}  # what is left of these is asked after once in a while
BUSY = {states.LEASED, states.SUBMITTING, states.CANCELLING}
SOON_SECONDS, A_WHILE_SECONDS = 0.25, 0.7
# A text that is unclear waits for a stopwatch, which no clock moves; one that is put off longer waits for the clock.
LONGER_THAN_A_STOPWATCH_SECONDS = 10
TOGETHER_SECONDS = 60


def until(there):
    """Return the moment until which all is calm, None when something goes on; `there` is what the desk says.

    What comes within a minute of the first comes together: the workers have it all at once.
    """
    looks = there["looks"]
    if not looks or there["open"].keys() & BUSY:
        return None
    if states.PENDING in looks:
        return _pending(there, *looks[states.PENDING])
    unclear_last = looks.get(states.UNKNOWN, (there["now"],) * 2)[1]
    if _ahead(there, unclear_last) > LONGER_THAN_A_STOPWATCH_SECONDS:
        return unclear_last
    first, last = min(first for first, _ in looks.values()), max(last for _, last in looks.values())
    if _ahead(there, first) < A_WHILE_SECONDS:
        return None
    return last if there["open"].keys() <= AT_TWILIO else first


def _pending(there, first, last):
    """What is to leave here waits for its moment, and for Twilio's answer while that is silent."""
    first = max(first, there["silent_until"] or first)
    if _ahead(there, first) < SOON_SECONDS:
        return None
    return max(first, min(last, first.add(seconds=TOGETHER_SECONDS)))


def _ahead(there, moment):
    return (moment - there["now"]).total_seconds()
