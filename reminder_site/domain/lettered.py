"""A list of appointments with letters, for a phone that was asked about several, and the answers to it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reminder_site.domain.answers import ANSWERS, Kind, fold, understand
from reminder_site.domain.quotations import own_words
from reminder_site.domain.segments import count

LETTERS: Final = "ABCDE"
MOST_SEGMENTS: Final = 2
_ALL: Final = frozenset("both all each everything ambos ambas todos todas tous toutes beide alle".split())
_AND: Final = frozenset("and y e et und for to por para pour fur is".split())
_PAIRS: Final = re.compile(r"\b(?:(?:[a-e][123])+|(?:[123][a-e])+)\b")


@dataclass(frozen=True)
class Item:
    """One line of a list: the patient's first name, and day and time as a text has them."""

    first_name: str
    when: str


def write(clinic: str, phone: str, items: Sequence[Item]) -> str:
    """Return the text that asks which appointment is meant; empty when it would be too long or too many are meant."""
    names = {item.first_name for item in items}
    lines = [
        f"{letter} {item.first_name} {item.when}" if len(names) > 1 else f"{letter} {item.when}"
        for letter, item in zip(LETTERS, items, strict=False)
    ]
    text = (
        f"{clinic}: which one? {', '.join(lines)}. Reply A1 = yes, A2 = change, A3 = can't come, "
        f"{'or' if len(items) == 2 else 'and so on, or'} {'both' if len(items) == 2 else 'all'} 1. {phone}"
    )
    return text if len(items) <= len(LETTERS) and count(text).segments <= MOST_SEGMENTS else ""


def read(body: str, first_names: Mapping[str, str]) -> dict[str, Kind]:
    """Return what a reply says about each letter (`first_names` by letter); empty when any of it is in doubt.

    Understood are "A1", "b 3", "A1 B3", "A and B 1", "both 1", "yes to all", and first names that only one line has.
    """
    said = own_words(body)
    if any(mark in said for mark in "?？¿"):
        return {}
    chosen = _selectors(first_names)
    groups = _groups(_PAIRS.sub(lambda pairs: " ".join(pairs[0]), fold(said)).split(), chosen)
    found: dict[str, Kind] = {}
    for letters, words in groups:
        kind = understand(" ".join(words)).kind
        if kind not in ANSWERS or any(found.get(letter, kind) != kind for letter in letters):
            return {}
        found |= dict.fromkeys(letters, kind)
    return found


def _selectors(first_names: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return what each word chooses: a letter, all letters, or a first name that is on one line only."""
    names = [fold(name) for name in first_names.values()]
    chosen = dict.fromkeys(_ALL, frozenset(first_names))
    chosen |= {letter.lower(): frozenset({letter}) for letter in first_names}
    for letter, name in first_names.items():
        word = fold(name)
        if names.count(word) == 1 and len(word) > 1:
            chosen[word] = frozenset({letter})
    return chosen


def _groups(words: list[str], chosen: Mapping[str, frozenset[str]]) -> list[tuple[frozenset[str], list[str]]]:
    """Part a reply into who is meant and what is said; what is said may come first, "yes to all", if all is one."""
    groups: list[tuple[frozenset[str], list[str]]] = []
    first: list[str] = []
    for word in words:
        if word in chosen:
            letters = chosen[word]
            if groups and not groups[-1][1]:
                letters |= groups.pop()[0]
            groups.append((letters, []))
        elif word in _AND:
            continue
        else:
            (groups[-1][1] if groups else first).append(word)
    if first and len(groups) == 1:
        return [(groups[0][0], [*first, *groups[0][1]])]
    return [] if first else groups
