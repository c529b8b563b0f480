"""What follows from a patient's answer, given how the appointment stands. Decides, and leaves the doing to actions."""

from dataclasses import dataclass
from typing import Final, Literal

import pendulum

from reminder_site.domain.answers import Kind

LATE_NOTICE_HOURS: Final = 2
# Twilio answers these by itself (its default opt-out handling): a reply of ours would be one too many. HELP it answers
# as well, but names neither the clinic nor its phone.
TWILIO_STOPS: Final = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
TWILIO_STARTS: Final = frozenset({"START", "UNSTOP"})
Step = Literal["confirm", "restore", "ask_to_move", "cancel", "take_back", "none"]

# Answers the clinic cannot reword, because they state facts that must stay true.
PAST_REPLY: Final = "{{clinic}}: your appointment was {{day}} {{time}} and is over. To book again call {{phone}}"
CANCELLED_REPLY: Final = (
    "{{clinic}}: your appointment {{day}} {{time}} had been cancelled, so nobody expects you then. "
    "For a new time call {{phone}}"
)
TAKEN_REPLY: Final = (
    "{{clinic}}: thank you, but your time {{day}} {{time}} may have been given away. "
    "Somebody will be in touch, or call {{phone}}"
)
NOTHING_BOOKED_REPLY: Final = (
    "{{clinic}}: we find no appointment for this number. Somebody will read this, or call {{phone}}"
)
STOPPED_REPLY: Final = (
    "{{clinic}}: no more texts will come from us to this number. To get them again reply START. {{phone}}"
)
NOW_REPLY: Final = (
    "{{clinic}}: your appointment is now {{day}} {{time}}, {{place}}. "
    "Reply 1 = yes, 2 = change, 3 = can't come, or call {{phone}}"
)
FIXED_REPLIES: Final = {
    "past_reply": PAST_REPLY,
    "cancelled_reply": CANCELLED_REPLY,
    "taken_reply": TAKEN_REPLY,
    "nothing_booked_reply": NOTHING_BOOKED_REPLY,
    "now_reply": NOW_REPLY,
    "stopped_reply": STOPPED_REPLY,
}


@dataclass(frozen=True)
class Standing:
    """How an appointment stands; `slot_taken` says that somebody else has been given its time meanwhile."""

    starts_at: pendulum.DateTime
    state: str
    answer: str
    cancelled_by: str
    slot_taken: bool = False

    @property
    def cancelled(self) -> bool:
        """Say whether it has been called off, by whomever."""
        return self.state == "cancelled"


@dataclass(frozen=True)
class Decision:
    """What to do, what to reply (the name of a text, or empty for none), and what to tell the desk."""

    step: Step
    reply: str
    effect: str
    needs_person: bool = False
    late_notice: bool = False


def twilio_has_answered(body: str, twilio_acknowledges: bool) -> bool:
    """Say whether Twilio answers an opt-out or its end by itself, so that it is acknowledged once and never by both.

    It knows its own words alone, in any case; `twilio_acknowledges` says that it does so for the sender at all.
    """
    return twilio_acknowledges and body.strip().upper() in TWILIO_STOPS | TWILIO_STARTS


def decide(kind: Kind, standing: Standing, now: pendulum.DateTime) -> Decision:
    """Decide what an answer to one appointment does (product defaults: inside the cut-off it is late notice)."""
    if kind not in {"confirm", "change", "cannot_come"}:
        return Decision("none", "unclear_reply", "wrote something for a person to read", needs_person=True)
    if now >= standing.starts_at:
        return _past(kind)
    if standing.cancelled:
        return _when_cancelled(kind, standing)
    if kind == "confirm" and standing.answer == "confirmed":
        return Decision("none", "confirmed_reply", "confirmed once more")
    if kind == "confirm":
        return Decision("confirm", "confirmed_reply", "confirmed")
    if kind == "change":
        return Decision("ask_to_move", "change_reply", "asks for another time", needs_person=True)
    return _cancel(standing, now)


def take_back(standing: Standing, now: pendulum.DateTime) -> Decision:
    """Decide what undoing the last answer does: nothing once its time has come, or when there is no answer."""
    if now >= standing.starts_at or standing.answer == "none":
        return Decision("none", "", "")
    if not standing.cancelled:
        return Decision("take_back", "", "took the answer back")
    if standing.cancelled_by != "patient":
        return Decision("none", "", "")
    if standing.slot_taken:
        return _given_away()
    return Decision("take_back", "", "took “can't come” back: the appointment stands again")


def _past(kind: Kind) -> Decision:
    words = {"confirm": "confirmed", "change": "asked for another time", "cannot_come": "said they can't come"}
    return Decision("none", "past_reply", f"{words[kind]} after the appointment", needs_person=kind != "confirm")


def _when_cancelled(kind: Kind, standing: Standing) -> Decision:
    if kind == "change":
        return Decision("none", "cancelled_reply", "asks for another time after it was cancelled", needs_person=True)
    if standing.cancelled_by != "patient":
        says = "will come" if kind == "confirm" else "can't come"
        effect = f"says they {says}, but the clinic had cancelled"
        return Decision("none", "cancelled_reply", effect, needs_person=kind == "confirm")
    if kind == "cannot_come":
        return Decision("none", "cannot_come_reply", "said again that they can't come")
    if standing.slot_taken:
        return _given_away()
    return Decision("restore", "confirmed_reply", "comes after all: the appointment stands again")


def _given_away() -> Decision:
    return Decision("none", "taken_reply", "wants to come after all, but the time was given away", needs_person=True)


def _cancel(standing: Standing, now: pendulum.DateTime) -> Decision:
    if now <= standing.starts_at.subtract(hours=LATE_NOTICE_HOURS):
        return Decision("cancel", "cannot_come_reply", "can't come: the appointment is cancelled")
    effect = f"can't come, said less than {LATE_NOTICE_HOURS} hours before"
    return Decision("cancel", "cannot_come_reply", effect, needs_person=True, late_notice=True)
