"""The token in a patient's link: 12 letters and digits (71 bits), short enough for a text of two segments.

Those made before had 22 characters (128 bits) and go on working. Knows no secret and no table.
"""

import re
from base64 import urlsafe_b64encode
from string import ascii_letters, digits
from typing import Final

LENGTH: Final = 12
OLD_LENGTH: Final = 22
ALPHABET: Final = digits + ascii_letters
SHAPE: Final = rf"(?:[A-Za-z0-9_-]{{{OLD_LENGTH}}}|[A-Za-z0-9]{{{LENGTH}}})"
TOKEN: Final = re.compile(SHAPE, re.ASCII)


def short(digest: bytes) -> str:
    """Write a digest of 32 bytes out as a token; so long a number leaves no letter likelier than another."""
    number, letters = int.from_bytes(digest), []
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def old(digest: bytes) -> str:
    """Write a digest out as the tokens of links made earlier were."""
    return urlsafe_b64encode(digest).decode("ascii")[:OLD_LENGTH]


def masked(url: str) -> str:
    """Return a link with its token blotted out, as long as it was: for pages that show what a text takes."""
    stem, _, token = url.rpartition("/")
    return f"{stem}/{'x' * len(token)}"
