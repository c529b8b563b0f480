"""What free text may hold: kept exactly as typed (outer blanks aside) or refused in words.
Knows nothing of forms, tables or messages."""

import re
import unicodedata
from typing import Final

# Marks that reorder the letters around them: the eye would read another text than the one that is stored.
_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# With the code points that Unicode never gives to a character: no page and no text may carry them.
_CONTROLS: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
_LINE_BREAKS: Final = "\n\r\x0b\x0c\x85\u2028\u2029"
_REFUSED: Final = re.compile(f"[\ud800-\udfff{_CONTROLS}{_BIDI}]")
_REFUSED_IN_A_LINE: Final = re.compile(f"[\ud800-\udfff\t\n\u2028\u2029{_CONTROLS}{_BIDI}]")
# What programs put around a name when it is copied: it says in which direction to read, and is no part of it.
_MARKS_AROUND: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\u200b\ufeff"
_LOOK_EMPTY: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that are drawn as nothing
_UNSENDABLE: Final = re.compile(f"[{_CONTROLS}{_BIDI}]")


class TextRefused(ValueError):
    """Says in words why a text was not taken."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def clean_line(text: str, max_len: int) -> str:
    """Takes one line (a name, a place) unchanged but for outer blanks and marks of direction; raises TextRefused.

    `max_len` counts characters. Accents, scripts and blanks inside stay byte for byte as typed.
    """
    return _checked(_trimmed(text, _MARKS_AROUND), _REFUSED_IN_A_LINE, max_len)


def clean_text(text: str, max_len: int) -> str:
    """Takes free text of several lines unchanged but for outer blanks and plain line ends; raises TextRefused."""
    return _checked(_trimmed(text.replace("\r\n", "\n").replace("\r", "\n")), _REFUSED, max_len)


def strip_controls(text: str) -> str:
    """Drops what must not travel in a text or reach a page: control and reordering characters; halves become �."""
    whole = re.sub("[\ud800-\udfff]", "\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _UNSENDABLE.sub("", whole)


def shows(text: str) -> bool:
    """Tell whether there is anything in a text that somebody could see."""
    return any(unicodedata.category(ch)[0] in "LNPS" and ch not in _LOOK_EMPTY for ch in text)


def _trimmed(text: str, more: str = "") -> str:
    blanks = " \t\r\n" + more + "".join({ch for ch in text if unicodedata.category(ch) == "Zs"})
    return text.strip(blanks)


def _checked(text: str, refused: re.Pattern[str], max_len: int) -> str:
    odd = refused.search(text)
    if odd:
        raise TextRefused(_words(odd.group(), text[: odd.start()]))
    if text and not shows(text):
        raise TextRefused("There is nothing in this that can be seen; please type it.")
    if len(text) > max_len:
        raise TextRefused(f"This has {len(text):,} characters; at most {max_len:,} fit.")
    return text


def _words(ch: str, before: str) -> str:
    where = f"after “{before[-12:]}”" if before else "at the beginning"
    if ch in _LINE_BREAKS:
        return f"There is a line break {where}; please write everything on one line."
    if ch == "\t":
        return f"There is a tab {where}; please use a blank instead."
    if "\ud800" <= ch <= "\udfff":
        return f"There is half a character {where}, left over from copying; please type it again."
    what = "a hidden mark that reorders letters" if re.match(f"[{_BIDI}]", ch) else "a hidden control character"
    return f"There is {what} (U+{ord(ch):04X}) {where}; please remove it or type the text again."
