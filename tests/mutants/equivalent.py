"""Changes that make no difference anybody could test, each with its reason, in equivalent.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Equivalent:
    """One change that is let be; `function` is empty for what stands at the top of a file."""

    file: str
    function: str
    before: str
    after: str
    reason: str

    def covers(self, mutation):
        """Say whether a change is this one, however its lines are broken."""
        mine = self.file, self.function, _plain(self.before), _plain(self.after)
        return mine == (mutation.file, mutation.function, _plain(mutation.before), _plain(mutation.after))


def known(text=None):
    """Read the list; every entry must give its reason."""
    listed = tomllib.loads(FILE.read_text() if text is None else text).get("equivalent", [])
    entries = [Equivalent(**entry) for entry in listed]
    for entry in entries:
        if not entry.reason.strip():
            raise ValueError(f"no reason is given for {entry.file}: {entry.before}")
    return entries


def apart(mutations, entries):
    """Part changes into those to try, those known as equivalent, and the entries that name no change any more."""
    equivalent = [mutation for mutation in mutations if any(entry.covers(mutation) for entry in entries)]
    stale = [entry for entry in entries if not any(entry.covers(mutation) for mutation in equivalent)]
    return [mutation for mutation in mutations if mutation not in equivalent], equivalent, stale


def _plain(text):
    return " ".join(text.split())
