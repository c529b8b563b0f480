"""When a clinic's texts may arrive, and where a text that falls outside goes instead. Never drops one.

Source of the window: the hours that US states allow for calls, narrower than the federal 8 am to 9 pm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import pendulum

from reminder_site.domain.spoken import clock, day
from reminder_site.domain.times import first_valid, to_local
from reminder_site.domain.zones import city

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MIDNIGHT = time(0)
FLOOR_OPENS, FLOOR_CLOSES = time(8), time(21)  # US federal law: no calls or texts before and after
LEAST_QUIET_MINUTES = 6 * 60
FURTHEST_DAYS = 60
NEAR_DAYS = 14  # within which a moment is looked for that suits the phone, too
LEAST_NOTICE_HOURS = 2


@dataclass(frozen=True)
class QuietHours:
    """The hours in which texts may arrive, in the clinic's zone: from `opens` until just before `closes`.

    `closes` at midnight is the end of the day. Raises ValueError when nothing lies between.
    """

    opens: time = time(9)
    closes: time = time(19)
    sundays: bool = False

    def __post_init__(self) -> None:
        if self.closes != MIDNIGHT and self.opens >= self.closes:
            raise ValueError("Texts must be allowed from an earlier hour to a later one.")

    @property
    def as_good_as_none(self) -> bool:
        """Tell whether so few hours of a day are quiet that somebody's night is not kept."""
        closes = 24 * 60 if self.closes == MIDNIGHT else self.closes.hour * 60 + self.closes.minute
        open_minutes = closes - self.opens.hour * 60 - self.opens.minute
        return 24 * 60 - open_minutes < LEAST_QUIET_MINUTES

    def widest(self) -> "QuietHours":
        """Return the hours for texts that answer what somebody just did: at least 8 am to 9 pm, on Sundays too."""
        closes = MIDNIGHT if self.closes == MIDNIGHT else max(self.closes, FLOOR_CLOSES)
        return QuietHours(min(self.opens, FLOOR_OPENS), closes, sundays=True)

    def why_quiet(self, local: datetime, closed: Mapping[date, str], what: str = "reminders") -> str | None:
        """Say why no text of this sort may arrive at this wall time; None when it may."""
        if reason := self._why_whole_day(local.date(), closed):
            return reason
        if self.opens <= local.time() and (self.closes == MIDNIGHT or local.time() < self.closes):
            return None
        return f"{what} go out between {clock(self.opens)} and {clock(self.closes)}"

    def last_before(self, local: datetime, closed: Mapping[date, str]) -> datetime | None:
        """Return the last allowed minute before a quiet wall time; None when there is none within 60 days."""
        for back in range(FURTHEST_DAYS):
            on = local.date() - back * DAY
            last = datetime.combine(on, self.closes) - MINUTE + (DAY if self.closes == MIDNIGHT else timedelta())
            if last < local and not self._why_whole_day(on, closed):
                return last
        return None

    def next_after(self, local: datetime, closed: Mapping[date, str]) -> datetime | None:
        """Return the next opening after a quiet wall time; None when there is none within 60 days."""
        for ahead in range(FURTHEST_DAYS):
            on = local.date() + ahead * DAY
            opening = datetime.combine(on, self.opens)
            if opening > local and not self._why_whole_day(on, closed):
                return opening
        return None

    def _why_whole_day(self, on: date, closed: Mapping[date, str]) -> str | None:
        if on in closed:
            return f"{day(on, on)} is a closed day ({closed[on]})"
        return "the clinic does not text on Sundays" if on.weekday() == 6 and not self.sundays else None


class Shifted(NamedTuple):
    """Where a text goes: `why` is None when it was not moved; `flagged` when it stays in quiet hours all the same."""

    at: pendulum.DateTime
    why: str | None
    flagged: bool


@dataclass(frozen=True)
class Window:
    """Quiet hours with a clinic's zone and closed days, what they are for, and whether that may move to before.

    `phone_zones` are the zones the phone may be in: nothing before 8 am or after 9 pm in any of them. Where its clock
    shows what the clinic's shows, the clinic's hours count.
    """

    quiet: QuietHours
    zone: str
    closed: Mapping[date, str]
    backwards: bool = True
    what: str = "reminders"
    phone_zones: tuple[str, ...] = ()

    def shift(self, at: pendulum.DateTime, *, starts_at: pendulum.DateTime, not_before: pendulum.DateTime) -> Shifted:
        """Move a text that would arrive in quiet hours.

        It goes to the last allowed minute before (not before `not_before`), else to the next opening if that is at
        least 2 h before the start, else it stays and is flagged. All instants are UTC. If no moment suits both the
        clinic and the phone, the clinic's hours count, and `why` says so.
        """
        if not self.phone_zones:
            return self._shift(at, starts_at, not_before)
        if both := self._shift_for_both(at, starts_at, not_before):
            return both
        placed = self._shift(at, starts_at, not_before)
        asleep = self.why_asleep(placed.at)
        words = f"though {asleep}: no time suits both, so the clinic’s hours count" if asleep else None
        return placed._replace(why="; ".join(filter(None, (placed.why, words))) or None)

    def why_asleep(self, at: pendulum.DateTime) -> str | None:
        """Say why a text at an instant may wake somebody where the phone may be; None when it does not."""
        local = to_local(at, self.zone)
        for zone in self.phone_zones:
            there = to_local(at, zone)
            if there != local and not FLOOR_OPENS <= there.time() < FLOOR_CLOSES:
                return f"it is {clock(there)} in {city(zone)}, where this phone may be"
        return None

    def waits_until(self, at: pendulum.DateTime) -> pendulum.DateTime | None:
        """Return the opening that a text waits for which is ready at an instant (UTC); None when it may leave then."""
        local = to_local(at, self.zone)
        ours = self.quiet.why_quiet(local, self.closed)
        both = self._opening_for_both(at) if self.phone_zones and (ours or self.why_asleep(at)) else None
        return both or (self._placed(self.quiet.next_after(local, self.closed)) if ours else None)

    def _opening_for_both(self, at: pendulum.DateTime) -> pendulum.DateTime | None:
        first = to_local(at, self.zone).date()
        spans = (span for ahead in range(NEAR_DAYS) for span in self._spans(first + ahead * DAY))
        return next((begins for begins, _ends in spans if begins > at), None)

    def _shift_for_both(
        self, at: pendulum.DateTime, starts_at: pendulum.DateTime, not_before: pendulum.DateTime
    ) -> Shifted | None:
        """Move a text to where it suits clinic and phone: for the phone to the nearer side; None when nothing does."""
        local = to_local(at, self.zone)
        ours = self.quiet.why_quiet(local, self.closed, self.what)
        reason = ours or self.why_asleep(at)
        if reason is None:
            return Shifted(at, None, False)
        before = self._last_before_for_both(at) if self.backwards else None
        after = self._opening_for_both(at)
        fits = [before] if before is not None and before >= not_before else []
        fits += [after] if after is not None and after <= starts_at.subtract(hours=LEAST_NOTICE_HOURS) else []
        if not fits:
            return None
        to = fits[0] if ours else min(fits, key=lambda fit: abs((fit - at).total_seconds()))
        return Shifted(to, self._moved(local, to, reason), False)

    def _last_before_for_both(self, at: pendulum.DateTime) -> pendulum.DateTime | None:
        first = to_local(at, self.zone).date()
        spans = (span for back in range(NEAR_DAYS) for span in reversed(self._spans(first - back * DAY)))
        return next((last for _begins, ends in spans if (last := ends.subtract(minutes=1)) < at), None)

    def _spans(self, on: date) -> list[tuple[pendulum.DateTime, pendulum.DateTime]]:
        """List from when until when texts may arrive on a day of the clinic's, wherever the phone may be (UTC)."""
        if self.quiet.why_quiet(datetime.combine(on, self.quiet.opens), self.closed):
            return []
        ends_on = on + DAY if self.quiet.closes == MIDNIGHT else on
        spans = [(self._at(on, self.quiet.opens), self._at(ends_on, self.quiet.closes))]
        for zone in self.phone_zones:
            if to_local(spans[0][0], zone) == to_local(spans[0][0], self.zone):
                continue
            days = [on + shift * DAY for shift in (-1, 0, 1)]
            awake = [(self._at(day, FLOOR_OPENS, zone), self._at(day, FLOOR_CLOSES, zone)) for day in days]
            both = [(max(a, c), min(b, d)) for a, b in spans for c, d in awake]
            spans = [(begins, ends) for begins, ends in both if begins < ends]
            if not spans:
                return []
        return spans

    def _at(self, on: date, wall: time, zone: str = "") -> pendulum.DateTime:
        return first_valid(datetime.combine(on, wall), zone or self.zone)[0].at

    def _shift(self, at: pendulum.DateTime, starts_at: pendulum.DateTime, not_before: pendulum.DateTime) -> Shifted:
        local = to_local(at, self.zone)
        reason = self.quiet.why_quiet(local, self.closed, self.what)
        if reason is None:
            return Shifted(at, None, False)
        before = self._placed(self.quiet.last_before(local, self.closed)) if self.backwards else None
        after = self._placed(self.quiet.next_after(local, self.closed))
        if before is not None and before >= not_before:
            return Shifted(before, self._moved(local, before, reason), False)
        if after is not None and after <= starts_at.subtract(hours=LEAST_NOTICE_HOURS):
            return Shifted(after, self._moved(local, after, reason), False)
        return Shifted(at, f"sent all the same, though {reason}: no allowed time is left before the appointment", True)

    def _placed(self, local: datetime | None) -> pendulum.DateTime | None:
        return first_valid(local, self.zone)[0].at if local else None

    def _moved(self, local: datetime, to: pendulum.DateTime, reason: str) -> str:
        there = to_local(to, self.zone)
        return f"moved from {_brief(local)} to {_brief(there)} because {reason}"


def _brief(local: datetime) -> str:
    return f"{day(local.date(), local.date())} {clock(local)}"
