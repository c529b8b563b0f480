"""`flask --app wsgi staff …`: accounts from the terminal, for the operator who has lost the last password."""

import click
from flask.cli import AppGroup

from reminder_site.actions import staff
from reminder_site.actions.staff_rows import EmailTaken
from reminder_site.commands.present import machine_now, present
from reminder_site.config import settings
from reminder_site.domain import passwords
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.roles import ROLES
from reminder_site.domain.sign_in_limits import LINK_HOURS
from reminder_site.queries import accounts
from reminder_site.queries import settings as shown

commands = AppGroup("staff", help="Accounts of the people who sign in.")
_password = click.password_option(help="Asked for when it is not given; it shows in the list of processes if it is.")


@commands.command("list")
def list_all() -> None:
    """List every account with its role."""
    for row in shown.everybody():
        click.echo(f"{row.email}\t{row.role}\t{row.name}\t{'' if row.active else 'switched off'}".rstrip())


@commands.command("add")
@click.argument("email")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), default="reception", show_default=True)
@click.option("--clinic", "clinics", multiple=True, help="Name of a clinic; all of them when none is given.")
@_password
def add(email: str, name: str, role: str, clinics: tuple[str, ...], password: str) -> None:
    """Add an account."""
    known = {clinic.name: clinic.public_id for clinic in accounts.all_clinics()}
    if not known:
        raise click.ClickException("There is no clinic yet: open the site and set it up first.")
    unknown = [clinic for clinic in clinics if clinic not in known]
    if unknown:
        raise click.ClickException(f"There is no clinic called {unknown[0]!r}. There is: {', '.join(known)}.")
    _check(password, email, name)
    chosen = [known[clinic] for clinic in clinics or known]
    try:
        staff.add_staff(
            email=email, name=name, role=role, password=password, clinics=chosen, by=OPERATOR, now=present()
        )
    except EmailTaken as taken:
        raise click.ClickException(f"There is an account {email} already.") from taken
    click.echo(f"{email} can sign in.")


@commands.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Switch an account off and end its sessions."""
    staff.switch_staff(staff=_public_id(email), on=False, by=OPERATOR, now=present())
    click.echo(f"{email} is switched off.")


@commands.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Switch an account on again."""
    staff.switch_staff(staff=_public_id(email), on=True, by=OPERATOR, now=present())
    click.echo(f"{email} can sign in.")


@commands.command("password")
@click.argument("email")
@_password
def set_password(email: str, password: str) -> None:
    """Set a new password, end every session and open a locked account."""
    public_id = _public_id(email)
    _check(password, email, "")
    staff.set_password(staff=public_id, password=password, by=OPERATOR, now=present())
    click.echo(f"{email} has a new password.")


@commands.command("link")
@click.argument("email")
def give_link(email: str) -> None:
    """Show a link that lets somebody sign in on a device the site does not know, once."""
    token = staff.give_link(staff=_public_id(email), by=OPERATOR, now=machine_now())
    click.echo(f"{settings().public_base_url}/sign-in/link/{token}   (good for {LINK_HOURS} h, once)")


@commands.command("no-second-factor")
@click.argument("email")
def take_factor(email: str) -> None:
    """Take somebody's second factor away (the phone and the recovery codes are lost) and end every session."""
    try:
        staff.take_factor(staff=_public_id(email), by=OPERATOR, now=machine_now())
    except staff.NoFactor as none:
        raise click.ClickException(f"{email} has no second factor.") from none
    click.echo(f"{email} signs in with the password alone, until a new second factor is set up.")


def _public_id(email: str) -> str:
    found = accounts.by_email(email.strip().lower())
    if found is None:
        raise click.ClickException(f"There is no account {email}.")
    return found.public_id


def _check(password: str, *known: str) -> None:
    words = passwords.refusal(password, known=known)
    if words:
        raise click.ClickException(words)
