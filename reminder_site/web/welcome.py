"""Where somebody goes who has just signed in, and what they are told there."""

from flask import flash, url_for

from reminder_site.actions import accounts, kept_forms
from reminder_site.domain.second_factor import TOLD_DAYS
from reminder_site.domain.spoken import moment_words
from reminder_site.queries import invitations
from reminder_site.web import current, sessions
from reminder_site.web.redirects import safe_next


def way_in(wanted: str | None) -> str:
    """Return the page to go to: a second factor that has to be set up, a form that was kept, or what was wanted."""
    staff = current.staff()
    if staff.factor_taken_at and staff.factor_taken_at > sessions.real_now().subtract(days=TOLD_DAYS):
        at = moment_words(staff.factor_taken_at, current.clinic().time_zone, sessions.real_now())
        by = f"{staff.factor_taken_by[:1].upper()}{staff.factor_taken_by[1:]}"
        words = f"{by} took your second factor away ({at})."
        flash(f"{words} If you did not ask for that, tell your administrator and change your password.", "warn")
    for invitation in invitations.to_address(staff.email, now=sessions.real_now()):
        flash(f"{' and '.join(invitation.clinics)} invites you: your account page has the invitation.", "info")
    if current.user().needs_factor:
        return url_for("second_factor.show")
    return _kept() or safe_next(wanted)


def _kept() -> str | None:
    """Return where a form is shown that was sent when its session had ended, with its clinic opened for it."""
    offered = kept_forms.offer(staff_id=current.staff().id, now=sessions.real_now())
    if offered is None:
        return None
    kept, clinic = offered
    accounts.switch_clinic(token=current.user().token, clinic=clinic, by=current.actor(), now=sessions.real_now())
    return url_for("kept.show", kept_id=kept)
