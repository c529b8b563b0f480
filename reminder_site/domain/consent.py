"""Who may be texted: the one rule behind every text, whoever or whatever sends it. Knows no hours."""

from dataclasses import dataclass
from typing import Final

NO_NUMBER: Final = "there is no phone number to text"
OPTED_OUT: Final = "this number has opted out of texts"
CANNOT_BE_TEXTED: Final = "this number cannot be texted"
TEXTING_OFF: Final = "texting is switched off for this clinic"
NOT_AGREED: Final = "the patient has not agreed to texts"
DEFAULT_WORDING: Final = (
    "May we text you about your appointments here: when they are, if they change, and to ask whether you can come? "
    "You need not agree to be treated. Message and data rates may apply. "
    "Reply STOP to any text to end them, HELP for help."
)
# Without a yes only what answers a text just received may leave, and of that only what somebody who asks must hear.
WITHOUT_CONSENT: Final = frozenset({"help_reply", "stopped_reply"})


@dataclass(frozen=True)
class Standing:
    """What is known of a number and of the patient who has it; `flag` says why it cannot be texted, or is empty."""

    phone_e164: str
    opted_out: bool
    flag: str
    agreed: bool


def why_not(standing: Standing) -> str | None:
    """Say why nothing may be texted to somebody; None when a text may leave.

    Source: US federal law (47 CFR 64.1200) asks for consent before a text and ends it with an opt-out.
    """
    if not standing.phone_e164:
        return NO_NUMBER
    if standing.opted_out:
        return OPTED_OUT
    if standing.flag:
        return CANNOT_BE_TEXTED
    return None if standing.agreed else NOT_AGREED
