"""One appointment's page and what can be done from it: move, cancel, undo, answer, outcome, single reminders."""

import re
from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Clinician, Message, Patient, Reminder, ReminderRule
from tests import factories
from tests.texting import link_to
from tests.web.desk import errors, page, send

MOVED = {"day": "2026-11-25", "time": "09:00", "tell": "yes", "version": "1"}
CANCELLED = {"reason": "The clinician is away", "tell": "yes", "version": "1"}


@pytest.fixture
def desk(client, clinic):
    """Alice, signed in at the clinic."""
    factories.sign_in(client, clinic)
    return client


@pytest.fixture
def url(clinic):
    """The address of Carol's appointment, Friday 20 November at 2:30 pm."""
    return f"/appointments/{factories.an_appointment(clinic, factories.a_patient(clinic)).public_id}"


def kept():
    db.session.rollback()
    return db.session.scalar(select(Appointment).execution_options(populate_existing=True))


def waiting():
    """Name the texts that are planned or scheduled."""
    db.session.rollback()
    found = select(Reminder.step_key).join(Message, Message.reminder_id == Reminder.id)
    return list(db.session.scalars(found.where(Message.state.in_(["pending", "scheduled"])).order_by(Message.send_at)))


def test_the_page_shows_each_text_with_its_time_words_state_and_history(desk, url, worker, clock):
    worker.settle()
    html = page(desk, url)
    for words in (
        "Friday 20 November 2026, 2:30 pm",
        "New York time (EST)",
        "Tue 17 Nov, 10:00 am · in 15 days",
        "Carol, we expect you Fri 20 Nov 2:30pm",
        "scheduled at Twilio",
        "3 days before, at 10:00 am.",
        "this rule is switched off",
        "Cancel this reminder",
        "Planned",
    ):
        assert words in html, words


def headings(html, where):
    """Name the texts listed inside a part of a page, in their order."""
    names = re.findall(r"<h3>(.*?)(?: <span|</h3>)", html.split(where)[1].split("</section>")[0], re.DOTALL)
    return [name.strip() for name in names]


@pytest.mark.parametrize("only", ["booked days ahead", "booked the day before"])
def test_texts_stand_in_the_order_of_their_times_skipped_ones_among_them(desk, clinic, only):
    with transaction() as session:
        for rule in session.scalars(select(ReminderRule)):
            rule.position = {"2_hours": 0, "1_day": 1, "3_days": 2, "confirmation": 3}[rule.key]
            rule.enabled = rule.key != "1_day"
    starts = datetime(2026, 11, 20, 14, 30) if only == "booked days ahead" else datetime(2026, 11, 3, 8)
    carol = factories.a_patient(clinic)
    made = factories.an_appointment(clinic, carol, starts)
    html = page(desk, f"/appointments/{made.public_id}")
    in_order = ["Confirmation", "3 days before", "1 day before", "2 hours before"]
    assert headings(html, 'id="texts"') == in_order
    typed = {"patient_id": carol.public_id, "day": starts.date().isoformat(), "time": starts.strftime("%H:%M")}
    preview = send(desk, "/appointments/preview", typed, opened="/appointments/new").get_data(as_text=True)
    assert headings(preview, '<ol class="steps">') == in_order


def test_the_page_leads_to_the_patients_page_but_not_for_an_auditor(app, desk, clinic, url, now):
    link_to(kept(), now)
    link = re.search(r'id="patient-page" type="url" value="http://localhost(/m/[^"]{12})" readonly', page(desk, url))
    assert "this is your appointment" in page(desk, link[1])
    auditor = app.test_client()
    factories.sign_in(auditor, clinic, role="auditor", name="Otto")
    assert link[1] not in page(auditor, url)


def test_a_cancelled_appointment_is_booked_again_with_its_form_filled_in(desk, clinic):
    factories._keep(Clinician(clinic_id=clinic.id, name="Dr Lee"), Clinician(clinic_id=clinic.id, name="Dr Moe"))
    moe = db.session.scalar(select(Clinician).where(Clinician.name == "Dr Moe"))
    carol = factories.a_patient(clinic)
    gone = factories.an_appointment(clinic, carol, state="cancelled", clinician_id=moe.id)
    shown = page(desk, f"/appointments/{gone.public_id}")
    html = page(desk, re.search(r'href="(/appointments/new\?again=[^"]+)">.*?Book again', shown, re.DOTALL)[1])
    assert f'name="patient_id" value="{carol.public_id}"' in html and 'value="Carol Reed"' in html
    assert f'<option selected value="{moe.public_id}">Dr Moe</option>' in html and 'value="14:30"' in html
    assert page(desk, "/appointments/new?again=nothing-of-ours")


def test_another_clinics_appointment_is_not_found(client, app, url):
    factories.sign_in(client, factories.a_clinic("Oak Clinic"))
    for end in ("", "/move", "/cancel"):
        page(client, url + end, status=404)
    for end in ("/undo", "/answer", "/outcome", "/move/preview", "/reminders/switch", "/reminders/x/cancel"):
        answer = send(client, url + end, {"answer": "confirmed", "outcome": ""}, opened="/appointments/new")
        assert answer.status_code == 404, end


def test_moving_says_what_follows_saves_and_offers_undo(desk, url):
    preview = send(desk, f"{url}/move/preview", MOVED, opened=f"{url}/move").get_data(as_text=True)
    assert "Wednesday 25 November 2026, 9:00 am" in preview
    assert "your new time is Wed 25 Nov 9:00am" in preview
    assert "the text about the new time takes its place" in preview
    answer = send(desk, f"{url}/move", MOVED)
    html = page(desk, answer.location)
    assert (answer.status_code, kept().starts_local) == (303, datetime(2026, 11, 25, 9, 0))
    assert "Moved: the patient is told after this." in html and "until 9:02 am" in html
    assert waiting() == ["moved-1", "3_days", "1_day"]


def test_looking_at_what_a_move_would_text_moves_nothing(desk, url):
    answer = send(desk, f"{url}/move", {**MOVED, "preview": "1"})
    assert answer.status_code == 200 and "your new time is Wed 25 Nov 9:00am" in answer.text
    assert kept().version == 1


def test_a_move_undone_within_two_minutes_is_not_told(desk, url):
    send(desk, f"{url}/move", MOVED)
    answer = send(desk, f"{url}/undo", {}, opened=url)
    html = page(desk, answer.location)
    assert "Put back to Friday 20 November 2026, 2:30 pm. The patient hears nothing of it." in html
    assert kept().starts_local == datetime(2026, 11, 20, 14, 30)
    assert waiting() == ["confirmation", "3_days", "1_day"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"day": "2026-11-20", "time": "14:30"}, "This is the time it already has."),
        ({"day": "2026-11-01"}, "already passed"),
        ({"day": "", "time": ""}, "Choose a day."),
        ({"day": "2027-03-14", "time": "02:30"}, "does not exist"),
        ({"tell": "perhaps"}, "not a valid"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused_beside_its_field(desk, url, typed, words):
    answer = send(desk, f"{url}/move", {**MOVED, **typed})
    assert answer.status_code == 422
    assert words.lower() in " ".join(errors(answer.get_data(as_text=True))).lower()
    assert kept().version == 1


def test_the_second_of_two_editors_sees_both_versions_and_overwrites_nothing(desk, url):
    send(desk, f"{url}/move", MOVED)
    answer = send(desk, f"{url}/move", {**MOVED, "day": "2026-12-01", "time": "11:15"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Wed 25 Nov, 9:00 am" in html and "Tue 1 Dec, 11:15 am" in html
    assert "Nothing has been overwritten" in html
    assert kept().starts_local == datetime(2026, 11, 25, 9, 0)
    assert 'value="2"' in html.split('id="version"')[1].split(">")[0]


def test_cancelling_says_why_withdraws_at_once_and_offers_undo(desk, url, clock, worker):
    assert "will not take place" in page(desk, f"{url}/cancel")
    answer = send(desk, f"{url}/cancel", {**CANCELLED, "note": "ill"})
    html = page(desk, answer.location)
    assert (kept().state, kept().cancel_reason) == ("cancelled", "The clinician is away: ill")
    assert "Cancelled: the patient is told after this." in html
    assert waiting() == ["cancelled-1"]
    clock.forward(minutes=3)
    assert "until 9:02 am" not in page(desk, url)
    worker.settle()
    restored = send(desk, f"{url}/undo", {}, opened=url)
    assert "gets a text that it is still on" in page(desk, restored.location)


def test_cancelling_a_move_nobody_was_told_shows_the_text_with_the_time_the_patient_knows(desk, url, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    assert "The new time has not been texted yet" not in page(desk, f"{url}/cancel")
    send(desk, f"{url}/move", MOVED)
    html = page(desk, f"{url}/cancel")
    assert "The new time has not been texted yet" in html and "Fri 20 Nov 2:30pm" in html
    send(desk, f"{url}/cancel", {**CANCELLED, "version": "2"})
    html = page(desk, url)
    assert "Friday 20 November 2026, 2:30 pm" in html and "Wed 25 Nov 9:00am will not" not in html


def test_late_in_the_evening_the_cancel_page_shows_the_text_that_leaves_in_the_morning(desk, url, clock):
    clock.forward(hours=14)
    html = page(desk, f"{url}/cancel")
    assert "will not take place" in html and "Tue 3 Nov, 8:00 am" in html


def test_a_cancellation_undone_in_time_is_not_told(desk, url):
    send(desk, f"{url}/cancel", CANCELLED)
    answer = send(desk, f"{url}/undo", {}, opened=url)
    assert "The patient hears nothing of it" in page(desk, answer.location)
    assert waiting() == ["confirmation", "3_days", "1_day"]


def test_cancelling_what_somebody_has_just_moved_asks_again(desk, url):
    send(desk, f"{url}/move", MOVED)
    answer = send(desk, f"{url}/cancel", CANCELLED)
    html = answer.get_data(as_text=True)
    assert (answer.status_code, kept().state) == (409, "booked")
    assert "Wednesday 25 November 2026, 9:00 am" in html and "Cancel it all the same?" in html


def test_a_second_click_on_cancel_or_undo_does_no_harm(desk, url):
    for _ in range(2):
        assert send(desk, f"{url}/cancel", CANCELLED).status_code == 303
    for _ in range(2):
        assert send(desk, f"{url}/undo", {}, opened=url).status_code == 303
    assert kept().state == "booked"


def test_confirmed_by_phone_is_one_click(desk, url):
    send(desk, f"{url}/answer", {"answer": "confirmed"}, opened=url)
    assert "Take back “confirmed”" in page(desk, url)
    send(desk, f"{url}/answer", {"answer": "none"}, opened=url)
    assert kept().answer == "none"


def test_single_reminders_are_cancelled_and_sent_from_their_buttons(desk, url):
    three_days, one_day = (
        db.session.scalar(select(Reminder.public_id).where(Reminder.step_key == step)) for step in ("3_days", "1_day")
    )
    send(desk, f"{url}/reminders/{three_days}/cancel", {}, opened=url)
    assert waiting() == ["confirmation", "1_day"]
    send(desk, f"{url}/reminders/{one_day}/send-now", {}, opened=url)
    html = page(desk, url)
    assert "Skipped: taken back by Alice." in html and "Sent now by Alice." in html


def test_a_patients_reminders_are_switched_off_and_on(desk, url):
    send(desk, f"{url}/reminders/switch", {"on": "no"}, opened=url)
    assert waiting() == []
    assert "reminders are off for this patient" in page(desk, url)
    send(desk, f"{url}/reminders/switch", {"on": "yes"}, opened=url)
    assert waiting() == ["confirmation", "3_days", "1_day"]
    assert db.session.scalar(select(Patient.reminders_on))


@pytest.mark.parametrize(
    ("end", "data"), [("/answer", {"answer": "maybe"}), ("/outcome", {"outcome": "late"}), ("/outcome", {})]
)
def test_nonsense_from_no_form_of_ours_is_refused(desk, url, end, data):
    assert send(desk, url + end, data, opened=url).status_code == 400


def test_opening_every_page_changes_nothing(desk, url):
    before = kept().version, waiting()
    for address in (
        "/",
        "/day/2026-11-20",
        "/week/2026-11-20",
        "/appointments/new",
        url,
        f"{url}/move",
        f"{url}/cancel",
    ):
        page(desk, address)
    assert (kept().version, waiting()) == before


@pytest.mark.parametrize("odd", ["%00", "x" * 400, "..%2f", "%F0%9F%98%80", "' OR 1=1 --"])
def test_an_address_nobody_made_is_not_found(desk, odd):
    page(desk, f"/appointments/{odd}", status=404)


def test_an_address_may_ask_for_a_patient_nobody_made(desk):
    page(desk, "/appointments/new?patient=%00", status=404)
    assert "Book an appointment" in page(desk, "/appointments/new?patient=nobody&day=yesterday")
