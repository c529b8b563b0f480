"""The street doors: pages for staff, the patient's page, webhooks. `register` puts them on the app."""

from flask import Flask

from reminder_site.web import compression, context, filters, limits, security
from reminder_site.web.pages import (
    accounts,
    appointments,
    booking,
    consent,
    day,
    drift,
    health,
    inbox,
    invitations,
    kept,
    manage,
    moving,
    offers,
    parked,
    passkeys,
    patients,
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
    compression.register(app)
    security.register(app)
    context.register(app)
    filters.register(app)
    door = accounts.pages, second_factor.pages, passkeys.pages, invitations.pages
    desk = day.pages, booking.pages, appointments.pages, moving.pages, reminders.pages
    people = patients.pages, consent.pages, inbox.pages, parked.pages, kept.pages
    managing = set_up.pages, settings.pages, rules.pages, wording.pages, offers.pages, staff.pages, drift.pages
    for blueprint in (health.pages, *door, *desk, *people, *managing, manage.pages, twilio.hooks):
        app.register_blueprint(blueprint)
    limits.register(app)
