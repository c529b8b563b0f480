"""Answers of Twilio's that the database would not take, kept in a file until it does. Knows no tables."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pendulum


@dataclass(frozen=True)
class Taken:
    """A text that Twilio took, at a moment (UTC), in answer to one attempt; `send_at` is what Twilio holds it for."""

    message_id: int
    attempt_no: int
    sid: str
    status: str
    at: pendulum.DateTime
    send_at: pendulum.DateTime | None = None


class Spool:
    """A file with one line for each answer; appending is safe from any thread and process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reading = file.with_name(f"{file.name}.reading")

    def add(self, taken: Taken) -> None:
        """Keep an answer; on disk before it returns. Raises OSError when the disk is full as well."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = f"\n{json.dumps(asdict(taken), default=_iso)}\n"  # apart from one that was cut short
        handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self) -> list[Taken]:
        """Return what is kept; a line that a crash cut short is left out, the list at Twilio still has its text."""
        if self._file.exists() and not self._reading.exists():
            self._file.replace(self._reading)  # what is added from now on belongs to the next reader
        try:
            lines = self._reading.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [taken for line in lines if (taken := _taken(line)) is not None]

    def clear(self) -> None:
        """Forget what was read."""
        self._reading.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget everything, read or not."""
        self._reading.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)


def _taken(line: str) -> Taken | None:
    try:
        found = json.loads(line)
        at, send_at = _moment(found.pop("at")), _moment(found.pop("send_at", None))
        return Taken(**found, at=at, send_at=send_at) if at else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _iso(moment: pendulum.DateTime) -> str:
    return moment.isoformat()


def _moment(words: str | None) -> pendulum.DateTime | None:
    found = pendulum.parse(words) if words else None
    return found if isinstance(found, pendulum.DateTime) else None
