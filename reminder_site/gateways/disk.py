"""How much room is left on a disk."""

import shutil
from pathlib import Path


def room(path: Path) -> tuple[int, int]:
    """Return how many bytes are free where a folder is, or is to be, and how many there are."""
    while not path.exists() and path != path.parent:
        path = path.parent
    found = shutil.disk_usage(path)
    return found.free, found.total
