"""Which passwords are refused, and why in words. Length is what counts (NIST SP 800-63B-4), not kinds of letters.

How many guesses one takes is what zxcvbn makes of it, told the names around an account and what this site is about.
"""

import re
from collections.abc import Iterable
from typing import Final

from zxcvbn import zxcvbn

from reminder_site.domain import demo_accounts

SHORTEST: Final = 15  # characters, as long as there is no second factor
LONGEST_BYTES: Final = 1024
FEWEST_GUESSES: Final = 12.5  # as a power of ten: three words that do not belong together take 10^17
FEWEST_WITHOUT_SIGNS: Final = 10.5
JUDGED: Final = 72  # characters; zxcvbn takes no more
ABOUT_THE_SITE: Final = (
    "hospital clinic surgery practice doctor nurse patient patients health healthcare medical medicine dental dentist "
    "appointment appointments reminder reminders reception receptionist frontdesk desk office manager staff team "
    "twilio superuser passphrase bienvenue bienvenido willkommen"
).split()
# Phrases that are in everybody's head; zxcvbn knows words.
QUOTED: Final = (
    "correcthorsebatterystaple",
    "maythe4thbewithyou",
    "maytheforcebewithyou",
    "tobeornottobe",
    "tobeornottobethatisthequestion",
    "thequickbrownfox",
    "thequickbrownfoxjumpsoverthelazydog",
    "supercalifragilisticexpialidocious",
    "iamthebestintheworld",
    "onceuponatimeinalandfarfaraway",
    "inagalaxyfarfaraway",
    "twinkletwinklelittlestar",
    "rosesareredvioletsareblue",
    "alohomoraalohomora",
    "winteriscoming",
    "ijustwanttohavefun",
)


def refusal(password: str, *, known: Iterable[str] = ()) -> str | None:
    """Say in words why a password is not taken, or None.

    `known` are words somebody would try first: the person's name and e-mail address, the clinic's name.
    """
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. A few words that do not belong together are easy to remember."
    if len(password.encode(errors="replace")) > LONGEST_BYTES:
        return f"This is too long; {LONGEST_BYTES:,} bytes are the most that fit."
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in password):
        return "There is a character in it that cannot be typed again; please type the password yourself."
    names = sorted(set(_words(known)))
    if not _easily_guessed(password.casefold(), names):
        return None
    if any(name in _squeezed(password) for name in names):
        return "This is made of names that belong to you or your clinic. Use words that nobody connects with you."
    return "This is among the first that anybody would try. Use words that do not belong together."


def _easily_guessed(password: str, names: list[str]) -> bool:
    """Tell whether a password takes few guesses, as it stands or without the signs people put between and around."""
    inputs = [*names, *ABOUT_THE_SITE, *QUOTED, _squeezed(demo_accounts.PASSWORD)]
    readings = (password, FEWEST_GUESSES), (_squeezed(password), FEWEST_WITHOUT_SIGNS)
    return any(_guesses(reading[:JUDGED], inputs) < fewest for reading, fewest in readings if len(reading) > 1)


def _guesses(password: str, inputs: list[str]) -> float:
    return float(zxcvbn(password, user_inputs=inputs)["guesses_log10"])


def _squeezed(text: str) -> str:
    return re.sub(r"[\s!-/:-@\[-`{-~]", "", text.casefold())


def _words(known: Iterable[str]) -> Iterable[str]:
    """Take the names apart and also as a whole: "Elm Clinic" gives elm, clinic, elmclinic."""
    for name in known:
        parts = re.findall(r"[^\W\d_]{3,}", name.casefold())
        yield from parts
        yield "".join(parts)
