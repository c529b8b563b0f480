"""What tests of actions share: appointments, a worker that has begun."""

from datetime import datetime

import pytest

from tests.appointing import at, book
from tests.delivering import trouble
from tests.factories import a_patient, an_appointment
from tests.texting import PHONE, heard


@pytest.fixture
def booked(clinic, now):
    """The public id of Carol's appointment, Friday 20 November at 2:30 pm."""
    return book(clinic, now, at(clinic, 2026, 11, 20, 14, 30))


@pytest.fixture
def told(booked, worker, clock, sandbox):
    """An appointment whose confirmation has left."""
    trouble(sandbox)
    clock.forward(minutes=3)
    worker.settle()
    return booked


@pytest.fixture
def visit(clinic, now):
    """Carol's appointment, of which her phone was told two minutes from now."""
    appointment = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(appointment, now.add(minutes=2))
    return appointment


@pytest.fixture
def family(clinic, now):
    """Carol and her child Tim on one phone, each with an appointment that was asked about."""
    carol, tim = (a_patient(clinic, name, phone_e164=PHONE) for name in ("Carol", "Tim"))
    visits = an_appointment(clinic, carol), an_appointment(clinic, tim, datetime(2026, 11, 20, 15, 0))
    for number, visit in enumerate(visits):
        heard(visit, now.add(minutes=number))
    return visits


@pytest.fixture
def begun(worker, clock, sandbox):
    """The worker has read the list once."""
    trouble(sandbox)
    worker.settle()
    clock.forward(minutes=10)
    return worker
