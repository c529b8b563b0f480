"""How the site's secret is changed without anybody noticing: first every process knows the next one, then it is used.

Pure: given the settings that hold secrets, it says which of them to set to what. Between two steps every process has
to be started anew, one after the other.
"""

from collections.abc import Mapping

CURRENT, NEXT, PREVIOUS = "SECRET_KEY", "SECRET_KEY_NEXT", "SECRET_KEY_PREVIOUS"
RETIRED = "AUDIT_KEYS_RETIRED"


class NotNow(Exception):
    """A step of a change of keys is not the one whose turn it is; the message says which is."""


def prepare(known: Mapping[str, str], fresh: str) -> dict[str, str]:
    """Add the next secret, which all processes accept and none signs with yet; raises NotNow."""
    if known.get(NEXT):
        raise NotNow("the next key is there already: start every process anew, then switch to it")
    if known.get(PREVIOUS):
        raise NotNow("the last change is still under way: retire the previous key first")
    return {NEXT: fresh}


def switch(known: Mapping[str, str]) -> dict[str, str]:
    """Sign with the next secret from now on, and go on accepting the one before; raises NotNow."""
    if not known.get(NEXT):
        raise NotNow("there is no next key: prepare one first, and start every process anew")
    return {CURRENT: known[NEXT], PREVIOUS: known[CURRENT], NEXT: ""}


def retire(known: Mapping[str, str], audit_key: str) -> dict[str, str]:
    """Drop the previous secret; its audit key (hex) stays to check old entries by. Raises NotNow."""
    if not known.get(PREVIOUS):
        raise NotNow("there is no previous key to retire")
    kept = [key for key in known.get(RETIRED, "").split(",") if key]
    return {PREVIOUS: "", RETIRED: ",".join([*kept, audit_key])}
