"""The code that the first administrator of a live site types: how it is made up and how long it is good."""

from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is mistaken for something else
LETTERS: Final = 16  # 78 bits
GROUP: Final = 4
GOOD_HOURS: Final = 24
MOST_GUESSES: Final = 1_000


def grouped(code: str) -> str:
    """Write a code as it is read out, in groups."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def plain(typed: str) -> str:
    """Return what was meant by a code as somebody typed it."""
    return "".join(letter for letter in typed.upper() if letter in ALPHABET)[: LETTERS * 2]
