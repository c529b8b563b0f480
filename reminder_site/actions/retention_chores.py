"""What a night's tidying removes, one chore for each kind of row. Shared steps of actions.retention.

A chore finds rows by number, locks what it may change, and passes over what others hold. It never takes what delivery,
answers, opt-outs or the discovery of doubles still go by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pendulum
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from reminder_site.actions.redaction import forget_at_twilio
from reminder_site.domain import message_state as states
from reminder_site.domain import retention, sign_in_limits
from reminder_site.domain.names import search_name
from reminder_site.domain.retention import Keeping
from reminder_site.models import (
    Appointment,
    Clinic,
    InboundMessage,
    ManageLink,
    Message,
    PagePress,
    Patient,
    PatientRead,
    ProviderEvent,
    SignInLink,
    SignInTry,
    StaffSession,
)

WITHOUT_WORDS: Final[dict[str, Any]] = {"body": "", "content_variables": None, "media_urls": None}
UNHEARD: Final[dict[str, Any]] = {"body": "", "reply": ""}
UNNAMED: Final[dict[str, Any]] = {"to_e164": "", "told": None, **WITHOUT_WORDS}
UNNAMED_ANSWER: Final[dict[str, Any]] = {"from_e164": "", "told": None, "offered": None, **UNHEARD}
AT_REST: Final = and_(
    Message.next_action_at.is_(None),
    Message.state.in_(states.SETTLED | {states.SENT, states.ACCEPTED}),
    Message.waits_for != "missed",
)
SEEN_TO: Final = or_(~InboundMessage.needs_person, InboundMessage.handled_at.is_not(None))


@dataclass(frozen=True)
class Standing:
    """What a chore goes by: the clinic (None: the site), how long it keeps things, its nobody, and the moment."""

    clinic_id: int | None
    keeping: Keeping
    nobody_id: int | None
    now: pendulum.DateTime


@dataclass(frozen=True)
class Chore:
    """One kind of row: `table`, which of them (`old`), and what is done to some of them by number (`drop`)."""

    name: str
    table: Any
    old: Callable[[Standing], ColumnElement[bool]]
    drop: Callable[[Session, Sequence[int], Standing], None]


def nobody_of(session: Session, clinic_id: int, now: pendulum.DateTime) -> int:
    """Return the patient row of a clinic that stands for everybody whose old appointments nobody may know."""
    clinic = session.get_one(Clinic, clinic_id, with_for_update={"key_share": True}, populate_existing=True)
    if clinic.nobody_id is None:
        nobody = Patient(
            clinic_id=clinic_id,
            first_name="(no longer kept)",
            search_name=search_name("", ""),
            reminders_on=False,
            created_at=now,
            erased_at=now,
        )
        session.add(nobody)
        session.flush()
        session.execute(update(Clinic).where(Clinic.id == clinic_id).values(nobody_id=nobody.id))
        return nobody.id
    return clinic.nobody_id


def _old_receipts(at: Standing) -> ColumnElement[bool]:
    over = select(Message.id).where(Message.id == ProviderEvent.message_id, Message.clinic_id == at.clinic_id, AT_REST)
    return and_(ProviderEvent.received_at < at.keeping.receipts_before(at.now), over.exists())


def _nobodys_receipts(at: Standing) -> ColumnElement[bool]:
    return and_(ProviderEvent.received_at < at.keeping.receipts_before(at.now), ProviderEvent.message_id.is_(None))


def _still_needed(at: Standing, table: Any) -> ColumnElement[bool]:
    """Match texts of an appointment that is not long over: what they said may still be answered or corrected."""
    since = at.now.subtract(days=retention.STILL_NEEDED_DAYS)
    return select(Appointment.id).where(Appointment.id == table.appointment_id, Appointment.starts_at > since).exists()


def _old_texts(at: Standing) -> ColumnElement[bool]:
    ended = func.coalesce(Message.finished_at, Message.useful_until) < at.keeping.texts_before(at.now)
    mine = Message.clinic_id == at.clinic_id, Message.redacted_at.is_(None), AT_REST
    return and_(*mine, ended, Message.useful_until < at.now, ~_still_needed(at, Message))


def _old_answers(at: Standing) -> ColumnElement[bool]:
    mine = InboundMessage.clinic_id == at.clinic_id, InboundMessage.redacted_at.is_(None), SEEN_TO
    old = InboundMessage.received_at < at.keeping.texts_before(at.now)
    return and_(*mine, old, ~_still_needed(at, InboundMessage))


def _old_appointments(at: Standing) -> ColumnElement[bool]:
    moving = select(Message.id).where(Message.appointment_id == Appointment.id, ~AT_REST).exists()
    asked = select(InboundMessage.id).where(InboundMessage.appointment_id == Appointment.id, ~SEEN_TO).exists()
    old = Appointment.starts_at < at.keeping.appointments_before(at.now)
    return and_(Appointment.clinic_id == at.clinic_id, old, Appointment.patient_id != at.nobody_id, ~moving, ~asked)


def _lone_texts(at: Standing) -> ColumnElement[bool]:
    mine = Message.clinic_id == at.clinic_id, Message.appointment_id.is_(None), Message.to_e164 != "", AT_REST
    return and_(*mine, Message.useful_until < at.keeping.appointments_before(at.now))


def _lone_answers(at: Standing) -> ColumnElement[bool]:
    mine = InboundMessage.clinic_id == at.clinic_id, InboundMessage.appointment_id.is_(None)
    old = InboundMessage.received_at < at.keeping.appointments_before(at.now)
    return and_(*mine, InboundMessage.from_e164 != "", old, SEEN_TO)


def _drop_words(session: Session, ids: Sequence[int], at: Standing) -> None:
    gone = update(Message).where(Message.id.in_(ids)).values(redacted_at=at.now, **WITHOUT_WORDS)
    forget_at_twilio(session, session.scalars(gone.returning(Message.sid)).all(), whole=False, now=at.now)


def _drop_heard(session: Session, ids: Sequence[int], at: Standing) -> None:
    gone = update(InboundMessage).where(InboundMessage.id.in_(ids)).values(redacted_at=at.now, **UNHEARD)
    forget_at_twilio(session, session.scalars(gone.returning(InboundMessage.sid)).all(), whole=False, now=at.now)


def _drop_patients(session: Session, ids: Sequence[int], at: Standing) -> None:
    without = {"patient_id": at.nobody_id, "cancel_reason": "", "moved_from": None, "answer_before": None}
    session.execute(update(Appointment).where(Appointment.id.in_(ids)).values(**without))
    drop_links(session, ids)
    _unname(session, Message.appointment_id.in_(ids), InboundMessage.appointment_id.in_(ids), at)


def drop_links(session: Session, ids: Sequence[int]) -> None:
    """Remove the links to some appointments, which have long ended, and what was pressed on their pages."""
    links = select(ManageLink.id).where(ManageLink.appointment_id.in_(ids))
    session.execute(delete(PagePress).where(PagePress.link_id.in_(links)))
    session.execute(delete(ManageLink).where(ManageLink.appointment_id.in_(ids)))


def _unname(session: Session, texts: ColumnElement[bool], answers: ColumnElement[bool], at: Standing) -> None:
    nobody = {"patient_id": at.nobody_id, "redacted_at": at.now}
    session.execute(update(Message).where(texts).values(**nobody, **UNNAMED))
    session.execute(update(InboundMessage).where(answers).values(**nobody, **UNNAMED_ANSWER))


def _drop_lone_texts(session: Session, ids: Sequence[int], at: Standing) -> None:
    _unname(session, Message.id.in_(ids), InboundMessage.id.in_(()), at)


def _drop_lone_answers(session: Session, ids: Sequence[int], at: Standing) -> None:
    _unname(session, Message.id.in_(()), InboundMessage.id.in_(ids), at)


def _ended_sessions(at: Standing) -> ColumnElement[bool]:
    """Match sessions long over, but the last of each person's: the next one opens the same clinic."""
    last = select(func.max(StaffSession.id)).group_by(StaffSession.staff_id)
    ended = func.coalesce(StaffSession.ended_at, StaffSession.expires_at)
    return and_(ended < at.now.subtract(days=retention.SESSIONS_DAYS), StaffSession.id.not_in(last))


def _removes(table: Any) -> Callable[[Session, Sequence[int], Standing], None]:
    def remove(session: Session, ids: Sequence[int], at: Standing) -> None:
        session.execute(delete(table).where(table.id.in_(ids)))

    return remove


def _older(column: Any, **age: int) -> Callable[[Standing], ColumnElement[bool]]:
    return lambda at: column < at.now.subtract(**age)


OF_CLINIC: Final = (
    Chore("receipts", ProviderEvent, _old_receipts, _removes(ProviderEvent)),
    Chore("texts", Message, _old_texts, _drop_words),
    Chore("answers", InboundMessage, _old_answers, _drop_heard),
    Chore("appointments", Appointment, _old_appointments, _drop_patients),
    Chore("lone_texts", Message, _lone_texts, _drop_lone_texts),
    Chore("lone_answers", InboundMessage, _lone_answers, _drop_lone_answers),
)
OF_SITE: Final = (
    Chore("sessions", StaffSession, _ended_sessions, _removes(StaffSession)),
    Chore("sign_in_tries", SignInTry, _older(SignInTry.tried_at, days=sign_in_limits.COUNTED_DAYS),
          _removes(SignInTry)),
    Chore("sign_in_links", SignInLink, _older(SignInLink.made_at, days=retention.LINKS_DAYS), _removes(SignInLink)),
    Chore("nobodys_receipts", ProviderEvent, _nobodys_receipts, _removes(ProviderEvent)),
    Chore("reads", PatientRead, _older(PatientRead.at, years=retention.AUDIT_YEARS), _removes(PatientRead)),
)  # fmt: skip
