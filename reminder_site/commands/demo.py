"""`flask --app wsgi demo`: two made-up clinics to try the site with, made through the same actions as real ones."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import click
import pendulum
from flask.cli import with_appcontext

from reminder_site.actions import appointments, clinics, offers, patients, set_up, staff
from reminder_site.actions.clinics import ClinicFacts
from reminder_site.commands.present import present
from reminder_site.config import settings
from reminder_site.domain.actor import Actor
from reminder_site.domain.demo_accounts import PASSWORD
from reminder_site.domain.names import full_name
from reminder_site.domain.times import first_valid, to_local
from reminder_site.gateways.alarms import alarms
from reminder_site.queries import accounts
from reminder_site.queries import patients as known_patients
from reminder_site.queries import settings as shown
from reminder_site.queries.accounts import Clinic

HEAD = ("Dana", "dana@elm.example", "administrator")
PEOPLE = (
    ("Alice", "alice@elm.example", "reception", ("Elm Clinic",)),
    ("Mara", "mara@elm.example", "manager", ("Elm Clinic", "Oak Street Clinic")),
    ("Bob", "bob@oak.example", "reception", ("Oak Street Clinic",)),
)
WEEK = {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")} | {"sat": ["09:00", "13:00"]}
ELM = ClinicFacts(
    "Elm Clinic", "Elm Clinic", "12 High St, New York", "12 High St", "(212) 555-0100", "US", "America/New_York", WEEK
)
OAK = ClinicFacts(
    "Oak Street Clinic", "Oak St", "40 Oak St, Chicago", "40 Oak St", "(312) 555-0100", "US", "America/Chicago", WEEK
)
OFFERS = {"Elm Clinic": ("Dr Osei", "Dr Lindqvist", "Sam Ortega"), "Oak Street Clinic": ("Dr Haddad", "Joy Mbeki")}
KINDS = (("Check-up", 30), ("First visit", 45), ("Short visit", 15))
# First name, family name, last two digits of a number that belongs to nobody; some share one, one has none.
ELM_PATIENTS = (
    *(("Carol", "Reed", "11"), ("Ana", "Martínez", "12"), ("Leo", "Martínez", "12"), ("Martí", "Puig", "13")),
    *(("Grace", "Okafor", "14"), ("Tom", "Baker", "15"), ("Ingrid", "Solberg", "16"), ("Wei", "Chen", "17")),
    *(("Priya", "Nair", "18"), ("Omar", "Farouk", "19"), ("Ruth", "Klein", ""), ("Zoë", "Novak", "20")),
)
OAK_PATIENTS = (("Henry", "Adeyemi", "11"), ("Lucía", "Torres", "12"), ("Mei", "Tanaka", "13"), ("Jack", "Doyle", "14"))
# Today's lie so many minutes ahead, so that something is left whenever the demo is begun; then days ahead, wall times.
TODAY_MINUTES = (35, 80, 140, 225, 290, 350)
QUARTER_MINUTES = 15
TIMES = (
    *((1, "09:00"), (1, "09:30"), (1, "10:30"), (1, "14:00"), (1, "15:15"), (1, "16:30")),
    *((2, "09:15"), (2, "11:45"), (2, "15:30"), (5, "10:00"), (7, "16:15"), (9, "08:30"), (20, "13:00"), (40, "10:00")),
)


@click.command("demo")
@with_appcontext
def commands() -> None:
    """Make the demo clinics, their people and some appointments; doing it again adds only what is missing."""
    known = settings()
    if known.is_live:
        words = "This site has a real Twilio account or a public address: the demo would text strangers"
        raise click.ClickException(f"{words} and let them in. Nothing made.")
    if accounts.anybody() and accounts.by_email(HEAD[1]) is None:
        click.echo("This site has accounts of its own; no demo is added.")
        return
    by = _head(present())
    places = (_clinic(ELM, by), "+1212", ELM_PATIENTS), (_clinic(OAK, by), "+1312", OAK_PATIENTS)
    for clinic, area, people in places:
        _staff_and_offers(clinic, by)
        _appointments(clinic, _patients(clinic, area, people, by), by)
    alarms().flush()
    others = ", ".join(email for _, email, *_ in PEOPLE[1:])
    click.echo(f"Sign in as:  {PEOPLE[0][1]}   password: {PASSWORD}")
    click.echo(f"Also:        {others}, {HEAD[1]}   (the same password)")


def _head(now: pendulum.DateTime) -> Actor:
    name, email, _ = HEAD
    if not accounts.anybody():
        set_up.set_up(email=email, name=name, password=PASSWORD, clinic=ELM, now=now)
    found = accounts.by_email(email)
    assert found is not None
    return Actor("staff", name, found.id)


def _clinic(facts: ClinicFacts, by: Actor) -> Clinic:
    def there() -> Clinic | None:
        return next((clinic for clinic in accounts.clinics_of(by.staff_id or 0) if clinic.name == facts.name), None)

    if there() is None:
        clinics.add_clinic(facts=facts, by=by, now=present())
    found = there()
    assert found is not None
    return found


def _staff_and_offers(clinic: Clinic, by: Actor) -> None:
    places = {place.name: place.public_id for place in accounts.clinics_of(by.staff_id or 0)}
    for name, email, role, works_for in PEOPLE:
        if set(works_for) <= set(places) and accounts.by_email(email) is None:
            chosen = [places[place] for place in works_for]
            staff.add_staff(email=email, name=name, role=role, password=PASSWORD, clinics=chosen, by=by, now=present())
    have = {row.name for row in shown.clinicians(clinic.id)} | {row.name for row in shown.types(clinic.id)}
    for name in OFFERS[clinic.name]:
        if name not in have:
            offers.add_clinician(clinic_id=clinic.id, name=name, by=by, now=present())
    for name, minutes in KINDS:
        if name not in have:
            offers.add_type(clinic_id=clinic.id, name=name, duration_minutes=minutes, by=by, now=present())


def _patients(clinic: Clinic, area: str, people: tuple[tuple[str, str, str], ...], by: Actor) -> list[str]:
    """Return the public ids of the demo's patients, adding those who are missing."""
    there = {line.name: line.id for line in known_patients.search(clinic_id=clinic.id, typed="", limit=500)}
    ids = []
    for first_name, last_name, digits in people:
        name = full_name(first_name, last_name)
        if name not in there:
            phone = f"{area}55501{digits}" if digits else ""
            there[name] = patients.add(
                clinic_id=clinic.id,
                details=patients.Details(first_name, last_name, phone),
                consent_how="in person",
                by=by,
                now=present(),
            )
        ids.append(there[name])
    return ids


def _appointments(clinic: Clinic, ids: list[str], by: Actor) -> None:
    """Book the demo's appointments unless some are coming: a demo left alone for a month has a full day list again."""
    now = present()
    if shown.coming(clinic.id, now=now):
        return
    doctors = [row.public_id for row in shown.clinicians(clinic.id) if row.name in OFFERS[clinic.name]]
    kinds = [row.public_id for row in shown.types(clinic.id) if row.name in dict(KINDS)]
    for number, local in enumerate(_times(to_local(now, clinic.time_zone))):
        appointments.book(
            clinic_id=clinic.id,
            patient=ids[number % len(ids)],
            time=first_valid(local, clinic.time_zone)[0],
            clinician_id=doctors[number % len(doctors)],
            type_id=kinds[number % len(kinds)],
            by=by,
            now=now,
        )


def _times(here: datetime) -> Iterator[datetime]:
    """Yield the wall times of the demo's appointments, on quarter hours from now on."""
    this_quarter = here.replace(
        minute=here.minute // QUARTER_MINUTES * QUARTER_MINUTES, second=0, microsecond=0, fold=0
    )
    for minutes in TODAY_MINUTES:
        local = this_quarter + timedelta(minutes=minutes // QUARTER_MINUTES * QUARTER_MINUTES + QUARTER_MINUTES)
        if local.date() == here.date():
            yield local
    for days, at in TIMES:
        yield datetime.combine(_open_day(here.date() + timedelta(days=days)), time.fromisoformat(at))


def _open_day(day: date) -> date:
    """Go on to Monday from a weekend."""
    return day + timedelta(days=7 - day.weekday()) if day.weekday() > 4 else day
