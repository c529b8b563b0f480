"""What the patient's page says first, and what patients read who are refused. Draws nothing."""

from dataclasses import dataclass

OPEN = frozenset({"open", "confirmed", "change_wanted"})
HELLO = {
    "open": "this is your appointment",
    "confirmed": "you are coming",
    "change_wanted": "you asked for another time",
    "cannot_come": "your appointment is cancelled",
    "cancelled": "the clinic has cancelled this appointment",
    "past": "this appointment is over",
}
RECORDED = {
    "open": "your appointment stands",
    "confirmed": "you are coming",
    "change_wanted": "the clinic has your wish for another time",
    "cannot_come": "your appointment is cancelled",
    "cancelled": "the clinic has your message",
}
TWICE = "This had been recorded already. Pressing again changed nothing."
CHANGED = "Something had changed since you opened this page, so that press was not counted. This is how it stands now."
QUICK = "That was so fast that a program could have pressed the button. Nothing was recorded."
OTHERWISE = "Two different buttons of one page were pressed, so nothing was recorded from it."
KEPT = "Nothing was cancelled."
ASKED = "Somebody at the clinic reads it and will be in touch about a new time."


@dataclass(frozen=True)
class Words:
    """The first words of a page: `title` without the name, `heading` with it, a notice and how it looks."""

    title: str
    heading: str
    notice: str = ""
    level: str = "ok"
    outcome: bool = True


def words(told: str, stands: str, first_name: str) -> Words:
    """Word the top of a page: what was just `told` to the patient, given how the appointment `stands`."""
    recorded = RECORDED.get(stands, HELLO[stands])
    if told in {"done", "twice"}:
        return _words(f"Thank you, {first_name}: {recorded}", recorded, TWICE if told == "twice" else "")
    if told == "asked":
        wish = RECORDED["change_wanted"]
        return _words(f"Thank you, {first_name}: {wish}", wish, "" if stands == "change_wanted" else ASKED)
    if told == "kept" and stands in OPEN:
        return _words(f"{first_name}, your appointment stands", "your appointment stands", KEPT)
    if told == "undone" and stands in OPEN:
        standing = f": {recorded}" if stands != "open" else ""
        return _words("Your last answer has been taken back", f"taken back{standing}", f"Now: {recorded}.")
    if told == "changed":
        return _words(f"{first_name}, please look again", f"please look again: {recorded}", CHANGED, "warn")
    if told in {"quick", "otherwise"}:
        why = QUICK if told == "quick" else OTHERWISE
        return _words("Please press once more", "please press once more", why, "warn")
    hello = HELLO[stands]
    return Words(_capital(hello), f"Hello {first_name}, {hello}", outcome=False)


def _words(heading: str, title: str, notice: str = "", level: str = "ok") -> Words:
    return Words(_capital(title), heading, notice, level)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Refusal:
    """What a patient reads instead of the page; `phone` comes before the clinic's name and number."""

    title: str
    sentences: tuple[str, ...]
    phone: str = "If you need help, phone"


NOT_OPENED = Refusal(
    "This link does not open an appointment",
    ("A part of it may have been lost on the way. Please open it straight from the text message.",),
    "If that does not help, phone",
)
ENDED = Refusal(
    "This link has ended",
    (
        "A link works until a day after its appointment, or until the clinic replaces it.",
        "If the clinic has sent you a newer text, open the link in that one.",
    ),
    "About an appointment, phone",
)
TOO_MANY = Refusal(
    "Please wait a little",
    ("Too many buttons or links were pressed in a short time.", "Please wait ten minutes, then open the link again."),
    "If it cannot wait, phone",
)
NOT_NOW = Refusal(
    "This is not working just now",
    (
        "If you have just pressed a button, we cannot say yet whether your answer was recorded.",
        "Please open the link again in a few minutes: the page then says what is recorded.",
    ),
    "If it cannot wait, phone",
)
NOT_TAKEN = Refusal(
    "This did not work",
    ("Nothing was recorded. Please open the link in the text message again.",),
)
REFUSALS = {404: NOT_OPENED, 410: ENDED, 429: TOO_MANY, 500: NOT_NOW, 503: NOT_NOW}


def refusal(status: int | None) -> Refusal:
    """Return what a patient reads for an HTTP status below /m/."""
    return REFUSALS.get(status or 400, NOT_TAKEN)
