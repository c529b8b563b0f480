"""The words for registering a sender in the United States, filled in with a clinic's facts. Knows no tables.

Field names and lengths: Twilio, UsAppToPerson and TollfreeVerification resources; what they have to say: CTIA Messaging
Principles and Best Practices, and the carriers' rules for 10DLC campaigns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reminder_site.domain import wording
from reminder_site.domain.dialogue import STOPPED_REPLY

# Two to five samples are wanted; these show a question, a statement, a change and its end.
SAMPLES: Final = ("confirmation", "reminder_ask", "reminder_short", "moved", "cancelled")
STARTED_REPLY: Final = (
    "{{clinic}}: you get texts about your appointments again. Message and data rates may apply. HELP for help, "
    "STOP ends texts"
)


@dataclass(frozen=True)
class Entry:
    """One field of the form: what to put there, and how long it may be (characters)."""

    field: str
    text: str
    least: int = 0
    most: int = 4_096

    @property
    def fits(self) -> bool:
        """Whether Twilio takes a text of this length."""
        return self.least <= len(self.text) <= self.most


def kit(
    *, name: str, values: Mapping[str, str], templates: Mapping[str, str], consent: str, privacy: str, terms: str
) -> Sequence[Entry]:
    """Return what goes into the forms of a 10DLC campaign and of a toll-free verification, in their order.

    `values` are those of a made-up patient, `consent` is what patients are read or sign, the last two are addresses.
    """
    description = (
        f"{name} texts its own patients about their own appointments: a confirmation when one is booked, reminders "
        "before it, changes and cancellations, and answers to their replies. No marketing, no lists of others, no "
        "health details."
    )
    flow = (
        f"Patients agree at the desk of {name}, in person, by phone or on a signed form, when they give their mobile "
        f'number. They are read or sign: "{consent}" Agreeing is no condition of treatment. The site keeps who asked, '
        f"when, how and which wording, and texts nobody without it. Privacy policy: {privacy} Terms: {terms}"
    )
    return [
        Entry("Campaign use case", "LOW_VOLUME (Low Volume Mixed); toll-free: APPOINTMENTS, HEALTHCARE"),
        Entry("Campaign description", description, 40, 4_096),
        Entry("How end-users consent (message flow)", flow, 40, 2_048),
        Entry("Opt-in type (toll-free)", "VERBAL; PAPER_FORM if patients sign"),
        *_samples(values, templates),
        Entry(
            "Messages contain",
            "links: yes (this site's own address); phone numbers: yes (the clinic's); no lending, no age gate",
        ),
        Entry("Help message", wording.render(templates["help_reply"], values), 20, 320),
        Entry("Opt-out message", wording.render(STOPPED_REPLY, values), 20, 320),
        Entry("Opt-in message", wording.render(STARTED_REPLY, values), 20, 320),
        Entry(
            "Keywords",
            "opt-out: STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, REVOKE, OPTOUT; opt-in: START, UNSTOP, YES; "
            "help: HELP, INFO",
        ),
        Entry("Privacy policy", privacy),
        Entry("Terms and conditions", terms),
    ]


def _samples(values: Mapping[str, str], templates: Mapping[str, str]) -> list[Entry]:
    return [
        Entry(f"Sample message {number}", wording.render(templates[kind], values), 20, 1_024)
        for number, kind in enumerate(SAMPLES, 1)
    ]
