"""Every page, in a wide and a narrow window, light and dark: nothing that keeps anybody out (axe, WCAG 2.2 AA), no
scrolling sideways, no error on the console.
"""

from datetime import datetime

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from werkzeug.exceptions import default_exceptions

from reminder_site.actions import links
from reminder_site.db import transaction
from reminder_site.web import access, errors
from reminder_site.worker import Worker
from tests import factories
from tests.browser.conftest import window
from tests.texting import link_to, text
from tests.web.routes import a_full_clinic, every

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTRAST = ["color-contrast"]
# Layout hangs on the width and colour on the scheme: two full looks, and the colours of the other two.
LOOKS = [(1280, "light", AA), (1280, "dark", CONTRAST), (360, "dark", AA), (360, "light", CONTRAST)]
# Only what is wrong comes back, and how far the page is too wide: all that axe says of a page is long.
LOOK = """async options => {
    const found = (await axe.run(document, options)).violations;
    const page = document.documentElement;
    return [found.map(v => [v.id, v.nodes.map(node => node.html)]), page.scrollWidth - page.clientWidth];
}"""
TWICE_AS_LARGE = """() => {
    const page = document.documentElement;
    page.style.fontSize = parseFloat(getComputedStyle(page).fontSize) * 2 + "px";
    const over = page.scrollWidth - page.clientWidth;
    page.style.fontSize = "";
    return over;
}"""
NOT_PAGES = {"health.healthz", "health.livez", "health.metrics", "health.pulse", "manage.calendar"}
CAROL = {"first_name": "Carol", "phone_e164": "+12125550147"}


class Inspector:
    """Looks at pages and notes what is wrong with them."""

    def __init__(self, page, url):
        self.page, self.url, self.faults, self.seen = page, url, [], 0
        page.add_init_script(AXE_SCRIPT)

    def open(self, address):
        """Open a page and look at it."""
        answer = self.page.goto(self.url + address)
        assert answer.status < 500 or address.startswith("/error/"), address
        self.look(address)

    def open_made(self, address, body):
        """Look at a page of this content, as if the site had answered with it."""
        self.page.route(self.url + address, lambda route: route.fulfill(body=body, content_type="text/html"))
        self.open(address)

    def press(self, button, name):
        """Send the page's form and look at the page that answers, once it is all there."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button).click()
        self.look(name)

    def look(self, name):
        """Look at the page as it stands."""
        self.seen += 1
        for width, scheme, rules in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            kind = "rule" if rules is CONTRAST else "tag"
            options = {"runOnly": {"type": kind, "values": rules}, "resultTypes": ["violations"]}
            found, over = self.page.evaluate(LOOK, options)
            where = name, width, scheme
            self.faults += [(where, rule, [html[:160] for html in nodes][:3]) for rule, nodes in found]
            self.faults += [(where, f"{over} px too wide")] if over > 0 else []

    def look_twice_as_large(self, name):
        """Look whether the page still fits a narrow screen when its text is twice as large."""
        self.page.set_viewport_size({"width": 360, "height": 800})
        over = self.page.evaluate(TWICE_AS_LARGE)
        self.faults += [((name, "200 % text"), f"{over} px too wide")] if over > 0 else []


@pytest.fixture
def inspector(served, page):
    """Somebody with a critical eye; at the end nothing may be wrong."""
    inspector = Inspector(page, served.url)
    yield inspector
    assert not inspector.faults, "\n".join(str(fault) for fault in inspector.faults)
    assert inspector.seen


def test_every_staff_page(served, inspector, page):
    clinic, filled = a_full_clinic()
    factories.a_clinic("Oak Clinic")
    Worker(served.app, monotonic=served.clock.monotonic).settle()
    served.sign_in(page, clinic, "administrator")
    for endpoint, _, address in every(served.app, filled):
        if endpoint not in NOT_PAGES | access.SIGNED_LINK | {"accounts.sign_in", "set_up.first_run"}:
            inspector.open("/day?on=2026-11-20" if endpoint == "day.go" else address)


def test_a_day_and_an_appointment_in_every_state(served, inspector, page):
    clinic = factories.a_clinic()
    carol = factories.a_patient(clinic, **CAROL)
    states = [{"answer": each} for each in ("none", "confirmed", "change_wanted", "cannot_come")]
    states += [{"outcome": each} for each in ("arrived", "no_show")] + [{"state": "cancelled"}]
    made = [
        factories.an_appointment(clinic, carol, datetime(2026, 11, 2, 8 + hour), **columns)
        for hour, columns in enumerate(states)
    ]
    factories.an_appointment(clinic, factories.a_patient(clinic, "Noor", phone_e164=""), datetime(2026, 11, 2, 16))
    text("can I come at four?", served.clock.now(), phone=carol.phone_e164)
    served.sign_in(page, clinic)
    for address in ("/", "/?show=needs", "/?show=seen", "/inbox", f"/patients/{carol.public_id}"):
        inspector.open(address)
    for appointment in (made[1], made[3], made[6]):
        inspector.open(f"/appointments/{appointment.public_id}")


def test_what_forms_say(served, inspector, page):
    clinic = factories.a_clinic()
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic, **CAROL))
    served.sign_in(page, clinic)
    page.goto(f"{served.url}/appointments/new")
    inspector.press("Save appointment", "booking refused")
    page.locator("#patient_id-typed").press_sequentially("car")
    page.get_by_role("option").first.wait_for()
    inspector.look("patients offered")
    page.get_by_role("option").first.click()
    page.locator("#day").fill("2027-11-07")
    page.locator("#time").fill("01:30")
    page.locator("#which-time input").first.check()
    page.locator("#preview .steps").wait_for()
    inspector.look("booking with its preview")
    page.goto(f"{served.url}/appointments/{appointment.public_id}/cancel")
    page.locator("input[name=version]").evaluate("field => field.value = 7")
    inspector.press("Cancel appointment", "somebody was quicker")
    page.get_by_role("button", name="Cancel appointment").click()
    page.get_by_role("button", name="Undo").wait_for()
    inspector.look("cancelled, with undo")


def test_what_is_asked_before_a_text_leaves(served, inspector, page):
    clinic = factories.a_clinic()
    carol = factories.a_patient(clinic, **CAROL)
    visit = factories.an_appointment(clinic, carol)
    never = factories.a_patient(clinic, "Noor", consent_how="")
    served.sign_in(page, clinic, "manager")
    text("leave me in peace with this", served.clock.now(), phone=carol.phone_e164)
    page.goto(f"{served.url}/settings/consent")
    inspector.press("Save as a new version", "the wording of consent")
    for address in (f"/patients/{never.public_id}", "/patients/new", f"/patients/{carol.public_id}/edit"):
        inspector.open(address)
    page.goto(f"{served.url}/inbox")
    page.locator("summary", has_text="Stop texts").click()
    inspector.look("stop texts")
    served.clock.forward(hours=18)  # three at night
    page.goto(f"{served.url}/patients/{carol.public_id}")
    page.locator("#body").fill("Your HIV test results are in")
    page.locator("#preview .bubble").wait_for()
    inspector.look("a text and its preview")
    inspector.press("Send", "a text at night with a doubtful word")
    page.goto(f"{served.url}/appointments/{visit.public_id}")
    page.locator("summary", has_text="Send now").first.click()
    inspector.press("Send now", "send now at night")


def test_the_patients_page_in_every_state(served, inspector, page):
    for address in patients_pages(served):
        inspector.open(address)
        inspector.look_twice_as_large(address)
    inspector.open(patients_pages(served)[0])
    page.get_by_text("Ask for another time").click()
    inspector.look("a wish")
    page.get_by_label("When would suit you?").fill("Mondays after 4")
    inspector.press("Send", "pressed too fast")
    served.clock.let_pass(2)
    inspector.press("I can’t come", "to be sure")
    inspector.look_twice_as_large("to be sure")
    served.clock.let_pass(2)
    inspector.press("Yes, cancel my appointment", "cancelled")
    inspector.look_twice_as_large("cancelled")


def patients_pages(served):
    """Addresses of patients' pages in every state, the ones that refuse included."""
    clinic, states = factories.a_clinic(), [{"answer": "none"}, {"answer": "confirmed"}, {"answer": "change_wanted"}]
    clinic_long = factories.a_clinic("Northumberland Physiotherapy & Rehabilitation Associates", address="x" * 60)
    states += [{"state": "cancelled", "cancelled_by": who} for who in ("patient", "clinic")]
    visits = [
        factories.an_appointment(place, factories.a_patient(place), datetime(2026, 11, 20, 8 + hour), **columns)
        for place in (clinic, clinic_long)
        for hour, columns in enumerate(states)
    ]
    past = datetime(2026, 11, 2, 8)
    visits.append(factories.an_appointment(clinic, factories.a_patient(clinic), past, planned=False))
    addresses = [link_to(visit, served.clock.now()) for visit in visits]
    revoked = addresses.pop(1)
    with transaction() as session:
        links.revoke(session, visits[1].id, now=served.clock.now())
    told = [f"{addresses[0]}?told={each}" for each in ("kept", "undone", "changed", "quick", "otherwise", "twice")]
    return [*addresses, *told, revoked, "/m/" + "x" * 12]


def test_the_doors_and_every_error_page(served, inspector, page):
    inspector.open("/sign-in")
    inspector.open("/set-up")
    clinic = factories.a_clinic()
    factories.a_staff(clinic)
    inspector.open("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    inspector.look("sign-in refused")
    for status in sorted(errors.PAGES & set(default_exceptions)):
        with served.app.test_request_context(base_url=served.url):
            answer = served.app.make_response(served.app.handle_user_exception(default_exceptions[status]()))
        inspector.open_made(f"/error/{status}", answer.get_data(as_text=True))
    with served.app.test_request_context("/patients/new", method="POST", data={"first_name": "Carol"}):
        expired = errors._form_expired(None)
    inspector.open_made("/error/expired", expired.get_data(as_text=True))


def test_the_pretend_phones(served, sandbox, browser):
    clinic = factories.a_clinic()
    factories.an_appointment(clinic, factories.a_patient(clinic, **CAROL))
    served.clock.forward(minutes=3)
    Worker(served.app, monotonic=served.clock.monotonic).settle()
    with window(browser) as page:
        inspector = Inspector(page, sandbox.url)
        for address in ("/", "/?number=%2B12125550147", "/?number=%2B12125550199"):
            inspector.open(address)
    assert not inspector.faults, inspector.faults
