"""Which passwords are refused, and why in words. Length is what counts (NIST SP 800-63B-4), not kinds of letters.

What people choose first is refused by how it is made, so thousands of variants need no list of their own.
"""

import re
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 15  # characters, as long as there is no second factor
LONGEST_BYTES: Final = 1024
FEWEST_DIFFERENT: Final = 5
LOOSE_ENDS: Final = 3  # characters that may stick out of a row of neighbours ("qwertyuiopasdfg1!")
MOST_FAVOURITES: Final = 2

FAVOURITES: Final = frozenset(
    """
    password passwort passwd pass passphrase passcode secret geheim hidden private login logon signin letmein letme
    openup opensesame sesame welcome willkommen bienvenue bienvenido hello hallo bonjour hola goodbye admin
    administrator root superuser user username guest test tester testing demo example sample default changeme change
    temp temporary access master super system server computer laptop internet google facebook apple windows microsoft
    linux samsung android qwerty qwertz azerty asdf asdfgh zxcvbn abc abcd love iloveyou loveyou lovely sweet
    sweetheart baby honey darling princess prince queen king angel heaven jesus christ god faith hope blessed lucky
    freedom peace happy smile sunshine sunny rainbow flower flowers butterfly chocolate cookie coffee cheese banana
    orange cherry pepper ginger dragon monkey tiger lion eagle falcon panther wolf bear horse dolphin kitty kitten
    puppy dog cat bunny chicken phoenix shadow ghost ninja pirate warrior soldier hunter ranger knight wizard magic
    merlin matrix batman superman spiderman pokemon starwars football soccer baseball basketball hockey tennis golf
    rugby cricket liverpool arsenal chelsea barcelona madrid yankees steelers cowboys lakers summer winter spring
    autumn fall january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday christmas easter birthday london paris berlin newyork america england
    scotland ireland wales france germany spain portugal brazil india michael jennifer jordan daniel jessica ashley
    thomas charlie robert matthew andrew joshua anthony nicole hannah maggie buster harley mustang ferrari porsche
    mercedes corvette yamaha killer whatever nothing trustno hospital clinic surgery practice doctor nurse patient
    patients health healthcare medical medicine dental dentist appointment appointments reminder reminders reception
    receptionist frontdesk desk office manager staff team twilio
    """.split()
)
# Each with the digits and signs people add, and each after each other: far more than the 3,000 of ASVS 6.2.4.
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz" * 2, "01234567890" * 3, "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop")
_LOOKALIKES: Final = (str.maketrans("@4301!$57", "aaeoiisst"), str.maketrans("@4301!$57", "aaeolisst"))


def refusal(password: str, *, known: Iterable[str] = ()) -> str | None:
    """Say in words why a password is not taken, or None.

    `known` are words somebody would try first: the person's name and e-mail address, the clinic's name.
    """
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. A few words that do not belong together are easy to remember."
    if len(password.encode(errors="replace")) > LONGEST_BYTES:
        return f"This is too long; {LONGEST_BYTES:,} bytes are the most that fit."
    if "\x00" in password or any("\ud800" <= letter <= "\udfff" for letter in password):
        return "There is a character in it that cannot be typed again; please type the password yourself."
    return _guessable(password.casefold(), set(_words(known)))


def _guessable(password: str, known: set[str]) -> str | None:
    if len(set(password)) < FEWEST_DIFFERENT:
        return "This repeats the same few characters. Use more different ones."
    if _in_rows(password) >= len(password) - LOOSE_ENDS:
        return "This runs along the keyboard or the alphabet. Use words that do not belong together."
    if _repeats(password):
        return "This is one piece written several times. Use words that do not belong together."
    readings = {_letters(reading) for reading in _readings(password)} - {""}
    for letters in sorted(readings):
        if _made_of(letters, known | FAVOURITES, MOST_FAVOURITES):
            return _too_common(letters, known)
    return None


def _readings(password: str) -> Iterable[str]:
    """Read a password as it stands and with look-alikes as letters, with and without what is put around it."""
    for text in (password, re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password)):
        yield text
        yield from (text.translate(lookalikes) for lookalikes in _LOOKALIKES)


def _too_common(letters: str, known: set[str]) -> str:
    if any(word in letters for word in known):
        return "This is made of names that belong to you or your clinic. Use words that nobody connects with you."
    return "This is among the first that anybody would try. Use words that do not belong together."


def _letters(password: str) -> str:
    """Drop what people put around and between words: digits, blanks, punctuation."""
    return "".join(letter for letter in password if letter.isalpha())


def _made_of(letters: str, words: set[str], pieces: int) -> bool:
    """Tell whether letters are nothing but so many of these words, one after the other."""
    if letters in words:
        return True
    cuts = (cut for cut in range(2, len(letters) - 1) if letters[:cut] in words) if pieces > 1 else ()
    return any(_made_of(letters[cut:], words, pieces - 1) for cut in cuts)


def _repeats(password: str) -> bool:
    return re.fullmatch(r"(.{1,8}?)\1+.{0,3}", password, re.DOTALL) is not None


def _in_rows(password: str) -> int:
    """Count the characters that stand in runs of three or more neighbours, forwards or backwards."""
    counted = start = 0
    while start < len(password):
        end = start + 1
        while end < len(password) and _neighbours(password[start : end + 1]):
            end += 1
        counted += end - start if end - start > 2 else 0
        start = end
    return counted


def _neighbours(piece: str) -> bool:
    return any(piece in row or piece[::-1] in row for row in _ROWS)


def _words(known: Iterable[str]) -> Iterable[str]:
    """Take the names apart and also as a whole: "Elm Clinic" gives elm, clinic, elmclinic."""
    for name in known:
        parts = re.findall(r"[^\W\d_]{3,}", name.casefold())
        yield from parts
        yield "".join(parts)
