"""The audit chain: whole after a key rotation, and any change, deletion, new order or cut tail is found."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from reminder_site.actions import audit
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.audit_seal import GENESIS, Entry, Head, first_fault, key_id, seal
from reminder_site.models import Audit
from reminder_site.queries import audit_chain
from tests.factories import MONDAY

KEY, OTHER = b"k" * 32, b"o" * 32


def chain(count, *, keys=(KEY,)):
    """A sound chain; each key seals its share of it."""
    entries, previous = [], GENESIS
    for number in range(1, count + 1):
        key = keys[(number - 1) * len(keys) // count]
        facts = {"n": number, "why": "é – moved"}
        content = {"at": MONDAY.add(seconds=number), "actor": "staff:Alice", "what": "message.sent", "clinic_id": 1}
        content |= {"subject": f"m{number}", "facts": facts}
        previous = seal(previous, number, content, key)
        entries.append(Entry(number, content, key_id(key), previous))
    return entries


def change(draw, entries, at):
    old = entries[at]
    new = {"actor": "staff:Bob", "what": "message.failed", "clinic_id": 2, "subject": "m0", "facts": {},
           "at": old.content["at"].add(microseconds=1)}  # fmt: skip
    name = draw.choice(sorted(new))
    entries[at] = replace(old, content={**old.content, name: new[name]})


def delete(draw, entries, at):
    del entries[at]


def delete_and_close_up(draw, entries, at):
    del entries[at]
    entries[at:] = [replace(entry, number=entry.number - 1) for entry in entries[at:]]


def reorder(draw, entries, at):
    other = (at + draw.randrange(1, len(entries))) % len(entries)
    one, two = entries[at], entries[other]
    entries[at], entries[other] = replace(two, number=one.number), replace(one, number=two.number)


def cut(draw, entries, at):
    del entries[at:]


def flip_the_hash(draw, entries, at):
    digit = draw.randrange(64)
    old = entries[at].hash
    wrong = f"{int(old[digit], 16) ^ 1:x}"
    entries[at] = replace(entries[at], hash=old[:digit] + wrong + old[digit + 1 :])


@pytest.mark.parametrize(("count", "tamperings"), [(1_000, 300), (10_000, 18)])
def test_every_tampering_is_found(count, tamperings):
    whole, draw = chain(count), random.Random(count)
    head = Head(whole[-1].number, whole[-1].hash)
    assert first_fault(whole, [KEY], head) == ""
    ways = [change, delete, delete_and_close_up, reorder, cut, flip_the_hash]
    missed = []
    for trial in range(tamperings):
        way, at, entries = ways[trial % len(ways)], draw.randrange(count), list(whole)
        way(draw, entries, at)
        if not first_fault(entries, [KEY], head):
            missed.append((way.__name__, at))
    assert not missed


def test_the_first_bad_entry_is_named_in_words():
    entries = chain(10)
    changed = [*entries[:6], replace(entries[6], content={**entries[6].content, "what": "x"}), *entries[7:]]
    assert first_fault(changed, [KEY]) == "entry 7 was changed, or is not in its place"
    assert first_fault(entries[:3] + entries[4:], [KEY]) == "entry 4 is missing"
    cut_off = "the newest entries are cut off: 10 were noted outside the database, 8 are left"
    assert first_fault(entries[:8], [KEY], Head(10, entries[9].hash)) == cut_off
    rewritten = chain(10, keys=(OTHER,))
    assert first_fault(rewritten, [OTHER], Head(10, entries[9].hash)).startswith("entry 10 is not the one whose hash")


def test_a_chain_outlives_a_change_of_the_secret():
    entries = chain(100, keys=(OTHER, KEY))
    assert first_fault(entries, [KEY, OTHER]) == ""
    assert first_fault(entries, [KEY]).startswith("entry 1 is sealed with a key")


def test_a_cut_tail_is_not_seen_without_a_head_noted_outside():
    assert first_fault(chain(10)[:8], [KEY]) == ""


def note(now, **facts):
    with transaction() as session:
        audit.record(session, actor=OPERATOR, what="trial", clinic_id=None, subject="ü", facts=facts, now=now)


def check(app, head=None):
    return first_fault(audit_chain.entries(), app.extensions["settings"].keys("audit"), head)


def test_what_the_site_writes_is_whole_and_its_head_is_the_newest(app, now):
    assert audit_chain.head() == Head() and check(app) == ""
    for number in range(7):
        note(now.add(microseconds=number), n=number, deep={"b": [1, 2.5, None], "a": "“”"})
    head = audit_chain.head()
    assert head.number == 7 and audit_chain.holds(head) and not audit_chain.holds(Head(7, "f" * 64))
    assert check(app, head) == ""
    assert check(app, Head(8, "f" * 64)).startswith("the newest entries are cut off")


def test_long_chains_are_read_in_steps(app, now, monkeypatch):
    monkeypatch.setattr(audit_chain, "AT_ONCE", 3)
    for number in range(6):
        note(now, n=number)
    assert [entry.number for entry in audit_chain.entries()] == [1, 2, 3, 4, 5, 6]


def test_the_database_itself_refuses_to_change_or_delete_an_entry(app, now):
    note(now, n=1)
    for statement in (update(Audit).values(subject="another"), delete_rows(Audit)):
        with pytest.raises(DBAPIError, match="only grow"), transaction() as session:
            session.execute(statement)
    assert check(app) == ""


def test_an_entry_changed_behind_the_sites_back_is_found(app, now):
    note(now, n=1)
    note(now, n=2)
    with transaction() as session:
        key = app.extensions["settings"].keys("audit")[0]
        entry = {"at": now, "actor": "operator:x", "what": "trial", "clinic_id": None, "subject": "s", "facts": {}}
        session.execute(insert(Audit), [{**entry, "id": 3, "key_id": key_id(key), "hash": "0" * 64}])
    assert check(app) == "entry 3 was changed, or is not in its place"
