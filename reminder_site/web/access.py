"""Who may open what: every endpoint stands in exactly one of these lists; one that stands in none is refused."""

PUBLIC = frozenset(
    {
        "static",
        "health.healthz",
        "health.livez",
        "health.metrics",
        "accounts.sign_in",
        "accounts.take_link",
        "legal.privacy",
        "legal.terms",
        "passkeys.sign_in",
        "second_factor.ask",
        "set_up.first_run",
    }
)
SIGNED_LINK = frozenset(
    {
        "manage.show",
        "manage.answer",
        "manage.look",
        "manage.undo",
        "manage.calendar",
    }
)
SIGNATURE = frozenset(
    {
        "twilio.status",
        "twilio.inbound",
    }
)
API_KEY: frozenset[str] = frozenset()

# Staff endpoints. Auditors may read (GET) what reception and managers read, and change nothing but their own session.
RECEPTION = frozenset(
    {
        "accounts.account",
        "accounts.end_session",
        "accounts.sign_out",
        "accounts.switch_clinic",
        "appointments.answer",
        "appointments.cancel",
        "appointments.outcome",
        "appointments.show",
        "appointments.undo",
        "booking.find",
        "booking.new",
        "booking.preview",
        "day.day",
        "day.go",
        "day.home",
        "day.week",
        "health.pulse",
        "parked.index",
        "parked.leave",
        "parked.send",
        "parked.told",
        "inbox.claim",
        "inbox.handled",
        "inbox.index",
        "inbox.stop",
        "invitations.accept",
        "invitations.decline",
        "kept.show",
        "moving.move",
        "moving.preview",
        "passkeys.remove",
        "passkeys.show",
        "patients.consent",
        "patients.edit",
        "patients.find",
        "patients.index",
        "patients.new",
        "patients.preview_text",
        "patients.set_reminders",
        "patients.show",
        "patients.text",
        "patients.trust_number",
        "reminders.cancel",
        "reminders.send_now",
        "reminders.switch",
        "second_factor.renew",
        "second_factor.show",
        "second_factor.take_away",
        "settings.overview",
    }
)
MANAGER = frozenset(
    {
        "alerts.arrived",
        "alerts.index",
        "alerts.take",
        "alerts.test",
        "audit.find",
        "audit.index",
        "consent.wording",
        "drift.fix",
        "drift.show",
        "erasing.erase",
        "health.styleguide",
        "health.styleguide_patient",
        "keeping.retention",
        "offers.add_clinician",
        "offers.add_type",
        "offers.change_clinician",
        "offers.change_type",
        "offers.people",
        "registration.show",
        "patient_file.take",
        "rules.add",
        "rules.all_rules",
        "rules.cadence",
        "rules.change",
        "rules.switch",
        "settings.clinic",
        "settings.close",
        "settings.reopen",
        "settings.texting",
        "staff.add",
        "staff.change",
        "staff.everyone",
        "staff.give_link",
        "staff.set_password",
        "staff.switch_off",
        "staff.switch_on",
        "staff.withdraw",
        "wording.all_texts",
        "wording.change",
        "wording.preview",
        "wording.take_in_links",
    }
)
ADMINISTRATOR = frozenset({"readiness.look", "readiness.show", "settings.add_clinic", "staff.take_factor"})

STAFF = RECEPTION | MANAGER | ADMINISTRATOR

OWN_ACCOUNT = frozenset(
    {
        "accounts.account",
        "accounts.end_session",
        "accounts.sign_out",
        "accounts.switch_clinic",
        "invitations.accept",
        "invitations.decline",
        "passkeys.remove",
        "passkeys.show",
        "second_factor.renew",
        "second_factor.show",
        "second_factor.take_away",
    }
)

# All that is open to whoever has to set up a second factor first.
BEFORE_SECOND_FACTOR = frozenset({"accounts.sign_out", "second_factor.show"})

# These change nothing of a clinic: they are taken from a page of any clinic that this person has open.
OF_NO_CLINIC = OWN_ACCOUNT

# Posted so that nothing typed stands in an address; they change nothing.
POSTED_READS = frozenset(
    {
        "audit.find",
        "booking.find",
        "booking.preview",
        "day.day",
        "day.week",
        "moving.preview",
        "patients.find",
        "patients.preview_text",
        "wording.preview",
    }
)

ROLES_OF: dict[frozenset[str], frozenset[str]] = {
    RECEPTION: frozenset({"reception", "manager", "administrator"}),
    MANAGER: frozenset({"manager", "administrator"}),
    ADMINISTRATOR: frozenset({"administrator"}),
}


def roles_for(endpoint: str, method: str) -> frozenset[str]:
    """Return the staff roles that may call an endpoint with a method; empty when it is not a staff endpoint."""
    for endpoints, roles in ROLES_OF.items():
        if endpoint in endpoints:
            open_to_auditors = method in {"GET", "HEAD"} or endpoint in OWN_ACCOUNT | POSTED_READS
            return roles | {"auditor"} if open_to_auditors else roles
    return frozenset()
