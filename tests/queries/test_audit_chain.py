"""Whether the audit holds an entry that was noted outside it."""

from reminder_site.actions import audit
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.audit_seal import Head
from reminder_site.queries import audit_chain


def test_the_audit_holds_an_entry_only_in_its_own_place(app, now):
    assert audit_chain.holds(Head()) and not audit_chain.holds(Head(1, "f" * 64))
    heads = []
    for what in ("one", "two"):
        with transaction() as session:
            audit.record(session, actor=OPERATOR, what=what, clinic_id=None, subject="x", now=now)
        heads.append(audit_chain.head())
    assert [audit_chain.holds(head) for head in heads] == [True, True]
    first, second = heads
    assert not audit_chain.holds(Head(first.number, second.hash)) and not audit_chain.holds(Head(3, second.hash))
