"""What of a reply the patient wrote herself: not the text it quotes or reacts to, nor a mail's tail."""

import re
from typing import Final

LONGEST_OWN_QUOTE: Final = 12  # characters; a short word in quotation marks is the patient's own
_QUOTED: Final = re.compile(r"“([^”]*)”?|«([^»]*)»|„([^“”]*)[“”]|\"([^\"]*)\"")
_QUOTED_LINE: Final = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
# A reaction as phones send it: 👎 to “Reply 1 …”. It may be to an old text, so that even the sign is no answer.
_REACTION: Final = re.compile(
    r"\s*[\u203c-\u2bff\U0001f000-\U0001faff][^\w“«„\"]*(?:(?:to|zu|auf|a|à|para|sur)\s*)?[“«„\"].*", re.DOTALL
)
# From here on a mail repeats what it answers, or is signed.
_TAIL: Final = re.compile(
    r"""^[ \t]*(?:on\b.{0,200}\bwrote:|am\b.{0,200}\bschrieb\b.{0,80}:|le\b.{0,200}\ba\ écrit\s?:
    |el\b.{0,200}\bescribió:|em\b.{0,200}\bescreveu:|-{2,}\s*(?:original|ursprüngliche|forwarded)|_{5,}|--[ \t]*$
    |(?:sent|gesendet|envoyé|enviado)\b.{0,40}\b(?:from|von|de|depuis|do|desde)\b
     .{0,60}\b(?:iphone|ipad|android|galaxy|phone|handy|outlook|mail)\b).*""",
    re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def own_words(body: str) -> str:
    """Return a reply without what it quotes: of “Liked “Reply 1 …”” the reaction is left."""
    if _REACTION.fullmatch(body):
        return ""
    return _QUOTED.sub(_kept, _TAIL.sub("", _QUOTED_LINE.sub("", body)))


def _kept(quote: re.Match[str]) -> str:
    inside = next((part for part in quote.groups() if part is not None), "")
    return inside if len(inside) <= LONGEST_OWN_QUOTE else " "
