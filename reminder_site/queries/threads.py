"""Whom a text from a number is about: which patient, which appointment, or that it could be several.

Families share numbers and patients have several appointments: where two could be meant, nobody guesses.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pendulum
from sqlalchemy import JSON, and_, func, literal_column, null, or_, select, union_all

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain.answers import ABOUT_TEXTS, understand
from reminder_site.domain.drafts import kind_of
from reminder_site.domain.times import to_local
from reminder_site.domain.told import asks, calls_off
from reminder_site.models import Appointment, Audit, Clinic, InboundMessage, Message, OptOut, Patient, Reminder
from reminder_site.queries import unclaimed

HEARD = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ, states.UNDELIVERED, states.FAILED})
NOT_TOLD_YET = states.IN_FLIGHT | {states.SCHEDULED, states.CANCELLING}
DID_NOT_COME = frozenset({states.UNDELIVERED, states.FAILED})  # as far as carriers can tell
MAY_NOT_HAVE_COME = states.IN_FLIGHT | {states.CANCELLING} | DID_NOT_COME
PAST_DAYS = 2
LONG_PAST_DAYS = 90
LATELY_HOURS = 12
TAKEN_BACK = frozenset({"answer.take_back", "appointment.answered"})  # never found late: by link, or at the desk
CONTRADICTED_BY = frozenset({"starts", "place", "clinician"})


@dataclass(frozen=True)
class Telling:
    """What a phone was told about an appointment, and when (UTC): the facts as domain.told has them.

    `calls_off`: that it will not take place. `listed`: by a list with letters. `doubtful`: the text may not have come;
    `lost`: most likely it did not. Of texts that did not note their facts only the `round` of the appointment is known
    that they were about.
    """

    at: pendulum.DateTime
    facts: Mapping[str, Any] | None
    round: int | None
    calls_off: bool = False
    doubtful: bool = False
    lost: bool = False
    listed: bool = False


@dataclass(frozen=True)
class Thread:
    """Where a text belongs; `meant` are the appointments that could be meant when there are several.

    `tellings` are what this phone was told about the appointment, the oldest first.
    """

    clinic_id: int | None = None
    patient_id: int | None = None
    appointment_id: int | None = None
    meant: tuple[int, ...] = ()
    tellings: tuple[Telling, ...] = ()

    @property
    def several(self) -> bool:
        """Say whether more than one appointment could be meant."""
        return bool(self.meant)


@dataclass(frozen=True)
class OpenList:
    """A list with letters that a phone was sent: by letter the appointment, and the start (wall time) it was told."""

    id: int
    appointments: Mapping[str, int]
    starts: Mapping[str, str]


def find(e164: str, sender: str, *, now: pendulum.DateTime, written_at: pendulum.DateTime | None = None) -> Thread:
    """Find whom a text to `sender` from this number is about: the appointment last talked about, if it is the only one.

    One that was answered may be answered anew; it is ambiguous when another still waits for its answer. A number that
    nobody knows belongs to the sender's only clinic, to the one that has claimed it, or to none yet. What was told
    after the text was written (`written_at`, UTC) does not count.
    """
    clinics = _clinics_of(sender)
    patients = _patients(e164, clinics)
    talked = _talked_about(e164, clinics, written_at or now)
    first, tellings = next(((one, heard) for one, heard, phone in talked if phone == e164), (None, []))
    if first is not None:
        waiting = [other for other, heard, _ in talked if other is not first and _waits(other, heard[-1], now)]
        meant = sorted([first, *waiting], key=lambda one: (one.starts_at, one.id)) if waiting else []
        return Thread(first.clinic_id, first.patient_id, first.id, tuple(one.id for one in meant), tuple(tellings))
    if not patients:
        only = clinics[0] if len(clinics) == 1 else unclaimed.claimed_by(e164, sender, clinics)
        return Thread(clinic_id=only)
    return _untexted(patients, now)


def tellings_of(
    appointment_id: int, e164: str, sender: str, *, now: pendulum.DateTime, written_at: pendulum.DateTime | None = None
) -> tuple[Telling, ...]:
    """List what a phone was told about an appointment until a moment, the oldest first."""
    return tuple(_told(e164, _clinics_of(sender), written_at or now).get(appointment_id, ()))


def told_apart_lately(e164: str, sender: str, *, now: pendulum.DateTime) -> bool:
    """Say whether a phone was told something of an appointment lately that differs from what it was told before."""
    since = now.subtract(hours=LATELY_HOURS)
    return any(
        any(later.at > since and apart(earlier, later) for earlier, later in pairwise(tellings))
        for tellings in _told(e164, _clinics_of(sender), now).values()
    )


def written_by_hand_at(e164: str, sender: str, *, now: pendulum.DateTime) -> pendulum.DateTime | None:
    """Return when the last text that somebody wrote by hand reached a phone, if one did lately."""
    reached = func.max(func.coalesce(Message.reaches_at, Message.send_at))
    mine = Message.to_e164 == e164, Message.clinic_id.in_(_clinics_of(sender)), Message.kind == "staff"
    lately = Message.send_at.between(now.subtract(days=PAST_DAYS), now), Message.state.in_(HEARD)
    return db.session.scalar(select(reached).where(*mine, *lately))


def has_decided_since(e164: str, sender: str, at: pendulum.DateTime) -> bool:
    """Say whether texts to a phone were ended or begun after a moment (UTC), by it or by the desk.

    What is found late does not undo that.
    """
    ended = OptOut.e164 == e164, OptOut.sender == sender, OptOut.started_at > at
    if db.session.scalar(select(OptOut.id).where(*ended).limit(1)) is not None:
        return True
    later = InboundMessage.from_e164 == e164, InboundMessage.received_at > at
    said = select(InboundMessage.understood, InboundMessage.body).where(*later)
    to_it = or_(InboundMessage.sender == sender, InboundMessage.clinic_id.in_(_clinics_of(sender)))
    rows = db.session.execute(said.where(to_it))
    return any(kind in ABOUT_TEXTS or understand(body).also_opt_in for kind, body in rows)


def was_taken_back_since(appointment: Appointment, at: pendulum.DateTime) -> bool:
    """Say whether the patient, or the desk for them, has taken an answer back after a moment (UTC), or given one."""
    since = Audit.subject == appointment.public_id, Audit.at > at, Audit.what.in_(TAKEN_BACK)
    given = appointment.answered_at is not None and appointment.answered_at > at
    return given or db.session.scalar(select(Audit.id).where(*since).limit(1)) is not None


def open_list(
    e164: str, sender: str, *, now: pendulum.DateTime, written_at: pendulum.DateTime | None = None
) -> OpenList | None:
    """Return the last list with letters that a phone was sent, while one of its appointments lies ahead.

    What was sent after a text was written (`written_at`, UTC) is not what that text answers.
    """
    newest = db.session.scalar(
        select(InboundMessage)
        .where(InboundMessage.from_e164 == e164, InboundMessage.clinic_id.in_(_clinics_of(sender)))
        .where(InboundMessage.offered.is_not(None), InboundMessage.received_at <= (written_at or now))
        .order_by(InboundMessage.id.desc())
        .limit(1)
    )
    if newest is None:
        return None
    lines = newest.offered or {}
    letters = {letter: line["appointment_id"] for letter, line in lines.items()}
    ahead = Appointment.id.in_(letters.values()), Appointment.starts_at > now
    if db.session.scalar(select(Appointment.id).where(*ahead).limit(1)) is None:
        return None
    return OpenList(newest.id, letters, {letter: line["told"]["starts"] for letter, line in lines.items()})


def numbers_patients(e164: str, sender: str) -> list[Patient]:
    """List the patients a number belongs to, among the clinics of one sender, the newest first."""
    return _patients(e164, _clinics_of(sender))


def sender_of_text(service: str, to: str) -> str:
    """Return the sender a patient wrote to, as opt-outs name it: a clinic's own, else the service, else the site's."""
    own = db.session.scalar(select(Clinic.sender).where(Clinic.sender.in_([s for s in (service, to) if s])).limit(1))
    return own or service or settings().twilio_messaging_service_sid


def only_clinic(sender: str) -> int | None:
    """Return the clinic that texts from a sender, if it is the only one."""
    clinics = _clinics_of(sender)
    return clinics[0] if len(clinics) == 1 else None


def _clinics_of(sender: str) -> list[int]:
    names = {sender, ""} if sender == settings().twilio_messaging_service_sid else {sender}
    return list(db.session.scalars(select(Clinic.id).where(Clinic.sender.in_(names)).order_by(Clinic.id)))


def _patients(e164: str, clinics: Collection[int]) -> list[Patient]:
    mine = Patient.phone_e164 == e164, Patient.clinic_id.in_(clinics)
    return list(db.session.scalars(select(Patient).where(*mine).order_by(Patient.id.desc())))


def _talked_about(
    e164: str, clinics: Collection[int], asked_at: pendulum.DateTime
) -> list[tuple[Appointment, list[Telling], str]]:
    """List appointments this number was told of, the one last asked about or answered first.

    Beside each stand what was told of it, and the number that its patient has by now.
    """
    told = _told(e164, clinics, asked_at)
    found = db.session.execute(
        select(Appointment, Patient.phone_e164)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.id.in_(told), Appointment.starts_at > asked_at.subtract(days=PAST_DAYS))
        .execution_options(populate_existing=True)
    )
    by_event = [
        (max(told[a.id][-1].at, a.answered_at or told[a.id][-1].at), -a.starts_at.timestamp(), a, phone)
        for a, phone in found
    ]
    return [(a, told[a.id], phone) for _, _, a, phone in sorted(by_event, key=lambda event: event[:2], reverse=True)]


def _told(e164: str, clinics: Collection[int], until: pendulum.DateTime) -> dict[int, list[Telling]]:
    """Return by appointment what a phone was told until a moment, the oldest first."""
    found: dict[int, list[Telling]] = {}
    for row in db.session.execute(_tellings(e164, clinics, until)):
        one = {"appointment_id": row.appointment_id, "told": row.told}
        lines = row.offered.values() if row.offered else (row.told or {}).get("each") or [one]
        for line in lines:
            off = kind_of(row.step_key or "") == "cancelled" or calls_off(line["told"])
            came = {"doubtful": row.state in MAY_NOT_HAVE_COME, "lost": row.state in DID_NOT_COME}
            telling = Telling(row.told_at, line["told"], row.round, off, listed=row.offered is not None, **came)
            found.setdefault(line["appointment_id"], []).append(telling)
    return found


def _tellings(e164: str, clinics: Collection[int], until: pendulum.DateTime) -> Any:
    """Select what a phone was told, the oldest first: by texts of ours that got through, and by replies to its own."""
    told_at = func.coalesce(Message.reaches_at, Message.send_at)
    may_have_come = and_(Message.state.in_(NOT_TOLD_YET), Message.send_at <= until)  # an answer overtakes the receipt
    texts = (
        select(
            Message.appointment_id, told_at.label("told_at"), Message.told, Reminder.round.label("round"),
            Reminder.step_key.label("step_key"), literal_column("NULL", type_=JSON).label("offered"),
            Message.state.label("state"), Message.id.label("key"),
        )
        .join(Reminder, Reminder.id == Message.reminder_id, isouter=True)
        .where(Message.to_e164 == e164, Message.clinic_id.in_(clinics), told_at <= until)
        .where(or_(Message.state.in_(HEARD), may_have_come))
        .where(Message.appointment_id.is_not(None), Message.kind != "staff")
    )  # fmt: skip
    replies = select(
        InboundMessage.appointment_id, InboundMessage.received_at, InboundMessage.told, null().label("round"),
        null().label("step_key"), InboundMessage.offered, null().label("state"), InboundMessage.id,
    ).where(
        InboundMessage.from_e164 == e164,
        InboundMessage.clinic_id.in_(clinics),
        InboundMessage.received_at <= until,
        or_(InboundMessage.told.is_not(None), InboundMessage.offered.is_not(None)),
    )  # fmt: skip
    both = union_all(texts, replies).subquery()
    return select(both).order_by(both.c.told_at, both.c.key)


def apart(one: Telling, other: Telling) -> bool:
    """Say whether two tellings cannot both be true."""
    if one.calls_off != other.calls_off:
        return True
    if one.facts is None or other.facts is None:
        return one.round != other.round
    return any(other.facts.get(name, fact) != fact for name, fact in one.facts.items() if name in CONTRADICTED_BY)


def _waits(appointment: Appointment, told: Telling, now: pendulum.DateTime) -> bool:
    """Say whether an appointment was asked about and not answered since, as far as its phone knows."""
    stands = appointment.state == "booked" or (appointment.cancelled_by != "patient" and not told.calls_off)
    here = to_local(now, appointment.time_zone).replace(tzinfo=None).isoformat()
    told_ahead = (told.facts or {}).get("starts", "") > here
    asked = told.listed or asks(told.facts)
    unanswered = not _answered_since(appointment, told) if asked else appointment.answer == "none"
    return stands and unanswered and (told_ahead or appointment.starts_at > now)


def _answered_since(appointment: Appointment, told: Telling) -> bool:
    return appointment.answered_at is not None and appointment.answered_at >= told.at


def _untexted(patients: list[Patient], now: pendulum.DateTime) -> Thread:
    """Place a text from a number that was not texted lately: its only coming appointment, else the last one."""
    mine = Appointment.patient_id.in_([p.id for p in patients])
    coming = select(Appointment).where(mine, Appointment.starts_at > now, Appointment.state == "booked")
    ahead = db.session.scalars(coming.order_by(Appointment.starts_at).limit(2)).all()
    over = select(Appointment).where(mine, Appointment.starts_at.between(now.subtract(days=LONG_PAST_DAYS), now))
    found = ahead[0] if ahead else db.session.scalar(over.order_by(Appointment.starts_at.desc()).limit(1))
    if found is None:
        return Thread(patients[0].clinic_id, patients[0].id)
    return Thread(found.clinic_id, found.patient_id, found.id, tuple(one.id for one in ahead) if len(ahead) > 1 else ())
