"""Every form and posting address of the site, found from the routes: none texts somebody who may not be texted."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select, update

from reminder_site.db import db, transaction
from reminder_site.models import InboundMessage, Message, OptOut, Patient
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from reminder_site.web import access
from tests import factories
from tests.delivering import a_text, at_twilio
from tests.web.routes import PLAUSIBLE, a_full_clinic, every

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # test_every_door has the rules on both
PAGES = access.RECEPTION | access.MANAGER | access.ADMINISTRATOR | access.SIGNED_LINK
# To end a refusal is what these are for (tests/web/test_patients.py); those who left the site send nothing either.
DRAWN = {"health.styleguide", "health.styleguide_patient"}  # their forms lead nowhere
LEFT_OUT = {"inbox.stop", "patients.consent", "patients.trust_number", "accounts.sign_out", "accounts.switch_clinic"}
TYPED = {
    "body": "Please call us",
    "consent": "no",
    "day": "2026-11-23",
    "first_name": "Ann",
    "hour": "now",
    "time": "10:00",
}


class Hands:
    """Somebody who opens every page and presses every button, as an administrator and as the patient."""

    def __init__(self, app, client, worker, sandbox):
        self.app, self.client, self.worker, self.sandbox = app, client, worker, sandbox
        clinic, self.filled = a_full_clinic()
        self.patient = db.session.scalar(select(Patient).where(Patient.clinic_id == clinic.id))
        of_patient = {"patient_id": self.patient.id, "to_e164": self.patient.phone_e164, "kind": "staff"}
        parked = a_text(clinic, factories.MONDAY, **of_patient)
        with transaction() as session:
            row = session.get_one(Message, parked)
            row.state, row.next_action_at, self.filled["message_id"] = "needs_review", None, row.public_id
        factories.sign_in(client, clinic, role="administrator", name="Alice")
        self.pressed, self.textful = set(), set()

    def press_everything(self):
        """Send each form of each page with each of its buttons, then to each address what no page has a form for."""
        gets = [url for endpoint, _, url in every(self.app, self.filled) if endpoint in PAGES - LEFT_OUT - DRAWN]
        for url in [*gets, f"/appointments/new?patient={self.patient.public_id}"]:
            answer = self.client.get(url)
            if answer.mimetype == "text/html":
                for action, typed in forms(answer.text, url):
                    self._post(action, typed | ({"time": "11:30"} if "patient=" in url else {}))
        csrf = BeautifulSoup(self.client.get("/account").text, "html.parser").find(attrs={"name": "csrf_token"})[
            "value"
        ]
        for endpoint, _, url in every(self.app, self.filled, methods=("POST",)):
            if endpoint in PAGES - LEFT_OUT:
                self._post(url, PLAUSIBLE | TYPED | {"csrf_token": csrf})

    def texts(self):
        """Count what Twilio was ever given for the patient's number."""
        return len(at_twilio(self.sandbox, self.patient.phone_e164))

    def _post(self, url, typed):
        path = url.removeprefix("http://localhost").partition("?")[0]
        endpoint = self.app.url_map.bind("localhost").match(path, method="POST")[0]
        if endpoint in LEFT_OUT or endpoint not in PAGES:
            return
        before = self.texts()
        self.client.post(url, data=typed)
        self.worker.settle()
        self.pressed.add(endpoint)
        self.textful |= {endpoint} if self.texts() > before else set()


def forms(page, url):
    """List (address, what is in it) for each button of each posting form of a page, filled in where it was empty."""
    tree = BeautifulSoup(page, "html.parser")
    for form in tree.select("form[method=post]"):
        typed = {}
        for field in form.select("input[name], textarea[name], select[name]"):
            typed |= filled_in(field, typed)
        if typed.get("patient_id"):
            typed["first_name"] = ""  # somebody who is known is not typed anew
        elsewhere = tree.select(f'button[form="{form["id"]}"]') if form.get("id") else []
        for button in form.select("button") + elsewhere:
            named = {button["name"]: button.get("value", "")} if button.get("name") else {}
            yield button.get("formaction") or form.get("action") or url, typed | named


def filled_in(field, typed):
    """Give what a field has, or what somebody would put into it."""
    name, kind = field["name"], field.get("type", field.name)
    if kind in {"checkbox", "radio"}:
        chosen = field.get("checked") is not None or (kind == "radio" and name not in typed)
        wanted = TYPED.get(name, field.get("value", "on"))
        return {name: wanted} if chosen else {}
    if kind == "select":
        option = field.select_one("option[selected]") or field.select_one("option")
        return {name: option.get("value", "") if option else ""}
    return {name: field.get("value") or field.get_text() or TYPED.get(name, "")}


@pytest.fixture
def hands(app, client, worker, sandbox):
    return Hands(app, client, worker, sandbox)


def never_agreed(session, patient):
    session.execute(update(Patient).values(consent_how="", consent_at=None))


def flagged(session, patient):
    session.execute(update(Patient).values(phone_flag="unreachable"))


def opted_out(session, patient):
    started = factories.MONDAY
    session.add(OptOut(e164=patient.phone_e164, sender=MESSAGING_SERVICE_SID, source="text", started_at=started))


@pytest.mark.parametrize("refusal", [never_agreed, flagged, opted_out])
def test_through_no_form_a_text_leaves_to_who_may_not_be_texted(hands, refusal):
    with transaction() as session:
        refusal(session, hands.patient)
    hands.press_everything()
    assert hands.texts() == 0
    assert not db.session.scalar(select(InboundMessage.reply).where(InboundMessage.reply != "").limit(1))


def test_through_the_same_forms_texts_leave_to_who_agreed_and_no_address_was_left_out(app, hands):
    hands.press_everything()
    posts = {endpoint for endpoint, _, _ in every(app, hands.filled, methods=("POST",))}
    assert posts & PAGES - LEFT_OUT <= hands.pressed
    assert {"patients.text", "booking.new"} <= hands.textful
