"""How the site is: what the health page, the header's heartbeat and the banners say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pendulum
from sqlalchemy import and_, case, func, or_, select, true
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import codes
from reminder_site.domain.delivery import SKEW_STOP_SECONDS
from reminder_site.domain.looks import UNCLEAR_TOO_LONG_MINUTES
from reminder_site.domain.throttle import Throttle
from reminder_site.models import Appointment, Attempt, Clinic, Heartbeat, InboundMessage, Message, SenderPause
from reminder_site.models.appointment import TROUBLED
from reminder_site.models.message import IN_FLIGHT, WRITTEN_ANEW
from reminder_site.queries import accounts, sign_in_tries, unclaimed
from reminder_site.queries.throttle import throttle

LATE_SECONDS = 60
OVERDUE_SECONDS = 60
# A text that is due and waits for these is overdue, though it will be looked at only in a while.
HELD_PAST_ITS_TIME = ("daily_limit", "sender", "account")
LOOKED_AT_MINUTES = 16
PLANS_LATE_MINUTES = 15
UNREAD_MINUTES = 15
UNCLAIMED_HOURS = 24
Level = Literal["ok", "degraded", "down"]
REHEARSAL = "this is a rehearsal of a restore"
STILL_LEAVE = "Reminders Twilio already holds still leave; all others wait here"


@dataclass(frozen=True)
class Check:
    """How one part is: what is the matter, what it means for patients, since when (UTC; None if that is not known).

    `detail` is for operators alone.
    """

    status: Level
    words: str
    means: str = ""
    since: pendulum.DateTime | None = None
    detail: str = ""


Checks = dict[str, Check]


@dataclass(frozen=True)
class Pulse:
    """When the worker last looked (UTC), what is next and how much is late, and what holds texts back since when.

    `guessed_at` says whether many wrong passwords were typed for an account.
    """

    beat_at: pendulum.DateTime | None
    next_at: pendulum.DateTime | None
    overdue: int
    overdue_since: pendulum.DateTime | None
    heart: Heartbeat
    throttle: Throttle
    pauses: tuple[SenderPause, ...] = ()
    guessed_at: bool = False


def pulse(*, now: pendulum.DateTime) -> Pulse:
    """Read the worker's heartbeat, the next moment it has something to do, and how much is overdue."""
    found: Sequence[Any] = db.session.execute(
        select(Heartbeat, SenderPause).join(SenderPause, true(), isouter=True)
    ).all()
    beat = found[0][0] if found else None
    waiting = Message.next_action_at
    next_at = db.session.scalar(select(func.min(waiting)).where(waiting.is_not(None), waiting > now))
    late = now.subtract(seconds=OVERDUE_SECONDS)
    held = and_(Message.waits_for.in_(HELD_PAST_ITS_TIME), Message.send_at < late)
    soon = waiting < now.add(minutes=LOOKED_AT_MINUTES)  # what is held is looked at by then
    oldest_of = case((waiting < late, waiting), else_=Message.send_at)
    guessed_at = sign_in_tries.many_wrong_accounts(now=now).exists()
    overdue, oldest, guessed = db.session.execute(
        select(func.count(), func.min(oldest_of), guessed_at)
        .select_from(Message)
        .where(waiting.is_not(None), soon, or_(waiting < late, held))
    ).one()
    return Pulse(
        beat_at=beat.beat_at if beat else None,
        next_at=next_at,
        overdue=overdue,
        overdue_since=oldest,
        heart=beat or Heartbeat(id=1, clock_skew_seconds=0),
        throttle=throttle(),
        pauses=tuple(row.SenderPause for row in found if row.SenderPause is not None),
        guessed_at=guessed,
    )


def checks(*, now: pendulum.DateTime) -> Checks:
    """Say how each part is."""
    try:
        found = pulse(now=now)
    except SQLAlchemyError:
        db.session.rollback()
        return {"database": Check("down", "the database does not answer", "Nothing can be read, saved or sent")}
    return (
        judged(found, now=now)
        | {"unclear": _unclear(now), "plans": _plans(now), "inbound": _inbound(found, now)}
        | {"cancelled_there": _cancelled_there(now), "accounts": _accounts()}
    )


def judged(found: Pulse, *, sender: str = "", now: pendulum.DateTime) -> Checks:
    """Say the same of a heartbeat that has been read; of all senders, or of one."""
    return {
        "database": Check("ok", "answers"),
        "worker": _worker(found, now),
        "texts": _texts(found),
        "twilio": _twilio(found, now),
        "senders": _senders([pause for pause in found.pauses if sender in {"", pause.sender}]),
    }


def queue(answers: bool) -> Check:
    """Say how the queue is, which a door has asked: all that is lost with it is punctuality."""
    if answers:
        return Check("ok", "answers")
    means = f"Nothing is lost: texts leave up to {settings().sweep_seconds} s after their time"
    return Check("degraded", "the queue does not answer", means)


def worst(checks: Checks) -> Level:
    """Return the worst status among the checks."""
    order: tuple[Level, ...] = ("ok", "degraded", "down")
    return max((check.status for check in checks.values()), key=order.index)


def _worker(found: Pulse, now: pendulum.DateTime) -> Check:
    if found.heart.rehearsal_since:
        means = "Nothing is sent, cancelled or answered from here, and nothing typed here counts"
        return Check("degraded", REHEARSAL, means, found.heart.rehearsal_since)
    if found.beat_at is None:
        return Check("down", "the worker has never run", "No reminder leaves")
    if (now - found.beat_at).total_seconds() > LATE_SECONDS:
        return Check("down", "the worker does not run", STILL_LEAVE, found.beat_at)
    if found.heart.hold_since:
        asks = f"; {found.heart.hold_asks}" if found.heart.hold_asks else ""
        words = f"sending is on hold ({found.heart.hold_why}{asks})"
        return Check("degraded", words, f"{STILL_LEAVE} until it is certain who was texted", found.heart.hold_since)
    return Check("ok", "looks regularly")


def _texts(found: Pulse) -> Check:
    if not found.overdue:
        return Check("ok", "nothing is overdue")
    words = "1 text is overdue" if found.overdue == 1 else f"{found.overdue} texts are overdue"
    return Check("degraded", words, "They leave as soon as they can, while they are of use", found.overdue_since)


def _unclear(now: pendulum.DateTime) -> Check:
    """Say how many texts are on the wire for too long: Twilio's lists would have told, were they to be had."""
    long_ago = now.subtract(minutes=UNCLEAR_TOO_LONG_MINUTES)
    latest = Attempt.message_id == Message.id, Attempt.attempt_no == Message.attempt_no
    asked = select(func.count(), func.min(Attempt.intent_at)).select_from(Message).join(Attempt, and_(*latest))
    count, since = db.session.execute(asked.where(IN_FLIGHT, Attempt.intent_at <= long_ago)).one()
    if not count:
        return Check("ok", "it is known of every text whether it went out")
    texts = "1 text is" if count == 1 else f"{count} texts are"
    words = f"{texts} unclear for more than {UNCLEAR_TOO_LONG_MINUTES} minutes: Twilio does not say whether it has them"
    return Check("degraded", words, "They may have gone out; they are asked after until that is known", since)


def _plans(now: pendulum.DateTime) -> Check:
    """Say how many coming appointments lack the texts they should have, or wait too long for those of new settings."""
    coming = Appointment.starts_at > now
    aside = db.session.scalar(select(func.count()).select_from(Appointment).where(TROUBLED, coming)) or 0
    late = Clinic.plans_follow_since <= now.subtract(minutes=PLANS_LATE_MINUTES)
    behind = select(func.count(), func.min(Clinic.plans_follow_since)).select_from(Appointment)
    behind = behind.join(Clinic, Clinic.id == Appointment.clinic_id).where(late, coming)
    waiting, since = db.session.execute(behind.where(Appointment.planned_with != Clinic.plan_version)).one()
    found = []
    if aside:
        found.append(f"the texts of {aside} appointment{'s' * (aside > 1)} could not be planned")
    if waiting:
        found.append(f"{waiting} appointment{'s' * (waiting > 1)} still stand{'s' * (waiting == 1)} on older settings")
    if not found:
        return Check("ok", "every coming appointment has its texts")
    means = "Texts planned before still leave; the desk sees which appointments need a person"
    return Check("degraded", " and ".join(found), means, since)


def _inbound(found: Pulse, now: pendulum.DateTime) -> Check:
    """Say whether Twilio's list of what patients texted is read, what nobody claims, and what only the list brought."""
    read_to = found.heart.inbound_read_to
    if read_to is not None and read_to < now.subtract(minutes=UNREAD_MINUTES):
        means = "Answers and opt-outs that no webhook brought are taken in once Twilio's list can be read"
        return Check("degraded", "what patients texted is not looked up at Twilio", means, read_to)
    unclaimed_since = unclaimed.oldest()
    if unclaimed_since is not None and unclaimed_since < now.subtract(hours=UNCLAIMED_HOURS):
        means = "Somebody who may see all clinics of their sender has to claim them in the inbox"
        return Check("degraded", "texts of numbers that no clinic knows wait to be claimed", means, unclaimed_since)
    lately = InboundMessage.found_at >= now.subtract(days=1)
    late = db.session.scalar(select(func.count()).select_from(InboundMessage).where(lately)) or 0
    if not late:
        return Check("ok", "nothing that patients texted was missed in the last day")
    return Check("ok", f"{late} text{'s' * (late > 1)} of patients came in by Twilio's list only in the last day")


def _accounts() -> Check:
    """Name the demo's accounts that a live site still has: their password is published."""
    emails = accounts.shut_out()
    if not settings().is_live:
        return Check("ok", "the site is not live: accounts of the demo may sign in")
    if not emails:
        return Check("ok", "no account of the demo is left")
    words = f"accounts of the demo are still here and cannot sign in: {', '.join(emails)}"
    means = "Nothing for patients; flask --app wsgi staff disable ADDRESS takes each off this list"
    return Check("degraded", words, means)


def _twilio(found: Pulse, now: pendulum.DateTime) -> Check:
    heart, held = found.heart, found.throttle
    if heart.circuit_open_at:
        means = f"{STILL_LEAVE}. A manager has to look at the Twilio account"
        return Check("down", f"Twilio refuses us ({heart.circuit_why})", means, heart.circuit_since)
    if held.down_since:
        means = f"{STILL_LEAVE}, and leave by themselves once it answers"
        return Check("down", "Twilio does not answer", means, held.down_since, held.down_why)
    if heart.clock_skew_seconds:
        stopped = abs(heart.clock_skew_seconds) > SKEW_STOP_SECONDS
        words = f"this machine's clock is {abs(heart.clock_skew_seconds)} s off Twilio's"
        means = f"{STILL_LEAVE} until the clock is set right" if stopped else "Texts may leave that much off their time"
        return Check("down" if stopped else "degraded", words, means, heart.skewed_at)
    if not held.is_free(now) and (found.overdue or not held.is_over(now)):
        means = "Texts that wait leave one after the other, by themselves"
        return Check("degraded", "after some trouble texts leave more slowly", means, held.slowed_at)
    return Check("ok", "no trouble seen")


def is_rehearsal() -> bool:
    """Say whether this database is a copy made to rehearse a restore; of one that does not answer that it is not."""
    try:
        return db.session.scalar(select(Heartbeat.rehearsal_since).where(Heartbeat.id == 1)) is not None
    except SQLAlchemyError:
        db.session.rollback()
        return False


def _senders(pauses: Sequence[SenderPause]) -> Check:
    """Say which senders pause: Twilio or carriers take no texts from them, for a trouble of ours."""
    if not pauses:
        return Check("ok", "every sender's texts are taken")
    whys = " ".join(dict.fromkeys(codes.of(pause.code).words for pause in pauses)).rstrip(".")
    means = (
        "Texts wait, and leave by themselves once one gets through; what comes to be of no use stands under what needs "
        "a person. A manager has to look at the Twilio settings"
    )
    detail = ", ".join(f"{pause.sender}: {pause.code}" for pause in pauses)
    words = f"no text gets through from our sender: {whys[0].lower()}{whys[1:]}"
    return Check("down", words, means, min(pause.since for pause in pauses), detail)


def _cancelled_there(now: pendulum.DateTime) -> Check:
    """Say how many texts that are wanted somebody else has cancelled at Twilio in the last day."""
    lately = WRITTEN_ANEW, Message.created_at > now.subtract(days=1)
    count, since = db.session.execute(select(func.count(), func.min(Message.created_at)).where(*lately)).one()
    if not count:
        return Check("ok", "nobody else cancels our texts at Twilio")
    words = (
        f"{count} text{'s' * (count > 1)} that we want {'were' if count > 1 else 'was'} cancelled at Twilio by others"
    )
    return Check("degraded", words, "They were planned anew; what is cancelled twice waits for a person", since)


def drift() -> int:
    """Return on how many texts the ledger and Twilio's lists did not agree when they were last compared."""
    found = db.session.scalar(select(Heartbeat.drift_count).where(Heartbeat.id == 1))
    return found or 0


def drift_checked_at() -> pendulum.DateTime | None:
    """Return when the ledger was last compared with Twilio's lists (UTC), if ever."""
    found: pendulum.DateTime | None = db.session.scalar(select(Heartbeat.drift_checked_at).where(Heartbeat.id == 1))
    return found
