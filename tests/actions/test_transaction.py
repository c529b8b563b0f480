"""The one write transaction: what it was asked to do afterwards goes with it when it is rolled back."""

import pytest
from sqlalchemy import select

from reminder_site.actions import audit
from reminder_site.db import after_commit, db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Audit


def test_what_was_rolled_back_leaves_nothing_to_the_next_transaction(app, now):
    told = []
    with pytest.raises(ZeroDivisionError), transaction() as session:
        audit.record(session, actor=OPERATOR, what="never.happened", clinic_id=None, subject="x", now=now)
        after_commit(session, lambda: told.append("never"))
        raise ZeroDivisionError
    with transaction() as session:
        audit.record(session, actor=OPERATOR, what="happened", clinic_id=None, subject="x", now=now)
    assert (db.session.scalars(select(Audit.what)).all(), told) == (["happened"], [])
