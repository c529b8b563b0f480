"""Somebody with the database's file and without the key: whatever they do to the audit is found, at every entry."""

import random
import sqlite3
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, islice

from flask import current_app

from reminder_site.actions import audit
from reminder_site.db import transaction
from reminder_site.domain.audit_seal import Head, first_fault
from reminder_site.queries import audit_chain
from tests.campaigns import desk
from tests.campaigns.world import World

CHANGED = {
    "at": "strftime('%Y-%m-%d %H:%M:%f', at, '+1 second')",
    "actor": "actor || 'x'",
    "what": "'message.failed'",
    "clinic_id": "coalesce(clinic_id, 0) + 1",
    "subject": "subject || 'x'",
    "facts": "json_set(facts, '$.n', -1)",
    "key_id": "'00000000'",
    "hash": "substr(hash, 2) || substr(hash, 1, 1)",
    "id": "id + 1000000",
}
ALL = "id, at, actor, what, clinic_id, subject, facts, key_id, hash"
TOGETHER, AT_ONCE, A_PAGE = 100, 3, audit_chain.AT_ONCE


def run(folder, *, seed=1, entries=10_000, whole=2):
    """Tamper with each entry in every way; `missed` must be empty. Of each way, `whole` go through the command."""
    with World(folder, seed=seed, workers=0, web=False) as trial:
        return trial.ask(tamper, entries=entries, whole=whole, draw=seed) | {"seed": seed}


def tamper(entries, whole, draw):
    """Write the chain, then be the intruder, one change at a time, each undone before the next (at a desk)."""
    head = _write(entries)
    thief, pick, found, missed = Intruder(), random.Random(draw), Counter(), []
    sample = set(pick.sample(range(1, entries + 1), whole))
    for number in range(1, entries + 1):
        for way, (touched, do) in thief.ways(number, (number + pick.randrange(1, entries) - 1) % entries + 1).items():
            with thief.at_work(touched, do):
                seen = _fault(thief.head_before(min(touched)), head)
                seen = seen and (number not in sample or _command_refuses())
            found[way] += bool(seen)
            missed += [] if seen else [(way, number)]
    sound, rows = _fault(Head(), head), list(audit_chain.entries())
    for number in range(1, entries + 1):
        for way, tampered in _renumbered(rows, number).items():
            seen = first_fault(tampered, _keys(), head, since=thief.head_before(number))
            found[way] += bool(seen)
            missed += [] if seen else [(way, number)]
    for number in range(entries, 0, -1):  # each tail is one entry longer than the last
        thief.do("DELETE FROM audit WHERE id = ?", number)
        seen = _fault(thief.head_before(number), head)
        found["tail cut"] += bool(seen)
        missed += [] if seen else [("tail cut", number)]
    return {"entries": entries, "found": dict(found), "missed": missed, "integrity": sound or "ok"}


def _renumbered(rows, number):
    """Return what a reader would meet from an entry on, had it gone or come and all that follow been renumbered."""
    gone = (replace(row, number=row.number - 1) for row in islice(rows, number, None))
    come = (replace(row, number=row.number + 1) for row in islice(rows, number - 1, None))
    return {"deleted, the rest closed up": gone, "inserted, the rest moved up": chain([rows[number - 1]], come)}


def _write(entries):
    """Have the site write so many entries; return the head as `flask audit head` exports it."""
    for first in range(0, entries, TOGETHER):
        with transaction() as session:
            for number in range(first, min(first + TOGETHER, entries)):
                facts = {"n": number, "why": "é – moved"}
                audit.record(session, actor=desk.ALICE, what="message.sent", clinic_id=1, subject=f"m{number}",
                             facts=facts, now=desk.now())  # fmt: skip
    head = audit_chain.head()
    said = current_app.test_cli_runner().invoke(args=["audit", "head"]).output.split()
    assert said == [str(head.number), head.hash]
    return head


def _fault(since, head):
    """Verify what follows an entry that was verified before and is untouched."""
    audit_chain.AT_ONCE = AT_ONCE
    fault = first_fault(audit_chain.entries(after=since.number or None), _keys(), head, since=since)
    desk.db.session.rollback()
    audit_chain.AT_ONCE = A_PAGE
    return fault


def _keys():
    return current_app.extensions["settings"].keys("audit")


def _command_refuses():
    said = current_app.test_cli_runner().invoke(args=["audit", "verify"])
    desk.db.session.rollback()
    return said.exit_code == 1 and "The audit is broken" in said.output


class Intruder:
    """A connection of its own to the file, with the triggers gone, and a copy of every row to put back."""

    def __init__(self):
        self._file = sqlite3.connect(desk.db.engine.url.database, isolation_level=None)
        self._file.execute("PRAGMA synchronous=OFF")
        triggers = self._file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
        for (name,) in triggers.fetchall():
            self._file.execute(f'DROP TRIGGER "{name}"')
        self._rows = {row[0]: row for row in self._file.execute(f"SELECT {ALL} FROM audit ORDER BY id")}

    def do(self, statement, *values):
        """Change the file."""
        self._file.execute(statement, values)

    def head_before(self, number):
        """Return the untouched entry before this one."""
        return Head(number - 1, self._rows[number - 1][-1]) if number > 1 else Head()

    @contextmanager
    def at_work(self, touched, do):
        """Do something to some entries, and put everything back afterwards."""
        self._file.execute("BEGIN IMMEDIATE")
        do()
        self._file.execute("COMMIT")
        yield
        self._file.execute("BEGIN IMMEDIATE")
        self._file.execute("DELETE FROM audit WHERE id < 1 OR id > ?", [len(self._rows)])
        for number in touched:
            self._file.execute("DELETE FROM audit WHERE id = ?", [number])
            self._put(self._rows[number])
        self._file.execute("COMMIT")

    def ways(self, number, other):
        """Return each way to tamper with an entry: the entries it touches, and how it is done."""
        ways = {f"{column} changed": ([number], partial(self._change, number, column)) for column in CHANGED}
        last = len(self._rows)
        return ways | {
            "swapped with another": ([number, other], partial(self._swap, number, other)),
            "deleted": ([number], partial(self.do, "DELETE FROM audit WHERE id = ?", number)),
            "inserted at the end": ([last], partial(self._insert, last + 1, number)),
            "inserted before the first": ([1], partial(self._insert, -(10 ** (number % 18)), number)),
        }

    def _change(self, number, column):
        self.do(f"UPDATE audit SET {column} = {CHANGED[column]} WHERE id = ?", number)

    def _swap(self, one, two):
        for number in (one, two):
            self.do("DELETE FROM audit WHERE id = ?", number)
        self._insert(one, two)
        self._insert(two, one)

    def _insert(self, number, like):
        self._put((number, *self._rows[like][1:]))

    def _put(self, row):
        self.do(f"INSERT INTO audit ({ALL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
