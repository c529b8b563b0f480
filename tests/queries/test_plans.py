"""Plans of a clinic are made from its own wording, closed days and switches."""

from datetime import date

from reminder_site.db import db, transaction
from reminder_site.models import ClosedDay, Template
from reminder_site.queries import plans
from tests import factories
from tests.texting import PHONE

TUESDAY = date(2026, 11, 17)


def test_the_wording_of_another_clinic_is_not_used(clinic, oak, now):
    with transaction() as session:
        session.add(Template(clinic_id=oak.id, kind="confirmation", body="Oak says {{time}}", updated_at=now))
    texts = {place: plans.ground(db.session(), place.id).texts["confirmation"] for place in (clinic, oak)}
    assert ("Oak" in texts[clinic], "Oak" in texts[oak]) == (False, True)


def test_the_closed_days_of_another_clinic_are_not_kept(clinic, oak):
    with transaction() as session:
        session.add(ClosedDay(clinic_id=oak.id, closed_on=TUESDAY, name="Oak's anniversary"))
    kept = [TUESDAY in plans.ground(db.session(), place.id).own_closed_days for place in (clinic, oak)]
    assert kept == [False, True]


def test_a_clinic_that_has_switched_texting_off_plans_no_texts_and_says_why(app):
    silent = factories.a_clinic(texting_on=False)
    why = plans.texts_off_why(db.session(), silent, phone_e164=PHONE, phone_flag="", agreed=True)
    assert why == "texting is switched off for this clinic"
