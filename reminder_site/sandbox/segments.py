"""How many segments a text takes on the air; the sandbox's own count, apart from the site's so that they can differ."""

import unicodedata
from collections.abc import Iterable, Iterator

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
ZERO_WIDTH_JOINER = "\u200d"


def count_segments(text: str) -> int:
    """Count the segments of a text, never splitting an escaped character or a grapheme (Twilio's public calculator)."""
    if all(char in GSM_BASIC or char in GSM_EXTENDED for char in text):
        return _pack([2 if char in GSM_EXTENDED else 1 for char in text], 160, 153)
    return _pack([_utf16_units(cluster) for cluster in _graphemes(text)], 70, 67)


def _pack(sizes: Iterable[int], alone: int, each: int) -> int:
    sizes = list(sizes)
    if sum(sizes) <= alone:
        return 1
    segments, room = 0, 0
    for size in sizes:
        if size > room:
            segments, room = segments + 1, each
        room -= size
    return segments


def _utf16_units(text: str) -> int:
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def _graphemes(text: str) -> Iterator[str]:
    cluster = ""
    for char in text:
        if cluster and not _continues(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _continues(cluster: str, char: str) -> bool:
    if char == ZERO_WIDTH_JOINER or unicodedata.category(char) in ("Mn", "Mc", "Me") or 0x1F3FB <= ord(char) <= 0x1F3FF:
        return True
    if cluster[-1] == ZERO_WIDTH_JOINER:
        return ord(char) > 0x2000
    if cluster == "\r" and char == "\n":
        return True
    return len(cluster) == 1 and _is_regional(cluster) and _is_regional(char)


def _is_regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF
