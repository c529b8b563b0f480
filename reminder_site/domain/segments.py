"""How many SMS segments a text takes and why: GSM 03.38 septets or UCS-2 units, packed as Twilio bills them.
Knows nothing of templates, patients or prices."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
GSM: Final = BASIC | EXTENSION

# What fits in a text sent alone, and in each part of a longer one (the rest carries the part number).
ALONE: Final[dict[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
JOINED: Final[dict[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}

_LOOK_ALIKES: Final = {
    **dict.fromkeys("‘’‚‛′‵`´ʹʻʼʽˈˊˋ՚＇", "'"),
    **dict.fromkeys("“”„‟″‶«»ʺˮ〃〝〞＂", '"'),
    **dict.fromkeys("‐‑‒–—―−⁃﹘－", "-"),
    **dict.fromkeys("\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "),
    **dict.fromkeys("\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u200b\u2060\ufeff\u00ad\u180e", ""),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **{"‹": "<", "›": ">", "⁄": "/", "∕": "/", "‗": "_", "∗": "*", "•": "-", "·": ".", "∶": ":", "˜": "~", "ˆ": "^"},
    **{"…": "...", "¼": "1/4", "½": "1/2", "¾": "3/4", "™": "TM", "№": "No"},
}
_PLAIN_TWINS: Final = frozenset({"<wide>", "<narrow>", "<compat>", "<fraction>"})


@dataclass(frozen=True)
class Segments:
    """What a text costs on the wire; `units` are septets (GSM-7) or 16-bit units (UCS-2)."""

    encoding: Encoding
    segments: int
    units: int
    reason: str | None


def count(text: str, smart: bool = False) -> Segments:
    """Counts segments as Twilio does; `smart` first applies the look-alikes that smart encoding replaces."""
    if smart:
        text = smarten(text)
    odd = offending(text)
    encoding: Encoding = "UCS-2" if odd else "GSM-7"
    sizes = list(_ucs2_sizes(text)) if odd else [2 if ch in EXTENSION else 1 for ch in text]
    units = sum(sizes)
    segments = 1 if units <= ALONE[encoding] else _packed(sizes, JOINED[encoding])
    return Segments(encoding, segments, units, _reason(odd) if odd else None)


def offending(text: str) -> list[str]:
    """Lists, once each and in order, the characters that force the costlier encoding."""
    return [ch for ch in dict.fromkeys(text) if ch not in GSM]


def smarten(text: str) -> str:
    """Replaces characters by the plain look-alikes that Twilio's smart encoding would send instead."""
    return "".join(ch if ch in GSM else _look_alike(ch) for ch in text)


def name_of(ch: str) -> str:
    """Names a character for people: a letter by itself, a sign also by its name, an unseen one by its code."""
    kind, known = unicodedata.category(ch)[0], unicodedata.name(ch, "").lower()
    if kind in "LN":
        return f"“{ch}”"
    if kind in "PS" and known:
        return f"{ch} ({known})"
    return f"{known or 'an invisible character'} (U+{ord(ch):04X})"


def _look_alike(ch: str) -> str:
    if ch in _LOOK_ALIKES:
        return _LOOK_ALIKES[ch]
    if unicodedata.decomposition(ch).partition(" ")[0] not in _PLAIN_TWINS:
        return ch
    plain = unicodedata.normalize("NFKC", ch).replace("⁄", "/")
    return plain if all(part in GSM for part in plain) else ch


def _reason(odd: list[str]) -> str:
    named = ", ".join(name_of(ch) for ch in odd[:3])
    more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
    verb = "is" if len(odd) == 1 else "are"
    return f"{named}{more} {verb} outside the plain SMS alphabet, so one text holds 70 characters instead of 160"


def _packed(sizes: Iterable[int], room: int) -> int:
    """Counts the parts filled in order, none of the items split."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts


def _ucs2_sizes(text: str) -> Iterator[int]:
    """Yields the units that must stay in one part; a pile of marks larger than a part has to be split after all."""
    for grapheme in _graphemes(text):
        size = sum(2 if ord(ch) > 0xFFFF else 1 for ch in grapheme)
        yield from [size] if size <= JOINED["UCS-2"] else [1] * size


def _graphemes(text: str) -> Iterator[str]:
    """Yields what a reader sees as one character: marks, joined emoji, flags and Hangul syllables stay whole."""
    start = flags = 0
    for i in range(1, len(text)):
        flags = flags + 1 if _is_flag_letter(text[i - 1]) else 0
        if not _joins(text[i - 1], text[i], flags):
            yield text[start:i]
            start = i
    if text:
        yield text[start:]


def _joins(before: str, ch: str, flags_before: int) -> bool:
    if before == "\r" and ch == "\n":
        return True
    if before < " " or ch < "\u0300":
        return False
    if _is_flag_letter(ch):
        return flags_before % 2 == 1
    return _extends(ch) or (before == "\u200d" and unicodedata.category(ch) == "So") or _same_syllable(before, ch)


def _extends(ch: str) -> bool:
    point = ord(ch)
    skin_tone_or_tag = 0x1F3FB <= point <= 0x1F3FF or 0xE0020 <= point <= 0xE007F
    return skin_tone_or_tag or ch in "\u200c\u200d" or unicodedata.category(ch) in ("Mn", "Me", "Mc")


def _is_flag_letter(ch: str) -> bool:
    return "\U0001f1e6" <= ch <= "\U0001f1ff"


def _same_syllable(before: str, ch: str) -> bool:
    kinds = _hangul(before) + _hangul(ch)
    return kinds in ("LL", "LV", "LS", "VV", "VT", "TT", "SV", "ST", "sT")


def _hangul(ch: str) -> str:
    """Classifies a Hangul letter (L, V, T) or syllable (S open, s closed); anything else is "-"."""
    if "가" <= ch <= "힣":
        return "S" if (ord(ch) - ord("가")) % 28 == 0 else "s"
    if "\u1100" <= ch <= "\u115f":
        return "L"
    if "\u1160" <= ch <= "\u11a7":
        return "V"
    return "T" if "\u11a8" <= ch <= "\u11ff" else "-"
