"""The time a patient still goes by after a move that was not told yet."""

from datetime import datetime

from reminder_site.actions import appointments
from reminder_site.actions.appointments import Tell
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.times import moment
from reminder_site.queries import reminders
from tests import factories


def test_a_time_that_has_passed_is_not_one_a_patient_still_goes_by(clinic, now):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 2, 9, 5))
    appointments.move(
        clinic_id=clinic.id,
        appointment_id=visit.public_id,
        time=moment(datetime(2026, 11, 25, 9, 0), clinic.time_zone),
        tell=Tell(True),
        version=visit.version,
        by=OPERATOR,
        now=now,
    )
    before = reminders.time_before_untold_move(key=visit.id, now=now.add(minutes=4))
    assert before.local == datetime(2026, 11, 2, 9, 5)
    assert reminders.time_before_untold_move(key=visit.id, now=now.add(minutes=5)) is None
