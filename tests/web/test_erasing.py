"""Erasing a patient takes a manager, a reason and two presses."""

import pytest

from reminder_site.actions import erasing
from reminder_site.queries import patients
from tests import factories
from tests.web.desk import errors, page, send


@pytest.fixture
def carol(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return factories.a_patient(clinic)


def here(clinic, carol):
    return patients.get(clinic_id=clinic.id, public_id=carol.public_id) is not None


def test_it_takes_a_reason_and_a_second_press(client, clinic, carol):
    url = f"/patients/{carol.public_id}/erase"
    assert url in page(client, f"/patients/{carol.public_id}")
    answer = send(client, url, {"reason": "", "version": "1"})
    assert (answer.status_code, errors(answer.get_data(as_text=True))) == (422, ["Choose why."])
    asked = send(client, url, {"reason": "asked", "version": "1"})
    assert asked.status_code == 200 and "for good?" in asked.get_data(as_text=True) and here(clinic, carol)
    factories.an_appointment(clinic, carol)
    asked = send(client, url, {"reason": "asked", "version": "1"}).get_data(as_text=True)
    assert "1 coming appointment is cancelled" in asked and here(clinic, carol)
    done = send(client, url, {"reason": "asked", "version": "1", "sure": "1"})
    assert (done.status_code, done.location) == (303, "/patients") and not here(clinic, carol)
    assert "The patient is erased. 1 coming appointment was cancelled." in page(client, "/patients")
    page(client, f"/patients/{carol.public_id}", 404)


def test_whoever_was_changed_meanwhile_is_looked_at_once_more(client, clinic, carol):
    answer = send(client, f"/patients/{carol.public_id}/erase", {"reason": "asked", "version": "7", "sure": "1"})
    assert answer.status_code == 422 and here(clinic, carol)


def test_reception_sees_no_way_to_erase(client, clinic):
    factories.sign_in(client, clinic)
    carol = factories.a_patient(clinic)
    assert "/erase" not in page(client, f"/patients/{carol.public_id}")
    page(client, f"/patients/{carol.public_id}/erase", 403)


def test_what_was_an_erased_patients_cannot_be_put_back(client, clinic, carol):
    visit = factories.an_appointment(clinic, carol)
    url = f"/appointments/{visit.public_id}"
    send(client, f"/patients/{carol.public_id}/erase", {"reason": "asked", "version": "1", "sure": "1"})
    shown = page(client, url)
    assert "Put it back" not in shown and "Book again" not in shown and f"/patients/{carol.public_id}" not in shown
    assert "Put back" not in page(client, f"/day/{visit.starts_local.date()}")
    assert send(client, f"{url}/undo", {}, opened=url).status_code == 303
    assert "This patient was erased." in page(client, url) and "Put back to" not in page(client, url)


def test_whom_somebody_else_erased_a_moment_before_is_not_found(client, clinic, carol, monkeypatch):
    erase = erasing.erase

    def after_somebody_else(**what):
        erase(**what)
        return erase(**what)

    monkeypatch.setattr(erasing, "erase", after_somebody_else)
    answer = send(client, f"/patients/{carol.public_id}/erase", {"reason": "asked", "version": "1", "sure": "1"})
    assert answer.status_code == 404
