"""The page that looks over the site and its Twilio account: for administrators, and it changes nothing."""

import pytest

from tests import factories
from tests.web.desk import page, send


@pytest.fixture
def administrator(client, clinic):
    return factories.sign_in(client, clinic, role="administrator")


def test_the_page_asks_nothing_until_the_button_is_pressed(client, administrator, sandbox):
    sandbox.exchange.faults.put({"rules": [{"kind": "unauthorised", "on": "any"}]})
    assert "Look now" in page(client, "/readiness") and "20003" not in page(client, "/readiness")
    answer = send(client, "/readiness", {})
    assert answer.status_code == 200 and "Something is wrong." in answer.get_data(as_text=True)
    assert "Twilio does not know these credentials (20003)" in answer.get_data(as_text=True)


def test_what_is_found_stands_there_with_its_next_step(client, administrator):
    told = send(client, "/readiness", {}).get_data(as_text=True)
    assert "the 10DLC campaign is VERIFIED" in told and "the worker has never run" in told
    assert "texts of patients go to http://127.0.0.1:8000" in told and "Set it to http://localhost/webhooks" in told


@pytest.mark.parametrize("role", ["manager", "reception"])
def test_nobody_else_may_open_it(client, clinic, role):
    factories.sign_in(client, clinic, role=role)
    assert client.get("/readiness").status_code == 403
