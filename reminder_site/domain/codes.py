"""Twilio's codes: whose trouble each is, in plain words with the next step, and whether the text is tried again.

Whatever decides by a code of Twilio's asks here.
"""

from dataclasses import dataclass
from typing import Final, Literal

# account, sender, place: ours. The account is refused; a sender, its registration or its limits; a country or a number
#   the account may not text yet. number: nothing reaches it. opted_out: it wants no texts. content: this text is at
#   fault. passing: another try may succeed later. unclear: it may have arrived. carrier, twilio: all else.
Whose = Literal[
    "account", "sender", "place", "number", "opted_out", "content", "passing", "unclear", "carrier", "twilio"
]


@dataclass(frozen=True)
class Code:
    """Why a text failed, whose trouble that is, and what somebody should do next."""

    whose: Whose
    words: str
    next_step: str
    code: int | None = None

    @property
    def is_ours(self) -> bool:
        """Tell whether no text can be blamed: it waits until we have put things right."""
        return self.whose in {"account", "sender", "place"}

    @property
    def pauses(self) -> bool:
        """Tell whether every text of the same sender would meet the same."""
        return self.whose in {"account", "sender"}

    @property
    def tries_again_hours(self) -> tuple[int, ...]:
        """Return after how many hours each a text that met it is tried again; empty: it is not."""
        if self.whose != "passing":
            return ()
        return TRIES_AGAIN_HOURS[:1] if self.code == LOST else TRIES_AGAIN_HOURS


TRIES_AGAIN_HOURS: Final = 1, 4
OPTED_OUT: Final = 21610
LOST: Final = 30008
OUT_OF_WINDOW: Final = frozenset({35114, 35115, 35117})
CALENDAR_FULL: Final = 35125
QUEUE_FULL: Final = 21611
NOT_CANCELABLE: Final = 30409
NOT_FOUND: Final = 20404

_PHONE: Final = "Phone the patient, and ask for another number."
_CORRECT: Final = "Check the number with the patient and correct it."
_ASK_ADMIN: Final = "Nothing to do at the desk; ask your administrator to look at the Twilio settings."
_ADMIN_NOW: Final = "Tell your administrator now: nothing can be sent until it is put right."
_WAIT: Final = "Another try may succeed later; if the appointment is near, phone the patient."
_REWORD: Final = "Ask your manager to change the wording; phone the patient meanwhile."
_BY_PHONE: Final = "Phone the patient."
_TRY_SMS: Final = "Send it as an ordinary text instead, or phone the patient."
_REGISTER: Final = "Ask your administrator to finish registering the number with Twilio; phone urgent patients."
_REPORT: Final = "Please report this to your administrator with the code; phone the patient meanwhile."

UNKNOWN: Final = Code("twilio", "The text failed and Twilio gave no reason.", "Try once more, or phone the patient.")

# Code groups that share one explanation. Source: Twilio's error dictionary; whose trouble it is, is our judgement.
_GROUPS: Final[tuple[tuple[tuple[int, ...], Whose, str, str], ...]] = (
    ((20003, 20006), "account", "Twilio refused our sign-in: the account details are wrong or withdrawn.", _ADMIN_NOW),
    ((20005, 21472, 30002), "account", "The Twilio account is suspended or closed.", _ADMIN_NOW),
    ((20008,), "sender", "The Twilio test account cannot do this.", _ASK_ADMIN),
    ((20009,), "twilio", "Twilio is not finished with this text, so it cannot be deleted yet.", "Try again tomorrow."),
    ((20404,), "sender", "Twilio does not know this text or setting any more.", _REPORT),
    ((30404,), "content", "Twilio does not know this text or setting any more.", _REPORT),
    ((20422, 30400), "content", "Twilio did not accept the details of this text.", _REPORT),
    ((20429,), "twilio", "Twilio asked us to go slower; nothing was sent.", _WAIT),
    (
        (20500, 20503),
        "twilio",
        "Twilio had a fault of its own.",
        "Wait: we check whether it went out before trying again.",
    ),
    ((21211, 21214, 21217, 21401, 21421), "number", "This is not a working phone number.", _CORRECT),
    (
        (21212, 21606, 21607, 21657, 21659, 21660, 30436),
        "sender",
        "The number we send from is not usable for this.",
        _ASK_ADMIN,
    ),
    ((21601, 21661), "sender", "The number we send from cannot send texts.", _ASK_ADMIN),
    (
        (21408,),
        "place",
        "Texts to this country are switched off.",
        "Use a number of your own country, or ask your administrator.",
    ),
    ((21602, 21619), "content", "The text was empty.", _REPORT),
    (
        (21603, 21701, 21702, 21705, 30124, 30127),
        "sender",
        "The Twilio messaging service is missing or wrong.",
        _ADMIN_NOW,
    ),
    ((21604, 30014), "content", "The text had no usable phone number.", _CORRECT),
    ((21605, 21617, 21658), "content", "The text is too long to be sent.", _REWORD),
    ((21608, 21219), "place", "The Twilio trial account may text only numbers it has verified.", _ASK_ADMIN),
    ((21609, 21626, 30109, 30123), "sender", "The address for Twilio's reports is wrong.", _ASK_ADMIN),
    (
        (21610,),
        "opted_out",
        "The patient has opted out of texts.",
        "Phone the patient. They can text START to get texts again.",
    ),
    ((21611,), "twilio", "Too many texts are waiting at this sending number.", _WAIT),
    ((21612,), "carrier", "This number cannot be reached from our sending number.", _PHONE),
    (
        (21614, 21635),
        "number",
        "This is a landline, which cannot get texts.",
        "Ask the patient for a mobile number; phone meanwhile.",
    ),
    ((21618,), "content", "Twilio does not allow this text.", _REWORD),
    ((21620, 21623, 63019, 63034), "content", "A picture or file with this text could not be used.", _REWORD),
    ((21621, 21622, 30011), "content", "Pictures cannot be sent to or from this number.", "Send it without a picture."),
    (
        (21624, 90007, 30012, 30013, 30036),
        "content",
        "The time in which the text had to arrive was over or wrong.",
        _BY_PHONE,
    ),
    ((21654, 21655, 21656), "content", "The message template or what was filled into it is wrong.", _REWORD),
    ((21664, 21665, 21666, 21667), "sender", "The substitute sending number is set up wrongly.", _ASK_ADMIN),
    ((21703, 21704), "sender", "The messaging service has no number to send from.", _ADMIN_NOW),
    ((21910, 30015, 30016), "carrier", "The patient's channel and ours do not match.", _TRY_SMS),
    ((30001,), "passing", "The text waited too long in Twilio's queue and was dropped.", _WAIT),
    ((30003,), "passing", "The phone is switched off or has no signal.", _WAIT),
    ((30004,), "carrier", "The phone company or the patient's phone blocks our texts.", _PHONE),
    ((30005,), "number", "This number is unknown or no longer in use.", _CORRECT),
    ((30006,), "number", "This is a landline, or its phone company takes no texts.", _PHONE),
    ((30007,), "content", "The phone company filtered the text as unwanted.", _REWORD),
    (
        (30008,),
        "passing",
        "The text was lost on its way and nobody said why.",
        "Send it once more, or phone the patient.",
    ),
    ((30009,), "twilio", "Part of a long answer from the patient was lost.", "Ask the patient to send it again."),
    ((30010,), "sender", "The text would have cost more than the limit set.", _ASK_ADMIN),
    ((30017,), "passing", "The phone network is overloaded.", _WAIT),
    ((30018, 30024), "sender", "The phone company does not know our sending number yet.", _REGISTER),
    ((30019,), "content", "The text or its picture is too large for the phone company.", _REWORD),
    ((30020, 30021), "passing", "Twilio failed to send a text that it was holding for us.", _WAIT),
    ((30022, 63017, 63018), "passing", "We sent faster than is allowed.", _WAIT),
    (
        (30023, 30027, 63038),
        "sender",
        "The daily limit of texts is used up.",
        "Another try may succeed tomorrow; phone today's patients.",
    ),
    (
        (30025, 30026),
        "twilio",
        "A large part of the daily limit of texts is used up.",
        "Send only what cannot wait today.",
    ),
    ((30032,), "sender", "The toll-free number we send from is not verified.", _REGISTER),
    ((30033,), "sender", "Our registration for sending texts is suspended.", _ADMIN_NOW),
    ((30034,), "sender", "The number we send from is not registered for texts in the United States.", _REGISTER),
    (
        (30035,),
        "sender",
        "The number we send from is still being set up.",
        "Wait a day; phone urgent patients meanwhile.",
    ),
    ((30037,), "account", "Sending is switched off for the Twilio account.", _ADMIN_NOW),
    ((30038, 30039), "content", "Twilio filtered the text as a code or as a loop of replies.", _REWORD),
    ((30040, 30041, 30042), "sender", "The name we send under is not registered.", _REGISTER),
    ((30044,), "content", "The text is too long for a Twilio trial account.", _REWORD),
    ((30047,), "content", "Twilio could not move the text to an allowed hour.", _BY_PHONE),
    (
        (30409,),
        "twilio",
        "Twilio had already sent the text, so it could not be cancelled.",
        "Tell the patient to ignore it.",
    ),
    ((30410,), "unclear", "The phone company did not answer, so the text may or may not have arrived.", _BY_PHONE),
    (
        (30450,),
        "passing",
        "Twilio held the text back to guard against fraud.",
        "Try again in half an hour, or phone the patient.",
    ),
    ((30610,), "passing", "The text fell outside the hours allowed for texts.", _WAIT),
    (
        (30640,),
        "carrier",
        "The number is on a list of people who must not be texted.",
        "Take the number out, and phone the patient.",
    ),
    ((35111, 35114, 35115, 35117), "twilio", "Twilio did not accept the time for this text.", _WAIT),
    ((35118,), "sender", "Twilio holds texts only for a messaging service, and none was given.", _ADMIN_NOW),
    ((35125,), "twilio", "Twilio holds as many texts for later as it can.", _WAIT),
    ((35126,), "content", "Twilio cannot hold this kind of text for later.", _REPORT),
    ((63003, 63024), "carrier", "The patient has no WhatsApp on this number.", _TRY_SMS),
    ((63005, 63013, 63021), "content", "WhatsApp rejected what the message says.", _REWORD),
    ((63007,), "sender", "Our number is not set up for this channel.", _ASK_ADMIN),
    ((63009, 63010, 63012), "passing", "The channel had a fault of its own.", _WAIT),
    ((63015,), "carrier", "The patient has not joined the WhatsApp test.", _TRY_SMS),
    ((63016,), "content", "WhatsApp allows only approved templates a day after the patient last wrote.", _TRY_SMS),
    ((63027, 63028), "content", "The WhatsApp template lacks the language or a value.", _REWORD),
    ((63032,), "carrier", "WhatsApp does not allow this message for this patient.", _TRY_SMS),
    ((63033, 63050), "carrier", "The patient has opted out on this channel.", _BY_PHONE),
    ((63036,), "carrier", "The phone cannot be reached on this channel.", _TRY_SMS),
    ((63040, 63041, 63042, 63054), "content", "The WhatsApp template was rejected, paused or withdrawn.", _REWORD),
    ((63043, 63044, 63045, 63047), "content", "The sample picture of a template could not be fetched.", _ASK_ADMIN),
    ((63046,), "twilio", "The WhatsApp template was approved.", "Nothing to do."),
    ((63049,), "carrier", "WhatsApp chose not to deliver this message.", _TRY_SMS),
    ((63051,), "sender", "The WhatsApp account is locked.", _ADMIN_NOW),
)
KNOWN: Final = {code: Code(whose, words, step, code) for codes, whose, words, step in _GROUPS for code in codes}

# What the codes of a range have in common, for those without words of their own; both ends inclusive.
_RANGES: Final[tuple[tuple[int, int, Whose, str, str], ...]] = (
    (11200, 12999, "content", "Twilio could not reach this site or did not understand its answer.", _ASK_ADMIN),
    (21400, 21599, "content", "A phone number or setting of the Twilio account is wrong.", _ASK_ADMIN),
    (21600, 21699, "content", "Twilio did not accept this text or the number it goes to.", _REPORT),
    (21700, 21799, "sender", "The Twilio messaging service is not set up correctly.", _ASK_ADMIN),
    (30000, 30099, "carrier", "The phone company or Twilio did not deliver the text.", _BY_PHONE),
    (30100, 30139, "sender", "The short links of the text are not set up correctly.", _ASK_ADMIN),
    (30440, 30499, "sender", "The verification of our toll-free number was refused.", _REGISTER),
    (30880, 30899, "sender", "The registration of our texts was refused.", _REGISTER),
    (35100, 35199, "content", "Twilio did not accept the text for later.", _REPORT),
    (63000, 63099, "carrier", "The message could not be delivered on this channel.", _TRY_SMS),
    (20000, 21399, "content", "Twilio refused the request.", _REPORT),
)


def of(code: int | None) -> Code:
    """Return what a code of Twilio's means; one that nobody knows is named so that it can be looked up."""
    if code is None:
        return UNKNOWN
    if code in KNOWN:
        return KNOWN[code]
    for first, last, whose, words, step in _RANGES:
        if first <= code <= last:
            return Code(whose, f"{words} (Twilio's code {code})", step, code)
    return Code("twilio", f"The text failed for a reason we have no words for (Twilio's code {code}).", _BY_PHONE, code)
