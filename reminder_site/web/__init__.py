"""The street doors: pages for staff, the patient's page, webhooks. `register` puts them on the app."""

from flask import Flask

from reminder_site.web import compression, context, filters, limits, metrics, reading, request_log, security
from reminder_site.web.pages import (
    accounts,
    alerts,
    appointments,
    audit,
    booking,
    consent,
    day,
    drift,
    erasing,
    health,
    inbox,
    invitations,
    keeping,
    kept,
    legal,
    manage,
    moving,
    offers,
    parked,
    passkeys,
    patient_file,
    patients,
    readiness,
    registration,
    reminders,
    rules,
    second_factor,
    set_up,
    settings,
    staff,
    wording,
)
from reminder_site.web.webhooks import twilio


def register(app: Flask) -> None:
    """Put every blueprint on the app, behind the one gate of `security`."""
    request_log.register(app)
    metrics.register(app)
    compression.register(app)
    security.register(app)
    context.register(app)
    reading.register(app)
    filters.register(app)
    door = accounts.pages, second_factor.pages, passkeys.pages, invitations.pages
    desk = day.pages, booking.pages, appointments.pages, moving.pages, reminders.pages
    people = patients.pages, consent.pages, inbox.pages, parked.pages, kept.pages
    managing = set_up.pages, settings.pages, rules.pages, wording.pages, offers.pages, staff.pages
    running = readiness.pages, registration.pages, legal.pages, drift.pages, alerts.pages
    record = audit.pages, keeping.pages, erasing.pages, patient_file.pages
    own = *desk, *people, *managing, *running, *record
    for blueprint in (health.pages, *door, *own, manage.pages, twilio.hooks):
        app.register_blueprint(blueprint)
    limits.register(app)
