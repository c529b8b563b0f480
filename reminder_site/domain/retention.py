"""How long what is kept, and when a night's tidying is due. Pure; moments are UTC.

A clinic sets the first three for itself (Keeping); opt-outs are kept for ever.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import pendulum

TEXTS_DAYS: Final = 90  # the words of texts, once their appointment is over
RECEIPTS_DAYS: Final = 30
APPOINTMENTS_MONTHS: Final = 24  # then nobody can tell whose they were
SESSIONS_DAYS: Final = 30  # after their end
LINKS_DAYS: Final = 30  # links for one more browser, used or not; they work for a day
AUDIT_YEARS: Final = 6  # 45 CFR 164.316(b)(2)(i): HIPAA's documentation; who opened whose page is kept as long
STILL_NEEDED_DAYS: Final = 7  # after an appointment its texts still say what an answer is about (queries.threads)
# The least and the most a clinic may set.
TEXTS_RANGE: Final = (30, 3_650)
RECEIPTS_RANGE: Final = (7, 365)
APPOINTMENTS_RANGE: Final = (6, 240)

ERASED: Final = "(erased)"  # stands where a name was
# Why a patient was erased: chosen, not typed, because it stands in the audit, which names nobody and forgets nothing.
REASONS: Final = {
    "asked": "the patient asked for it",
    "mistake": "entered by mistake, or twice",
    "ordered": "a court or an authority ordered it",
    "left": "no longer a patient, and nothing has to be kept",
    "restored": "a restored backup had brought an erased patient back",
}

NIGHT: Final = range(1, 5)  # hours on the clinic's clock
MOST_DAYS_BETWEEN: Final = 2  # a machine that is off at night tidies by day


@dataclass(frozen=True)
class Keeping:
    """What a clinic decides: days and months."""

    texts_kept_days: int = TEXTS_DAYS
    receipts_kept_days: int = RECEIPTS_DAYS
    appointments_kept_months: int = APPOINTMENTS_MONTHS

    def texts_before(self, now: pendulum.DateTime) -> pendulum.DateTime:
        """Return up to when texts lose their words."""
        return now.subtract(days=self.texts_kept_days)

    def receipts_before(self, now: pendulum.DateTime) -> pendulum.DateTime:
        """Return up to when receipts go."""
        return now.subtract(days=self.receipts_kept_days)

    def appointments_before(self, now: pendulum.DateTime) -> pendulum.DateTime:
        """Return up to when appointments lose their patient."""
        return now.subtract(months=self.appointments_kept_months)


def is_due(local: datetime, done_on: date | None) -> bool:
    """Say whether to tidy now: in each night once, by day only where the last nights were missed.

    `local` is the wall time at the clinic, `done_on` the day there on which it was last done.
    """
    if done_on is not None and done_on >= local.date():
        return False
    missed = done_on is not None and done_on < local.date() - timedelta(days=MOST_DAYS_BETWEEN)
    return local.hour in NIGHT or missed
