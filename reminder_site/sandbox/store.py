"""What the sandbox remembers, in one SQLite file: messages, media, opt-outs, Messaging Services, content, settings.

Owns the tables and the transaction; knows nothing of HTTP or of time.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL UNIQUE, service_sid TEXT, sender TEXT,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL, status TEXT NOT NULL, direction TEXT NOT NULL, num_segments INTEGER NOT NULL,
    num_media INTEGER NOT NULL, error_code INTEGER, status_callback TEXT, wants_feedback INTEGER NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, send_at REAL, sent_at REAL, next_at REAL, valid_s INTEGER
);
CREATE INDEX IF NOT EXISTS message_due ON message (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient, id);
CREATE INDEX IF NOT EXISTS message_sender ON message (sender, id);
CREATE INDEX IF NOT EXISTS message_scheduled ON message (send_at) WHERE status = 'scheduled';
CREATE TABLE IF NOT EXISTS media (
    sid TEXT PRIMARY KEY, message_sid TEXT NOT NULL, content_type TEXT NOT NULL, url TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS media_message ON media (message_sid);
CREATE TABLE IF NOT EXISTS feedback (message_sid TEXT PRIMARY KEY, outcome TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS opt_out (
    scope TEXT NOT NULL, number TEXT NOT NULL, word TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (scope, number)
);
CREATE TABLE IF NOT EXISTS service (sid TEXT PRIMARY KEY, created_at REAL NOT NULL, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS number (sid TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, service_sid TEXT, sms_url TEXT);
CREATE TABLE IF NOT EXISTS content (sid TEXT PRIMARY KEY, created_at REAL NOT NULL, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES = ("message", "media", "feedback", "opt_out", "service", "number", "content", "setting")


@dataclass(slots=True)
class Message:
    """One text, either way; moments are sandbox seconds since 1970 UTC, `next_at` is when its next step is due."""

    sid: str
    service_sid: str | None
    sender: str | None
    recipient: str
    body: str
    status: str
    direction: str
    num_segments: int
    num_media: int
    error_code: int | None
    status_callback: str | None
    wants_feedback: bool
    created_at: float
    updated_at: float
    send_at: float | None = None
    sent_at: float | None = None
    next_at: float | None = None
    valid_s: int | None = None

    @property
    def inbound(self) -> bool:
        """Whether a patient sent it."""
        return self.direction == "inbound"

    @property
    def shown_at(self) -> float:
        """When it belongs in a conversation: once sent, when it was sent; until then, when it came."""
        return self.sent_at or self.created_at


COLUMNS = tuple(column.name for column in fields(Message))
as_row = attrgetter(*COLUMNS)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM message "  # noqa: S608 (names of the class above)
INSERT = f"INSERT INTO message ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
UPDATE = f"UPDATE message SET {', '.join(name + ' = ?' for name in COLUMNS)} WHERE sid = ?"  # noqa: S608


class Store:
    """One connection behind one lock: every read and every transaction of the sandbox passes here."""

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        if "valid_s" not in {row[1] for row in self._db.execute("PRAGMA table_info(message)")}:
            self._db.execute("ALTER TABLE message ADD COLUMN valid_s INTEGER")  # a file of an earlier version
        if "sms_url" not in {row[1] for row in self._db.execute("PRAGMA table_info(number)")}:
            self._db.execute("ALTER TABLE number ADD COLUMN sms_url TEXT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everybody else out and make what happens inside all or nothing; may be nested."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement and give its rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """Run one query and give the first column of its first row, or None."""
        rows = self.rows(sql, *values)
        return rows[0][0] if rows else None

    def messages(self, condition: str = "", *values: Any) -> list[Message]:
        """Give the messages that a condition (with its ORDER and LIMIT) selects."""
        return [Message(*row) for row in self.rows(SELECT + condition, *values)]

    def message(self, sid: str) -> Message | None:
        """Give one message."""
        return next(iter(self.messages("WHERE sid = ?", sid)), None)

    def add(self, message: Message) -> None:
        """Write a new message."""
        self.rows(INSERT, *as_row(message))

    def update(self, message: Message) -> None:
        """Write a message over its earlier self."""
        self.rows(UPDATE, *as_row(message), message.sid)

    def holds_scheduled(self, count: int) -> bool:
        """Tell whether at least so many messages wait for their SendAt."""
        # There cannot be more waiting than were ever made: that spares counting them at every create.
        if (self.value("SELECT max(id) FROM message") or 0) < count:
            return False
        return int(self.value("SELECT count(*) FROM message WHERE status = 'scheduled'")) >= count

    def setting(self, name: str) -> Any:
        """Give a kept setting, or None."""
        value = self.value("SELECT value FROM setting WHERE name = ?", name)
        return None if value is None else json.loads(value)

    def keep(self, name: str, value: Any) -> None:
        """Keep a setting over restarts."""
        self.rows("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value))

    def empty(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in TABLES:
                self.rows(f"DELETE FROM {table}")  # noqa: S608 (names of the list above)
