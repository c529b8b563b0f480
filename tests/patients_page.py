"""A patient's page in tests: opened, read for as long as a person needs, and pressed."""

import re
import secrets

from reminder_site.actions import link_answers
from reminder_site.domain.issued_page import IssuedPage
from reminder_site.queries import links
from tests.texting import link_to

A_PERSON_READS_SECONDS = 2


def page_token(page):
    """The token in a page's forms."""
    return re.search(r'name="csrf_token" value="(\w+)"', page).group(1)


def wait(client, seconds=A_PERSON_READS_SECONDS):
    """Let the machine's clock go on."""
    client.application.extensions["clock"].let_pass(seconds)


def post(client, path, token, answer, *, follow=True, **more):
    """Press a button of a page that was issued with this token."""
    act = f"{path}/undo" if answer == "undo" else f"{path}/answer"
    return client.post(act, data={"csrf_token": token, "answer": answer, **more}, follow_redirects=follow)


def press(client, path, answer, **more):
    """Open the page, read it and press one of its buttons; "can't come" is pressed on the second page, too."""
    token = page_token(client.get(path).text)
    wait(client)
    page = post(client, path, token, answer, **more)
    if answer != "cannot_come":
        return page
    wait(client)
    return post(client, path, page_token(page.text), answer)


def a_page(linked, *, sure=True, number=None):
    """A page as it went out for what a link opens, for actions asked without a browser."""
    number = number or secrets.token_hex(12)
    return IssuedPage(number, linked.version, linked.shown, linked.standing.starts_at.subtract(years=1), sure)


def press_by_link(appointment, kind, now):
    """Press a button on the patient's page, without a browser; returns what became of it."""
    linked = links.find(link_to(appointment, now).rpartition("/")[2], now=now)
    return link_answers.press(link_id=linked.link_id, page=a_page(linked), kind=kind, now=now)
