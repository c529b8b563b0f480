"""How entries of the audit are sealed to one another, and how a break in the chain is found. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pendulum

GENESIS: Final = "0" * 64
RETIRED: Final = "key.retired"
SEALED: Final = ("actor", "what", "clinic_id", "subject", "facts")


@dataclass(frozen=True)
class Head:
    """The newest entry of the chain: its number (0 for an empty one) and its hash."""

    number: int = 0
    hash: str = GENESIS


@dataclass(frozen=True)
class Entry:
    """One entry as it is stored; `content` has its moment (UTC) and the sealed fields by name."""

    number: int
    content: Mapping[str, Any]
    key_id: str
    hash: str


def seal(previous: str, number: int, entry: Mapping[str, Any], key: bytes) -> str:
    """Return the HMAC-SHA-256 (hex) of one entry over the hash before it."""
    plain = [number, _stamp(entry["at"])] + [entry[name] for name in SEALED]
    told = previous + json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()


def key_id(key: bytes) -> str:
    """Return the short public name of a key."""
    return hashlib.sha256(b"id:" + key).hexdigest()[:8]


def first_fault(
    entries: Iterable[Entry], keys: Sequence[bytes], head: Head | None = None, *, since: Head = Head()
) -> str:
    """Say in words where the chain breaks first, or nothing; `entries` come by number, `head` was noted outside.

    A key that an entry says was retired seals nothing after it. `since` is an entry known to be sound, with all before
    it: `entries` are then those that follow it.
    """
    known = {key_id(key): key for key in keys}
    at = since
    for entry in entries:
        if words := _fault(at, entry, known):
            return words
        if entry.content["what"] == RETIRED:
            known.pop(entry.content["facts"].get("key_id"), None)
        at = Head(entry.number, entry.hash)
        if head is not None and at.number == head.number and at.hash != head.hash:
            return f"entry {at.number} is not the one whose hash was noted outside the database"
    if head is not None and head.number > at.number:
        return f"the newest entries are cut off: {head.number} were noted outside the database, {at.number} are left"
    return ""


def _fault(before: Head, entry: Entry, known: Mapping[str, bytes]) -> str:
    if entry.number != before.number + 1:
        return f"entry {before.number + 1} is missing"
    if entry.key_id not in known:
        return f"entry {entry.number} is sealed with a key ({entry.key_id}) that this site does not have"
    if not hmac.compare_digest(seal(before.hash, entry.number, entry.content, known[entry.key_id]), entry.hash):
        return f"entry {entry.number} was changed, or is not in its place"
    return ""


def _stamp(moment: pendulum.DateTime) -> str:
    return moment.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%S.%fZ")
