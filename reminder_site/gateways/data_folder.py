"""What this machine keeps beside the database, by which a database that went back in time is noticed."""

import fcntl
import json
import os
from collections.abc import Collection
from pathlib import Path

from reminder_site.domain.audit_seal import Head


class DataFolder:
    """A folder on local disk; everything in it is fsynced, and all but the list of the erased is written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def instance_id(self) -> str:
        """Return the id of the database this machine last worked with; empty when there was none."""
        return _text(self.path / "instance-id").strip()

    def keep_instance_id(self, instance_id: str) -> None:
        """Note the id of the database this machine works with."""
        if self.instance_id() != instance_id:
            write_whole(self.path / "instance-id", instance_id + "\n")

    def audit_head(self) -> Head:
        """Return the newest audit entry noted here; an empty head when none was, or when the note is unreadable."""
        return read_head(self.path / "audit-head.json")

    def keep_audit_head(self, head: Head) -> None:
        """Note the newest audit entry."""
        if self.audit_head() != head:
            write_head(self.path / "audit-head.json", head)

    def erased(self) -> list[str]:
        """List the public ids of patients who were erased: a backup from before knows them still."""
        return _text(self.path / "erased").split()

    def note_erased(self, public_ids: Collection[str]) -> None:
        """Note which patients were erased, each once and whoever else writes just now; raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.path / "erased").open("a+") as kept:
            fcntl.flock(kept, fcntl.LOCK_EX)
            kept.seek(0)
            there = kept.read()
            gap = "" if not there or there.endswith("\n") else "\n"
            kept.write(gap + "".join(f"{each}\n" for each in sorted(set(public_ids) - set(there.split()))))
            kept.flush()
            os.fsync(kept.fileno())
        sync_folder(self.path)


def read_head(file: Path) -> Head:
    """Read a head that `write_head` wrote; an empty one when there is none."""
    try:
        found = json.loads(_text(file))
        return Head(int(found["number"]), str(found["hash"]))
    except (ValueError, KeyError, TypeError):
        return Head()


def write_head(file: Path, head: Head) -> None:
    """Write the newest audit entry down, to be kept where nobody who can change the database can change it."""
    write_whole(file, json.dumps({"number": head.number, "hash": head.hash}) + "\n")


def write_whole(file: Path, text: str) -> None:
    """Replace a file by a new one, all or nothing, and on disk before it returns."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with fresh.open("w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    fresh.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
