"""Twilio is away for six hours while texts pile up: none is lost, none leaves too late, and all come back gently."""

import time
from datetime import datetime

from sqlalchemy import update

from reminder_site.db import transaction
from reminder_site.models import Message
from reminder_site.queries.throttle import throttle
from tests.campaigns import desk
from tests.campaigns.world import World

HOURS, PER_SECOND = 6, 20
WINDOW_SECONDS, AT_ONCE_SECONDS = 2, 0.5
FIRST = 30
NOTICED_WITHIN_SECONDS = 30
AWAY = [{"kind": "html_503", "on": on, "probability": 1.0} for on in ("create", "list", "fetch", "update")]


def run(folder, *, seed=1, messages=160, store="sqlite", **world):
    """Let so many texts pile up, a third of them useless by the time Twilio is back; return the figures.

    `too_fast` says whether in two seconds more left than in two and a half may; `too_late` counts texts that left when
    they were of no use any more.
    """
    pace = {"texts_per_second_after_trouble": PER_SECOND}
    with World(folder, seed=seed, store=store, web=False, **{**pace, **world}) as trial:
        trial.faults(rules=AWAY, callbacks={"lost": 1.0})
        first = trial.seed_texts(FIRST, {"now": 1})
        _wait_until_noticed(trial)
        rest = trial.seed_texts(messages - len(first), {"now": 1})
        trial.ask(make_useless, ids=rest[::3], at=trial.ask(desk.now).add(hours=HOURS - 1))
        trial.jump(trial.ask(desk.now).add(hours=HOURS))
        tried = trial.ask(desk.attempts)
        trial.faults(callbacks={"lost": 1.0})
        back_at = trial.ask(desk.now)
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        made = _made(trial)
        figures.more = {
            "away_hours": HOURS,
            "tried_meanwhile": tried,
            "left_afterwards": sum(at >= back_at.timestamp() for at, _ in made),
            "expired": figures.states.get("expired", 0),
            "per_second_at_most": _busiest(made) / WINDOW_SECONDS,
            "too_fast": _busiest(made) > PER_SECOND * (WINDOW_SECONDS + AT_ONCE_SECONDS),
            "too_late": _late(trial, made),
        }
        return figures


def make_useless(ids, at):
    """Let texts be of use only until then (at a desk)."""
    with transaction() as session:
        session.execute(update(Message).where(Message.id.in_(ids)).values(useful_until=at))


def has_noticed():
    """Say whether the workers know that Twilio is away (at a desk)."""
    return throttle().down_since is not None


def _wait_until_noticed(trial):
    ends = time.monotonic() + NOTICED_WITHIN_SECONDS
    while not trial.ask(has_noticed):
        if time.monotonic() > ends:
            raise AssertionError(f"seed {trial.seed}: nobody noticed that Twilio is away")
        time.sleep(0.1)


def _made(trial):
    """Return when each text was made, in seconds, and its body."""
    texts = trial.tell("GET", "/_sandbox/messages?direction=outbound-api")["messages"]
    return sorted((datetime.fromisoformat(one["created_at"]).timestamp(), one["body"]) for one in texts)


def _busiest(made):
    """Return how many left in the busiest stretch."""
    most = first = 0
    for last, (at, _) in enumerate(made):
        while made[first][0] <= at - WINDOW_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return most


def _late(trial, made):
    useful = {row["body"]: row["useful_until"].timestamp() for row in trial.ask(desk.ledger)}
    return sum(at > useful[body] for at, body in made)
