"""Settings: what is saved, what is refused, what two people at once see, and that plans follow."""

import re
from datetime import date, datetime, time

import pytest
from sqlalchemy import select

from reminder_site.actions import offers
from reminder_site.actions.settings_guard import NotHere
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import (
    AppointmentType,
    Audit,
    Clinic,
    Clinician,
    ClosedDay,
    Message,
    Reminder,
    ReminderRule,
    Template,
)
from tests import factories
from tests.web.desk import errors, page, send


@pytest.fixture
def manager(client, clinic):
    """Mara, who manages Elm Clinic, signed in."""
    factories.sign_in(client, clinic, role="manager", name="Mara")
    return client


def as_shown(html):
    """Read a page's main form as a browser would send it."""
    main = html.split('id="main"', 1)[1]
    form = max(re.findall(r"<form.*?</form>", main, re.DOTALL), key=len)
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if told.get("type") not in {"checkbox", "radio"} or " checked" in tag:
            fields[told.get("name", "")] = told.get("value", "")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        fields[name] = re.search(r'<option selected value="([^"]*)"', options).group(1)
    for name, body in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\s*(.*?)</textarea>', form, re.DOTALL):
        fields[name] = body
    return fields


def save(client, url, without=(), **changes):
    """Open a page, change something and send it."""
    form = {**as_shown(page(client, url)), **changes}
    return client.post(url, data={name: value for name, value in form.items() if name not in without})


def rule(clinic, key):
    db.session.rollback()
    mine = ReminderRule.clinic_id == clinic.id, ReminderRule.key == key
    return db.session.scalars(select(ReminderRule).where(*mine)).one()


def booked(clinic):
    return factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 20, 14, 30))


def wanted(appointment):
    db.session.rollback()
    mine = Reminder.appointment_id == appointment.id, Reminder.wanted, Reminder.send_at.is_not(None)
    return {r.step_key: r.local_at for r in db.session.scalars(select(Reminder).where(*mine))}


def test_a_page_saved_as_it_stands_changes_no_plan(manager, clinic):
    booked(clinic)
    for url in ("/settings/clinic", "/settings/texting"):
        assert save(manager, url).status_code == 303
        assert "None of 1 coming appointments got other texts." in page(manager, url)


def test_the_clinics_name_and_place_reach_the_texts_already_planned(manager, clinic):
    appointment = booked(clinic)
    assert save(manager, "/settings/clinic", text_name="Elm & Oak", place="9 Low Rd").status_code == 303
    assert "1 of 1 coming appointments got other texts." in page(manager, "/settings")
    bodies = db.session.scalars(select(Message.body).where(Message.appointment_id == appointment.id, Message.wanted))
    assert all(body.startswith("Elm & Oak: Carol") and "9 Low Rd" in body for body in bodies)


def test_the_second_of_two_managers_sees_both_versions_and_nothing_is_lost(manager, clinic, app):
    stale = as_shown(page(manager, "/settings/clinic"))
    other = app.test_client()
    factories.sign_in(other, clinic, role="manager", name="Moritz")
    assert save(other, "/settings/clinic", name="Elm Health").status_code == 303
    answer = manager.post("/settings/clinic", data={**stale, "name": "Elm Practice"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Elm Health" in html and 'value="Elm Practice"' in html
    assert db.session.get(Clinic, clinic.id, populate_existing=True).name == "Elm Health"
    assert manager.post("/settings/clinic", data=as_shown(html)).status_code == 303


def test_a_form_without_its_version_overwrites_nothing(manager, clinic):
    answer = save(manager, "/settings/clinic", without=["version"], name="Elm Practice")
    assert answer.status_code == 409
    assert db.session.get(Clinic, clinic.id, populate_existing=True).name == "Elm Clinic"


def test_quiet_hours_move_what_is_planned(manager, clinic):
    appointment = booked(clinic)
    assert save(manager, "/settings/texting", quiet_opens="12:00").status_code == 303
    # 10 am is quiet now: the evening before, at the last open minute.
    assert wanted(appointment)["3_days"] == datetime(2026, 11, 16, 18, 59)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("quiet_closes", "08:00", "from an earlier hour to a later one"),
        ("quiet_opens", "", "From when may reminders arrive?"),
        ("daily_cap", "0", "Give a whole number from 1 to 100,000."),
        ("daily_cap", "many", "Give a whole number from 1 to 100,000."),
        ("region", "ZZ", "Choose one from the list."),
    ],
)
def test_texting_refuses_in_words_and_keeps_what_was_typed(manager, field, typed, said):
    answer = save(manager, "/settings/texting", **{field: typed})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and [words for words in errors(html) if said in words] == errors(html)


def test_a_closed_day_moves_reminders_and_can_be_taken_out_again(manager, clinic):
    appointment = booked(clinic)
    day = {"closed_on": "2026-11-17", "closed_name": "Staff training"}
    assert send(manager, "/settings/closed-days", day, opened="/settings/texting").status_code == 303
    assert wanted(appointment)["3_days"] == datetime(2026, 11, 16, 18, 59)
    assert "Staff training" in page(manager, "/settings/texting")
    send(manager, "/settings/closed-days/2026-11-17/open", {}, opened="/settings/texting")
    assert wanted(appointment)["3_days"] == datetime(2026, 11, 17, 10)
    assert db.session.scalars(select(ClosedDay)).all() == []


@pytest.mark.parametrize(("day", "name"), [("", "x"), ("2026-02-30", "x"), ("2026-12-24", "")])
def test_a_closed_day_needs_a_day_and_a_name(manager, day, name):
    form = {"closed_on": day, "closed_name": name}
    assert send(manager, "/settings/closed-days", form, opened="/settings/texting").status_code == 422


def test_a_changed_rule_plans_coming_appointments_anew_and_says_how_many(manager, clinic):
    appointment, url = booked(clinic), f"/settings/rules/{rule(clinic, '3_days').public_id}"
    assert save(manager, url, days="4", at="16:30", name="4 days before").status_code == 303
    assert "1 of 1 coming appointments got other texts." in page(manager, "/settings/rules")
    assert wanted(appointment)["3_days"] == datetime(2026, 11, 16, 16, 30)
    assert (rule(clinic, "3_days").at, rule(clinic, "3_days").name) == (time(16, 30), "4 days before")


def test_switching_a_rule_off_and_on_takes_its_reminder_and_brings_it_back(manager, clinic):
    appointment, url = booked(clinic), f"/settings/rules/{rule(clinic, '1_day').public_id}/switch"
    send(manager, url, {"on": ""}, opened="/settings/rules")
    assert set(wanted(appointment)) == {"confirmation", "3_days"}
    send(manager, url, {"on": "1"}, opened="/settings/rules")
    assert set(wanted(appointment)) == {"confirmation", "3_days", "1_day"}


def test_a_ready_made_cadence_replaces_the_rules(manager, clinic):
    appointment = booked(clinic)
    send(manager, "/settings/rules/cadence", {"cadence": "hospital"}, opened="/settings/rules")
    assert set(wanted(appointment)) == {"confirmation", "7_days", "2_days"}
    send(manager, "/settings/rules/cadence", {"cadence": "default"}, opened="/settings/rules")
    assert set(wanted(appointment)) == {"confirmation", "3_days", "1_day"}
    assert send(manager, "/settings/rules/cadence", {"cadence": "x"}, opened="/settings/rules").status_code == 404


def test_a_rule_can_be_added(manager, clinic):
    appointment = booked(clinic)
    form = {"name": "Week before", "kind": "days_before", "days": "7", "at": "11:00", "enabled": "y"}
    assert save(manager, "/settings/rules/new", **form).status_code == 303
    assert datetime(2026, 11, 13, 11) in wanted(appointment).values()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "hours_before", "hours": "0"}, "at least 1 hour"),
        ({"kind": "hours_before", "hours": "1", "min_lead_minutes": "90"}, "later than 90 min before the start"),
        ({"days": "0", "at": "19:30"}, "on the day itself texts stop at 7:00 pm"),
        ({"at": ""}, "choose the time of day"),
        ({"days": "99"}, "from 0 to 60"),
        ({"days": "-1"}, "from 0 to 60"),
        ({"name": ""}, "Give the reminder a name"),
        ({"kind": "confirmation"}, "Choose one from the list."),
    ],
)
def test_a_rule_that_could_never_send_is_refused_in_words(manager, clinic, changes, said):
    answer = save(manager, "/settings/rules/new", **{"name": "Odd", "enabled": "y", **changes})
    assert answer.status_code == 422
    assert any(said in words for words in errors(answer.get_data(as_text=True)))
    assert rule(clinic, "3_days").days == 3


def test_a_wording_reaches_what_is_planned_and_the_default_can_be_seen(manager, clinic):
    appointment = booked(clinic)
    form = {"body": "{{clinic}}: {{first_name}}, {{day}} {{time}}. Reply 1, 2 or 3. STOP ends texts"}
    assert save(manager, "/settings/texts/reminder_ask", **form).status_code == 303
    bodies = db.session.scalars(select(Message.body).where(Message.appointment_id == appointment.id, Message.wanted))
    assert "Elm Clinic: Carol, Fri 20 Nov 2:30pm. Reply 1, 2 or 3. STOP ends texts" in bodies.all()
    assert "The text the site came with" in page(manager, "/settings/texts/reminder_ask")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Write the text"),
        ("Hello {{name}}", "is not a field"),
        ("{{7*7}}", "do not make a field"),
        ("Hello {{first_name", "do not make a field"),
        ("x" * 1601, "1,600"),
        ("a\x00b", "hidden control character"),
    ],
)
def test_a_wording_that_cannot_be_sent_is_refused(manager, body, said):
    answer = save(manager, "/settings/texts/moved", body=body)
    assert answer.status_code == 422 and said in errors(answer.get_data(as_text=True))[0]
    assert db.session.scalars(select(Template).where(Template.kind == "moved")).all() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{clinic}}: reply CANCEL to cancel", "A reply of CANCEL unsubscribes"),
        ("Your cancer check is due", "may tell others why"),
        ("It’s at {{time}}", "UCS-2"),
        ("word " * 40, "2 segments"),
    ],
)
def test_checking_a_wording_warns_and_saves_nothing(manager, body, said):
    answer = save(manager, "/settings/texts/moved", body=body, check="1")
    assert answer.status_code == 200 and said in answer.get_data(as_text=True)
    live = send(manager, "/settings/texts/moved/preview", {"body": body}, opened="/settings/texts/moved")
    assert said in live.get_data(as_text=True)
    assert db.session.scalars(select(Template).where(Template.kind == "moved")).all() == []


def test_two_who_word_the_same_text_do_not_overwrite_each_other(manager, app, clinic):
    stale = as_shown(page(manager, "/settings/texts/moved"))
    other = app.test_client()
    factories.sign_in(other, clinic, role="manager", name="Moritz")
    assert save(other, "/settings/texts/moved", body="Theirs {{time}}").status_code == 303
    answer = manager.post("/settings/texts/moved", data={**stale, "body": "Mine {{time}}"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Theirs {{time}}" in html and "Mine {{time}}" in html
    assert manager.post("/settings/texts/moved", data=as_shown(html)).status_code == 303
    assert db.session.scalars(select(Template)).one().body == "Mine {{time}}"


def test_clinicians_and_kinds_are_added_changed_and_switched_off(manager, clinic):
    send(manager, "/settings/clinicians", {"clinician-name": "Dr Osei"}, opened="/settings/people")
    form = {"type-name": "Check-up", "type-duration_minutes": "20"}
    send(manager, "/settings/types", form, opened="/settings/people")
    doctor, kind = db.session.scalars(select(Clinician)).one(), db.session.scalars(select(AppointmentType)).one()
    version = db.session.get(Clinic, clinic.id, populate_existing=True).version
    prefix = f"c-{doctor.public_id}-"
    form = {f"{prefix}name": "Dr A. Osei", f"{prefix}version": version}
    assert send(manager, f"/settings/clinicians/{doctor.public_id}", form, opened="/settings/people").status_code == 303
    prefix = f"t-{kind.public_id}-"
    form = {f"{prefix}name": "Check", f"{prefix}duration_minutes": "25", f"{prefix}version": version}
    assert send(manager, f"/settings/types/{kind.public_id}", form, opened="/settings/people").status_code == 409
    assert send(manager, "/settings/types", {"type-name": ""}, opened="/settings/people").status_code == 422
    db.session.expire_all()
    assert (doctor.name, doctor.active, kind.name) == ("Dr A. Osei", False, "Check-up")


def test_a_clinician_of_another_clinic_cannot_be_changed(clinic, now):
    factories._keep(Clinician(clinic_id=factories.a_clinic("Oak Clinic").id, name="Dr Oak"))
    theirs = db.session.scalars(select(Clinician)).one()
    form = {"clinician": theirs.public_id, "name": "Dr Elm", "active": True, "version": clinic.version}
    with pytest.raises(NotHere):
        offers.change_clinician(clinic_id=clinic.id, **form, by=OPERATOR, now=now)
    db.session.expire_all()
    assert theirs.name == "Dr Oak"


def test_an_administrator_adds_a_clinic_with_a_zone_of_its_own(client, clinic):
    factories.sign_in(client, clinic, role="administrator", name="Dana")
    form = {"name": "Oak", "text_name": "Oak", "phone": "020 7946 0000", "country": "GB", "time_zone": "Europe/London"}
    assert save(client, "/settings/clinics/new", **form).status_code == 303
    assert "Oak" in page(client, "/settings").split("<nav", 1)[0]
    assert db.session.scalars(select(Clinic).where(Clinic.name == "Oak")).one().phone == "020 7946 0000"


def test_reception_sees_what_can_be_set_but_not_how(client, clinic):
    factories.sign_in(client, clinic)
    assert "A manager of your clinic changes these." in page(client, "/settings")
    assert client.get("/settings/rules").status_code == 403


def test_every_change_is_written_down_with_what_changed(manager, clinic):
    save(manager, "/settings/clinic", place="9 Low Rd")
    entry = db.session.scalars(select(Audit).where(Audit.what == "clinic.changed")).one()
    assert entry.clinic_id == clinic.id
    assert entry.facts["place"] == "9 Low Rd" and "name" not in entry.facts
    assert entry.actor == "staff:Mara"


def test_a_closed_day_of_the_past_is_not_shown(manager, clinic):
    with transaction() as session:
        session.add(ClosedDay(clinic_id=clinic.id, closed_on=date(2026, 1, 5), name="Long gone"))
    assert "Long gone" not in page(manager, "/settings/texting")


NIGHT = {"quiet_opens": "00:00", "quiet_closes": "00:00"}


def texting_changed():
    db.session.rollback()
    changed = select(Audit.facts).where(Audit.what == "texting.changed").order_by(Audit.id.desc())
    return db.session.scalars(changed).first()


def test_a_manager_cannot_have_texts_go_out_at_night(manager, clinic):
    answer = save(manager, "/settings/texting", **NIGHT, no_quiet_why="We like it")
    assert answer.status_code == 422
    assert "only an administrator can set that" in answer.get_data(as_text=True)
    assert "We like it" in answer.get_data(as_text=True)
    assert texting_changed() is None


def test_an_administrator_gives_a_reason_for_it_that_is_kept_and_audited(client, clinic):
    factories.sign_in(client, clinic, role="administrator")
    answer = save(client, "/settings/texting", **NIGHT)
    assert (answer.status_code, "give the reason below" in answer.get_data(as_text=True)) == (422, True)
    assert save(client, "/settings/texting", **NIGHT, no_quiet_why="Night clinic").status_code == 303
    assert texting_changed()["no_quiet_why"] == "Night clinic"
    assert "Night clinic" in page(client, "/settings/texting")
    assert save(client, "/settings/texting", quiet_opens="09:00", quiet_closes="19:00").status_code == 303
    assert "Night clinic" not in page(client, "/settings/texting")
