"""Ordinary days of clinics, as the alerts see them: weekdays, lunch, holidays, nights, deploys, small mishaps.

Drawn by a fixed seed. Nothing in them is a trouble, so no alert may come of them.
"""

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate

import pendulum

from reminder_site.domain.alert_measures import Figures, OfClinic, Usual
from reminder_site.domain.closed_days import closed_days
from reminder_site.domain.opening_hours import seconds_open

HOURS = {day: ("08:00", "18:00") for day in ("mon", "tue", "wed", "thu", "fri")}
FIRST = date(2026, 1, 1)
DAY = 86_400


@dataclass(frozen=True)
class Size:
    """How large a site is: appointments of a working day, its clinics, the share that fails, replies for a text."""

    visits: int
    clinics: int = 1
    failing: float = 0.02
    replies: float = 0.35


SIZES = {"small": Size(9), "middling": Size(45, failing=0.03, replies=0.2), "large": Size(380, 4, failing=0.025)}


class Site:
    """A site's figures at any moment of some ordinary days from `begins` on; moments are seconds since then."""

    def __init__(self, size, begins, days, seed):
        self.size, self.begins, self.draw = size, begins, random.Random(f"{seed} {size} {begins}")
        self.closed = closed_days("US", None, (begins.year, begins.year + 1), {})
        self.sent, self.final, self.failed, self.receipts, self.replies = [], [], [], [], []
        self.inbox, self.reviews, self.refused, self.blips = [], [], [], []
        for day in range(days):
            self._day(day)
        ended = sorted(zip(self.final, self.failed, strict=True))
        self.final, self.failed = [at for at, _ in ended], [0, *accumulate(failed for _, failed in ended)]
        for times in (self.sent, self.receipts, self.replies, self.refused):
            times.sort()
        open_days = sum(self._is_open(day) for day in range(days))
        self.usual = Usual(len(self.final), self.failed[-1], len(self.final) - self.failed[-1], len(self.replies),
                           open_days * 10 * 3_600)  # fmt: skip

    def _is_open(self, day):
        on = self.begins + timedelta(days=day)
        return on.weekday() < 5 and on not in self.closed

    def _day(self, day):
        draw, midnight = self.draw, day * DAY
        for hour in range(24):  # whoever looks for holes in web sites
            if draw.random() < 0.1:
                self.refused += [midnight + hour * 3_600 + draw.random() * 3_600 for _ in range(draw.randint(1, 4))]
        if self._is_open(day):
            busy = draw.choice((0.6, 0.8, 1, 1, 1, 1.2, 1.5))
            visits = max(1, round(self.size.visits * busy))
            ten = midnight + 10 * 3_600
            self._texts([ten + number / 20 for number in range(visits)])  # the day before, all at ten
            self._texts(
                [midnight + draw.uniform(8, 16) * 3_600 for _ in range(visits)]
            )  # two hours before, and made now
            self._mishaps(midnight)

    def _texts(self, times):
        draw = self.draw
        for at in times:
            arrives = at + draw.uniform(1, 20)
            self.sent.append(at)
            self.receipts.append(at + draw.uniform(0.3, 2))
            self.final.append(arrives)
            self.failed.append(int(draw.random() < self.size.failing))
            if not self.failed[-1] and draw.random() < self.size.replies:
                reply = arrives + draw.expovariate(1 / 2_400)
                lunch = 12 * 3_600 <= reply % DAY < 13 * 3_600
                reply += 1_800 if lunch else 0
                self.replies.append(reply)
                if draw.random() < 0.05:
                    self.inbox.append((reply, reply + draw.uniform(300, 5_400)))

    def _mishaps(self, midnight):
        draw = self.draw
        if draw.random() < 0.2:  # a new version, or a machine that starts anew
            begins = midnight + draw.uniform(7, 20) * 3_600
            self.blips.append(("deploy", begins, begins + draw.uniform(10, 80)))
        if draw.random() < 0.1:
            begins = midnight + draw.uniform(8, 17) * 3_600
            self.blips.append(("twilio", begins, begins + draw.uniform(10, 100)))
        if draw.random() < 0.2:
            begins = midnight + draw.uniform(8, 17) * 3_600
            self.reviews.append((begins, begins + draw.uniform(60, 1_500)))

    def figures(self, at):
        """Return what one look finds at a moment."""
        now = self.now(at)
        lately = [kind for kind, begins, ends in self.blips[-400:] if begins <= at < ends]
        since = {kind: begins for kind, begins, ends in self.blips if begins <= at < ends}
        draw = self.draw
        late = since.get("deploy", at - draw.uniform(0, 15))
        last = bisect_right(self.replies, at)
        last_at = self.replies[last - 1] if last else 0
        window = bisect_left(self.final, at - 3_600), bisect_right(self.final, at)
        arrived = bisect_left(self.final, last_at), window[1]
        waiting = min((begun for begun, ends in self.inbox if begun <= at < ends), default=None)
        return Figures(
            is_open=self._open_seconds(at - 1, at) > 0,
            beat_at=self.now(late),
            oldest_due_at=self.now(min(late, at - draw.uniform(0, 25))) if lately or draw.random() < 0.5 else None,
            final=window[1] - window[0],
            failed=self.failed[window[1]] - self.failed[window[0]],
            left=bisect_right(self.sent, at - 300) - bisect_left(self.sent, at - 2_100),
            receipts=bisect_right(self.receipts, at) - bisect_left(self.receipts, at - 2_100),
            arrived_since=(arrived[1] - arrived[0]) - (self.failed[arrived[1]] - self.failed[arrived[0]]),
            silent_seconds=self._open_seconds(last_at, at),
            usual=self.usual,
            refused=bisect_right(self.refused, at) - bisect_left(self.refused, at - 600),
            taken=bisect_right(self.receipts, at) - bisect_left(self.receipts, at - 600),
            stopped_since=self.now(since["twilio"]) if "twilio" in since else None,
            unclear=draw.choice((0, 0, 0, 1, 2)),
            unclear_since=now.subtract(seconds=draw.uniform(0, 900)),
            needs_review=sum(begins <= at < ends for begins, ends in self.reviews),
            skew_seconds=draw.choice((0, 0, 1, -2)),
            host="one",
            disk_free_ratio=0.55 + 0.1 * ((at // DAY) % 30) / 30,
            disk_full_seconds=draw.choice((float("inf"), 40 * 3_600)),
            backup_at=self.now(at - at % 3_600 - draw.choice((0, 0, 0, 3_600))),
            clinics=self._clinics(at, waiting),
        )

    def _clinics(self, at, waiting):
        today = bisect_right(self.sent, at) - bisect_left(self.sent, at - at % DAY)
        cap = self.size.visits * 4.5
        inbox = self._open_seconds(waiting, at) if waiting is not None else 0.0
        return tuple(OfClinic(f"clinic {number}", today / cap, 0, inbox) for number in range(self.size.clinics))

    def now(self, at):
        return pendulum.datetime(self.begins.year, self.begins.month, self.begins.day, tz="UTC").add(seconds=at)

    def _open_seconds(self, since, until):
        begins = datetime.combine(self.begins, datetime.min.time())
        return seconds_open(HOURS, self.closed, begins + timedelta(seconds=since), begins + timedelta(seconds=until))
