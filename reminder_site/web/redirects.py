"""Where to go next: only ever a path of this site, whatever a link or a form says."""

import re
from typing import Final

_OWN_PATH: Final = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
HOME: Final = "/"


def safe_next(wanted: str | None) -> str:
    """Return a path of this site to go to, or the day list when `wanted` is anything else (no query is kept)."""
    path = (wanted or "").partition("?")[0]
    return path if _OWN_PATH.fullmatch(path) and "//" not in path and "\\" not in path else HOME
