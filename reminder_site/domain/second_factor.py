"""The second factor at sign-in: a code of an authenticator app (RFC 6238), or one of ten recovery codes.

Who must have one, how codes are written, and how often they may be tried.
"""

import re
from typing import Final

STEP_SECONDS: Final = 30
STEPS_EITHER_WAY: Final = 1  # RFC 6238, 5.2: one step for clocks that differ and codes typed late
DIGITS: Final = 6
MOST_WRONG: Final = 5  # by an account's device
WRONG_MINUTES: Final = 15
AWAITED_MINUTES: Final = 10  # how long a right password waits for its code
SET_UP_MINUTES: Final = 60  # how long a page with a new secret can be used
TOLD_DAYS: Final = 14  # for how long the owner is told at sign-in that the second factor was taken away

RECOVERY_CODES: Final = 10
FEW_CODES: Final = 3  # fewer than these, and the owner is told at sign-in
RECOVERY_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is mistaken for something else
RECOVERY_LETTERS: Final = 10  # 49 bits

_NEEDS_ONE: Final = frozenset({"administrator", "manager"})


def is_needed(role: str, *, live: bool) -> bool:
    """Tell whether somebody of a role must have a second factor: whoever can change accounts of a live site."""
    return live and role in _NEEDS_ONE


def app_code(typed: str) -> str | None:
    """Return the digits of an authenticator app's code as it was typed, or None when it cannot be one."""
    digits = re.sub(r"[\s-]", "", typed)
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else None


def recovery_code(typed: str) -> str | None:
    """Return a recovery code as it is kept, from how it was typed, or None when it cannot be one."""
    letters = re.sub(r"[\s-]", "", typed).upper()
    fits = len(letters) == RECOVERY_LETTERS and set(letters) <= set(RECOVERY_ALPHABET)
    return letters if fits else None


def grouped(code: str) -> str:
    """Write a recovery code as it is printed, in two halves."""
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


def spaced(secret: str) -> str:
    """Write an authenticator app's secret as it is typed by hand, in groups of four."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
