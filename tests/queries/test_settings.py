"""Accounts are shown with the clinics that whoever looks works at too."""

from reminder_site.db import transaction
from reminder_site.models import StaffClinic
from reminder_site.queries import settings
from tests import factories


def test_an_account_is_shown_with_none_of_the_clinics_one_does_not_work_at(clinic, oak):
    dana = factories.a_staff(clinic, "Dana", "administrator")
    sam = factories.a_staff(clinic, "Sam")
    with transaction() as session:
        session.add(StaffClinic(staff_id=sam.id, clinic_id=oak.id))
    shown = settings.staff_member(dana.id, sam.public_id)
    assert (shown.clinics, shown.elsewhere) == ((clinic.public_id,), True)
