"""What the desk should know before it saves, and need not heed: odd hours, the same day twice, a shared number."""

from datetime import timedelta

from reminder_site.domain import spoken
from reminder_site.domain.times import Placed
from reminder_site.queries import appointments, patients, plans
from reminder_site.web import current

DAY = timedelta(days=1)
SAME_NUMBER = "same number: "  # and the patient: messages wait in a cookie, where no name belongs


def about_time(clinic_id: int, placed: Placed, minutes: int) -> list[str]:
    """Warn of a time outside the opening hours or on a closed day."""
    odd = plans.oddity(clinic_id=clinic_id, local=placed.local, minutes=minutes)
    return [odd] if odd else []


def about_same_day(clinic_id: int, patient_id: str, placed: Placed, but_not: str = "") -> list[str]:
    """Warn of other appointments the patient has on that day."""
    near = appointments.of_patient(
        clinic_id=clinic_id, patient_id=patient_id, first=placed.at - DAY, last=placed.at + DAY
    )
    same = [line for line in near if line.starts_local.date() == placed.local.date() and line.id != but_not]
    return [
        f"{line.patient} already has an appointment that day, at {spoken.clock(line.starts_local)}." for line in same
    ]


def about_number(clinic_id: int, e164: str, but_not: str = "") -> list[str]:
    """Warn of other patients with the same number: one family, or a slip."""
    others = patients.with_phone(clinic_id=clinic_id, e164=e164, but_not=but_not)
    if not others:
        return []
    names = ", ".join(other.name for other in others[:3]) + (" and others" if len(others) > 3 else "")
    return [f"This number already belongs to {names}. The same family?"]


def in_full(message: str) -> str:
    """Say what a waiting message stands for."""
    if not message.startswith(SAME_NUMBER):
        return message
    clinic_id, patient_id = current.clinic().id, message.removeprefix(SAME_NUMBER)
    patient = patients.get(clinic_id=clinic_id, public_id=patient_id)
    return " ".join(about_number(clinic_id, patient.phone_e164, but_not=patient_id) if patient else [])
