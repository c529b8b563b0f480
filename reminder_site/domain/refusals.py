"""What the desk may be refused, each by name, with the words that stand beside the field."""


class Refused(Exception):
    """Something anticipated that is not done; `words` say why and what to do instead."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class NotHere(Refused):
    """There is no such thing at this clinic (another clinic's looks the same)."""


class PatientErased(Refused):
    """The appointment was an erased patient's: it is only counted any more."""


class TextTooLong(Refused):
    """With this patient's and this clinic's names a text is longer than any text may be."""


class SavedSomethingElse(Refused):
    """This very form was taken before, with other content; `made` is the public id of what it made then."""

    def __init__(self, made: str) -> None:
        super().__init__("Something else was already saved with this form.")
        self.made = made


class Overlaps(Refused):
    """Another appointment of the same patient or clinician came into the way that nobody was asked about."""


class InThePast(Refused):
    """The chosen time has already passed."""


class TooFarAhead(Refused):
    """The chosen day lies so far ahead that it is almost surely a slip."""


class NothingChanged(Refused):
    """The appointment already is as it was asked to be."""


class AppointmentChanged(Refused):
    """Somebody else saved the appointment meanwhile: `theirs` is its version now, `yours` the one that was edited."""

    def __init__(self, *, theirs: int, yours: int) -> None:
        super().__init__("Somebody else changed this appointment while you were looking at it.")
        self.theirs = theirs
        self.yours = yours


class AlreadyCancelled(Refused):
    """The appointment is cancelled, so this cannot be done to it."""


class NotCancelled(Refused):
    """The appointment stands, so there is no cancellation to undo."""


class TooLateToUndo(Refused):
    """What was done can no longer be taken back."""


class OutcomeRecorded(Refused):
    """The patient has been marked as arrived or as not come."""


class NotYetToday(Refused):
    """Whether the patient came cannot be said before the day of the appointment."""


class ReminderHasLeft(Refused):
    """The text is no longer here to be stopped, hurried or changed."""


class AlreadyClaimed(Refused):
    """Another clinic has claimed these texts meanwhile."""


class CannotText(Refused):
    """Nothing can be texted to this patient; the words say why."""


class QuietHoursNeeded(Refused):
    """Texts would go out at night, and no administrator has given a reason for it."""


class TooLateToSend(Refused):
    """A parked text may not leave as things stand now."""
