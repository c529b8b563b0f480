"""Patients' names: how they are written out and how they are found. Knows no tables."""

import unicodedata
from typing import Final

# Letters that no accent can be taken from, as people type them on a keyboard without them.
_PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
LONGEST_SEARCH: Final = 200


def full_name(first_name: str, last_name: str) -> str:
    """Write a name out: first name, then family name."""
    return f"{first_name} {last_name}".strip()


def fold(text: str) -> str:
    """Return a text as it is searched: lower case, without accents, punctuation or doubled blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_PLAIN)
    kept = (ch if ch.isalnum() else " " for ch in plain if not unicodedata.combining(ch) and ch not in "'’ʼ")
    return " ".join("".join(kept).split())


def search_name(first_name: str, last_name: str) -> str:
    """Return what a patient is found by: the folded name, family name first.

    A name of signs alone folds to nothing and is kept as typed, so that it can still be listed in order.
    """
    return (fold(f"{last_name} {first_name}") or f"{last_name} {first_name}".strip())[:LONGEST_SEARCH]
