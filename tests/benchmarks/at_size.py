"""Pages, searches, booking and the worker's look at the outbox, with few rows in every table and with a million."""

import secrets
from datetime import timedelta

from sqlalchemy import select, update

from reminder_site.actions import leasing
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Pace
from reminder_site.models import Message
from reminder_site.queries.delivery import next_action_at
from tests.benchmarks import filling
from tests.benchmarks.measure import Row, Spread, plain, spending, timed
from tests.campaigns.desk import now

DAY_MS, DAY_CPU_MS, GROWS_TIMES, SEARCH_MS, BOOK_MS, LOOK_MS, WINDOW_SECONDS = 50, 8, 1.3, 30, 60, 1, 2
TYPED = {
    "the beginning of a name": lambda n: filling.SYLLABLES[n % 16] + filling.SYLLABLES[n * 5 % 16][:1],
    "a piece inside a name": lambda n: filling.SYLLABLES[n % 16][1:] + filling.SYLLABLES[n * 3 % 16][:2],
    "a name nobody has": lambda n: "zq" + filling.SYLLABLES[n % 16],
    "the last digits of a number": lambda n: str(1_000_000 + n * 7919)[-6:],
}


def run(site, scale):
    """Measure with few rows, then with many."""
    web, rows = site.serving(), f"{scale.rows:,}"
    site.fill(scale.few_rows, scale.a_day)
    with site.browser() as browser:
        few, _cpu = _days(site, browser, web, scale)
    site.fill(scale.rows, scale.a_day)
    with site.browser() as browser:
        many, cpu_ms = _days(site, browser, web, scale)
        grows = many.at(50) / few.at(50)
        day = f"day page with {scale.a_day} appointments, {rows} in the table"
        yield Row(day, "web server, signed in, as the browser sees it", str(many), f"p99 ≤ {DAY_MS} ms",
                  many.at(99) <= DAY_MS)  # fmt: skip
        yield Row(f"{day}: CPU", "process times of the web server", f"{plain(cpu_ms)} ms a page", f"≤ {DAY_CPU_MS} ms",
                  cpu_ms <= DAY_CPU_MS)  # fmt: skip
        yield Row(f"{day}, against {scale.few_rows:,}", "ratio of the medians", f"{grows:.2f} times",
                  f"≤ {GROWS_TIMES}", grows <= GROWS_TIMES)  # fmt: skip
        yield from _searches(browser, scale, rows)
        yield from _looks(site, scale, rows)
        yield _booking(site, browser, scale, rows)


def _days(site, browser, web, scale):
    """Open days around today; return what each took, and the web server's CPU for a page in ms."""
    today, half = site.ask(filling.today), max(1, scale.few_rows // scale.a_day // 2)
    for number in range(min(20, scale.runs)):
        browser.get(f"/day/{today + timedelta(days=number % half)}")
    with spending(web) as spent:
        taken = [browser.get(f"/day/{today + timedelta(days=n % half)}")[1] for n in range(scale.runs)]
    return Spread(taken), 1000 * spent.cpu / scale.runs


def _searches(browser, scale, rows):
    for words, typed in TYPED.items():
        runs = max(2, scale.runs // 8)
        spread = Spread(browser.post("/appointments/patients", typed=typed(n))[1] for n in range(runs))
        what = f"search as one types: {words}, {rows} patients"
        yield Row(what, "web server, posted", str(spread), f"p99 ≤ {SEARCH_MS} ms", spread.at(99) <= SEARCH_MS)


def _booking(site, browser, scale, rows):
    """Book on weekdays that lie ahead."""
    today, taken = site.ask(filling.today), []
    ahead = [today + timedelta(days=n) for n in range(7, 7 + 4 * scale.runs)]
    for number, day in enumerate([day for day in ahead if day.weekday() < 5][: scale.runs]):
        form = {"patient_id": str(1 + number % scale.few_rows), "day": day.isoformat(), "time": "14:30"}
        nonce = secrets.token_urlsafe(24)
        taken.append(browser.post("/appointments/new", expect=(303,), nonce=nonce, **form)[1])
    spread, how = Spread(taken), "web server, from the post to the redirect, all texts planned"
    return Row(f"booking, {rows} appointments", how, str(spread), f"p99 ≤ {BOOK_MS} ms", spread.at(99) <= BOOK_MS)


def _looks(site, scale, rows):
    idle = site.ask(looks, times=scale.runs)
    look = Spread(wall for wall, _cpu in idle)
    cpu_ms = Spread(cpu for _wall, cpu in idle).mean
    wall, found = site.ask(enter_the_window, count=scale.due)
    assert found == scale.due, found
    return [
        Row(f"a look with nothing due, {rows} waiting", f"lease and next moment, in a worker's process; CPU "
            f"{plain(cpu_ms)} ms", str(look), f"≤ {LOOK_MS} ms", look.at(50) <= LOOK_MS),
        Row(f"{scale.due:,} entering the 35-day window, {rows} waiting", "leasing all of them, 64 at a time",
            f"{plain(wall)} s", f"≤ {WINDOW_SECONDS} s", wall <= WINDOW_SECONDS),
    ]  # fmt: skip


def looks(times):
    """Look at the outbox with nothing due, as the worker does (at a desk)."""

    def look(_number):
        assert not leasing.lease(owner="nobody", limit=64, may_leave=64, pace=Pace(), now=now())
        next_action_at()

    return timed(look, times)


def enter_the_window(count):
    """Make so many messages due, lease them all; return the seconds and how many were found (at a desk)."""
    with transaction() as session:
        ids = session.scalars(select(Message.id).order_by(Message.id).limit(count)).all()
        session.execute(update(Message).where(Message.id.in_(ids)).values(next_action_at=now()))
    found = []

    def lease_all(_number):
        while leased := leasing.lease(owner="nobody", limit=64, may_leave=64, pace=Pace(), now=now()):
            found.extend(leased)

    wall = timed(lease_all, 1)[0][0]
    db.session.rollback()
    return wall, len(found)
