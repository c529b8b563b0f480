"""A site moves from SQLite to PostgreSQL with every row as it was, also when the move broke off half-way."""

import pytest
from sqlalchemy import func, select, text

from reminder_site.actions import transfer
from reminder_site.db import db, transaction
from reminder_site.models import Clinic, Message
from tests import factories
from tests.delivering import a_text
from tests.stores import needed, postgres_url


@pytest.fixture
def there(sites):
    """An empty site on PostgreSQL."""
    needed(postgres_url(), "PostgreSQL")
    site = sites("postgresql")
    site.empty()
    yield site
    site.empty()


@pytest.fixture
def lived(app, clinic, worker, clock):
    """Elm Clinic with a patient, an appointment, and a text that has left."""
    factories.an_appointment(clinic, factories.a_patient(clinic))
    a_text(clinic, clock.now())
    worker.settle()
    return app


def move(there):
    return transfer.transfer(to=there.app.extensions["settings"].database_url)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_every_row_and_the_audit_arrive_and_new_rows_get_new_numbers(lived, there):
    counts = move(there)
    assert counts["message"] == 4 and counts["audit"] > 0
    with there.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Message)) == 4
        db.session.remove()
        factories.a_clinic("Oak Clinic")
        assert db.session.scalars(select(Clinic.id).order_by(Clinic.id)).all() == [1, 2]
        db.session.remove()


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_move_that_broke_off_goes_on_where_it_was(lived, there):
    move(there)
    with there.app.app_context(), transaction() as session:
        session.execute(text("DELETE FROM attempt"))
    counts = move(there)
    assert counts["attempt"] >= 1


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_what_did_not_arrive_as_it_was_is_said(lived, there):
    move(there)
    with there.app.app_context(), transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit SET what = 'x' WHERE id = 1"))
    with pytest.raises(transfer.CannotMove, match="entry 1 of the audit"):
        move(there)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("to", "words"),
    [("sqlite:///x.db", "not one of PostgreSQL"), ("postgresql://nobody@127.0.0.1:9/x", "PostgreSQL says")],
)
def test_what_cannot_be_moved_to_is_refused(lived, to, words):
    with pytest.raises(transfer.CannotMove, match=words):
        transfer.transfer(to=to)
