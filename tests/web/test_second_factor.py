"""The second factor on its pages: asked for after the password, set up first of all on a live site, taken away."""

import logging
import re

import pyotp
import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Audit, SecondFactor, Staff
from reminder_site.web import access
from tests import factories
from tests.web.desk import errors, page, send, token
from tests.web.routes import a_full_clinic, every
from tests.web.test_accounts import NEW, try_to_sign_in

SET_UP = "/account/second-factor"
LOG = "reminder_site.security"


@pytest.fixture
def dana(clinic):
    return factories.a_staff(clinic, "Eve", "administrator")


@pytest.fixture
def shows(dana, clock):
    """What the app of Eve, the administrator, shows now."""
    app = factories.a_second_factor(dana)
    return lambda: app(clock.machine)


def code_at(secret, clock):
    return pyotp.TOTP(secret.replace(" ", "")).at(int(clock.machine.timestamp()))


def set_up(client, clock, **changed):
    """Set a second factor up as a person does: read the key from the page, type the code that the app shows."""
    html = page(client, SET_UP)
    secret = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', html)[1]
    sealed = re.search(r'name="sealed"[^>]* value="([^"]+)"', html)[1]
    typed = {"sealed": sealed, "code": code_at(secret, clock), "present": factories.PASSWORD} | changed
    return client.post(SET_UP, data={"csrf_token": token(html), **typed}), secret


def sign_in(client, staff, code):
    """Sign somebody in by password and code."""
    answer = try_to_sign_in(client, staff.email, factories.PASSWORD)
    assert answer.location == "/sign-in/code"
    return send(client, "/sign-in/code", {"code": code})


def printed(answer):
    return re.findall(r"<li><code>([A-Z2-9-]+)</code>", answer.text)


def test_the_code_is_asked_for_after_the_password_and_leads_where_one_wanted_to_go(client, dana, shows):
    form = {"email": dana.email, "password": factories.PASSWORD, "next": "/patients"}
    asked = send(client, "/sign-in", form).location
    assert asked == "/sign-in/code?next=/patients"
    assert client.get("/patients").location.startswith("/sign-in"), "the password alone opens nothing"
    html = page(client, asked)
    assert 'autocomplete="one-time-code"' in html and 'value="/patients"' in html
    wrong = send(client, asked, {"code": "123456", "next": "/patients"})
    assert wrong.status_code == 422 and "does not fit" in errors(wrong.text)[0]
    assert send(client, asked, {"code": f" {shows()[:3]} {shows()[3:]}", "next": "/patients"}).location == "/patients"
    assert page(client, "/patients")


def test_a_device_is_known_only_once_the_code_was_right_too(client, dana, shows):
    try_to_sign_in(client, dana.email, factories.PASSWORD)
    assert client.get_cookie("device") is None
    assert send(client, "/sign-in/code", {"code": shows()}).status_code == 303
    assert client.get_cookie("device")


def test_the_session_begins_afresh_with_the_code(app, client, dana, shows):
    try_to_sign_in(client, dana.email, factories.PASSWORD)
    thief = app.test_client()
    thief.set_cookie("session", client.get_cookie("session").value)
    assert send(client, "/sign-in/code", {"code": shows()}).status_code == 303
    assert client.get("/account").status_code == 200 and thief.get("/account").status_code == 302
    assert thief.get("/sign-in/code").location == "/sign-in"


def test_without_a_password_there_is_nothing_to_type_a_code_for(client, dana, shows):
    assert client.get("/sign-in/code").location == "/sign-in"
    assert send(client, "/sign-in/code", {"code": shows()}, opened="/sign-in").location == "/sign-in"
    assert "sign in with your password first" in page(client, "/sign-in")


def test_the_sixth_wrong_code_gets_429_and_a_time_to_wait(client, dana, shows):
    try_to_sign_in(client, dana.email, factories.PASSWORD)
    said = [send(client, "/sign-in/code", {"code": "123456"}).status_code for _ in range(5)]
    answer = send(client, "/sign-in/code", {"code": shows()})
    assert (said, answer.status_code, answer.headers["Retry-After"]) == ([422] * 5, 429, "900")


def test_a_wrong_code_stands_in_the_security_log_without_the_code(client, dana, shows, caplog):
    sign_in(client, dana, "123456")
    said = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert len(said) == 1 and said[0].startswith("a wrong code followed a right password")
    assert "123456" not in caplog.text and dana.email not in caplog.text


def test_the_owner_is_told_of_many_wrong_codes(app, client, dana, shows, clock):
    thief = app.test_client()
    for _ in range(2):
        try_to_sign_in(thief, dana.email, factories.PASSWORD)
        for _ in range(5):
            send(thief, "/sign-in/code", {"code": "123456"})
        clock.let_pass(15 * 60 + 1)
    assert sign_in(client, dana, shows()).status_code == 303
    assert "Somebody who knows your password typed 10 wrong codes today" in page(client, "/account")


def test_anybody_may_set_one_up_and_gets_ten_codes_once(client, clinic, clock):
    alice = factories.sign_in_by_form(client, clinic)
    assert "Set up a second factor" in page(client, "/account")
    answer, _ = set_up(client, clock)
    codes = printed(answer)
    assert answer.status_code == 200 and len(set(codes)) == 10 and 'href="/account"' in answer.text
    assert "10 recovery codes are left" in page(client, "/account")
    assert codes[0] not in page(client, SET_UP)
    send(client, "/sign-out", {}, opened="/account")
    assert sign_in(client, alice, codes[3].lower()).status_code == 303
    assert "9 recovery codes are left" in page(client, "/account")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": "123456"}, "does not fit"),
        ({"code": ""}, "Type the code."),
        ({"present": "wrong"}, "This is not your password."),
        ({"present": ""}, "Type your password."),
    ],
)
def test_what_does_not_fit_keeps_the_key_that_was_scanned(client, clinic, clock, changed, said):
    factories.sign_in_by_form(client, clinic)
    answer, secret = set_up(client, clock, **changed)
    assert answer.status_code == 422 and any(said in words for words in errors(answer.text))
    assert secret in answer.text and db.session.scalar(select(SecondFactor)) is None


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAA"])
def test_a_key_of_somebodys_own_making_is_not_taken(client, clinic, clock, sealed):
    factories.sign_in_by_form(client, clinic)
    answer, _ = set_up(client, clock, sealed=sealed)
    assert answer.location == SET_UP and "open for too long" in page(client, SET_UP)
    assert db.session.scalar(select(SecondFactor)) is None


def test_setting_up_ends_the_other_sessions_and_is_written_down(app, client, clinic, clock):
    alice = factories.sign_in_by_form(client, clinic)
    thief = app.test_client()
    thief.set_cookie("session", client.get_cookie("session").value)
    assert set_up(client, clock)[0].status_code == 200
    assert client.get("/account").status_code == 200 and thief.get("/account").status_code == 302
    said = db.session.execute(select(Audit.what, Audit.subject).order_by(Audit.id.desc())).first()
    assert said == ("second_factor.set_up", alice.public_id)


def test_the_picture_holds_the_key_and_nothing_in_line(client, clinic):
    factories.sign_in(client, clinic)
    html = page(client, SET_UP)
    assert 'src="data:image/svg+xml' in html and "<svg" not in html.partition("<main")[2]
    assert re.search(r'href="otpauth://totp/Elm%20Clinic:alice%40elm.example\?secret=[A-Z2-7]{32}&amp;issuer=', html)


def test_new_recovery_codes_need_both_factors_and_void_the_old(client, dana, shows, clock):
    sign_in(client, dana, shows())
    clock.let_pass(30)
    typed = {"code": shows(), "present": factories.PASSWORD}
    for changed in ({"code": "123456"}, {"present": "wrong"}):
        assert send(client, f"{SET_UP}/codes", {**typed, **changed}, opened=SET_UP).status_code == 422
    clock.let_pass(30)
    answer = send(client, f"{SET_UP}/codes", {**typed, "code": shows()}, opened=SET_UP)
    assert len(printed(answer)) == 10
    send(client, "/sign-out", {}, opened="/account")
    assert sign_in(client, dana, factories.RECOVERY[0]).status_code == 422
    assert send(client, "/sign-in/code", {"code": printed(answer)[9]}).status_code == 303


def test_ones_own_is_taken_away_with_both_factors_and_the_other_sessions_end(app, client, dana, shows):
    sign_in(client, dana, shows())
    thief = app.test_client()
    thief.set_cookie("session", client.get_cookie("session").value)
    form = {"code": factories.RECOVERY[0], "present": factories.PASSWORD}
    assert send(client, f"{SET_UP}/off", {**form, "present": "no"}, opened=SET_UP).status_code == 422
    assert send(client, f"{SET_UP}/off", form, opened=SET_UP).location == "/account"
    assert thief.get("/account").status_code == 302 and "Set up a second factor" in page(client, "/account")
    assert try_to_sign_in(app.test_client(), dana.email, factories.PASSWORD).location == "/"


def test_a_new_password_still_asks_for_the_code(client, dana, shows):
    sign_in(client, dana, shows())
    send(client, "/account", {"present": factories.PASSWORD, "new": NEW, "again": NEW})
    send(client, "/sign-out", {}, opened="/account")
    assert try_to_sign_in(client, dana.email, NEW).location == "/sign-in/code"


@pytest.mark.parametrize(
    ("role", "needed"), [("administrator", True), ("manager", True), ("reception", False), ("auditor", False)]
)
def test_on_a_live_site_those_who_change_accounts_set_one_up_before_anything_else(
    app, client, go_live, clock, role, needed
):
    clinic, filled = a_full_clinic()
    go_live()
    eve = factories.a_staff(clinic, "Eve", role)
    answer = try_to_sign_in(client, eve.email, factories.PASSWORD)
    assert answer.location == (SET_UP if needed else "/")
    if not needed:
        return
    for endpoint, _, url in every(app, filled):
        if endpoint in access.STAFF - access.BEFORE_SECOND_FACTOR:
            assert client.get(url).location == SET_UP, url
    assert "nothing else is open before" in page(client, SET_UP) and "<nav" not in page(client, SET_UP)
    done, _ = set_up(client, clock)
    assert len(printed(done)) == 10 and page(client, "/settings" if role != "auditor" else "/")


def test_whoever_has_to_set_one_up_can_sign_out_instead(client, clinic, go_live):
    go_live()
    eve = factories.a_staff(clinic, "Eve", "manager")
    try_to_sign_in(client, eve.email, factories.PASSWORD)
    assert send(client, "/sign-out", {}, opened=SET_UP).location == "/sign-in"


def test_a_form_that_was_open_when_the_site_went_live_comes_back_afterwards(client, clinic, go_live, clock):
    factories.sign_in(client, clinic, role="manager", name="Eve")
    form = {"csrf_token": token(page(client, "/patients/new")), "first_name": "Zoë", "last_name": "Novak"}
    go_live()
    assert client.post("/patients/new", data=form).location == SET_UP
    assert "What you typed is kept" in page(client, SET_UP)
    done, _ = set_up(client, clock)
    onward = re.search(r'href="(/forms/kept/[^"]+)"', done.text)[1]
    assert 'value="Zoë"' in page(client, onward)


def test_on_one_machine_nobody_is_asked_for_a_second_factor(client, clinic):
    boss = factories.a_staff(clinic, "Dana", "administrator")
    assert try_to_sign_in(client, boss.email, factories.PASSWORD).location == "/"
    assert page(client, "/settings/staff")


@pytest.fixture
def boss(app, clinic):
    """Dana, another administrator, signed in."""
    browser = app.test_client()
    factories.sign_in(browser, clinic, role="administrator", name="Dana")
    return browser


def test_an_administrator_takes_a_colleagues_away_and_the_colleague_is_told(boss, client, dana, shows, clock, caplog):
    sign_in(client, dana, shows())
    where = f"/settings/staff/{dana.public_id}"
    assert "second factor" in page(boss, "/settings/staff") and "A lost phone" in page(boss, where)
    assert send(boss, f"{where}/factor/off", {}, opened=where).status_code == 303
    assert client.get("/account").location.startswith("/sign-in"), "signed out everywhere"
    said = db.session.execute(select(Audit.what, Audit.actor, Audit.subject).order_by(Audit.id.desc())).first()
    assert said == ("second_factor.taken", "staff:Dana", dana.public_id)
    assert f"the second factor of {dana.public_id} was taken away, by staff" in caplog.text
    for _ in range(2):
        assert try_to_sign_in(client, dana.email, factories.PASSWORD).location == "/"
        assert "Dana took your second factor away" in page(client, "/")
        send(client, "/sign-out", {}, opened="/account")
    clock.let_pass(14 * 24 * 3600)
    assert try_to_sign_in(client, dana.email, factories.PASSWORD).location == "/"
    assert "took your second factor" not in page(client, "/")
    assert send(boss, f"{where}/factor/off", {}, opened="/sign-in").status_code in {303, 400}


def test_a_manager_takes_nobodys_away_and_nobody_their_own_this_way(app, client, clinic, boss):
    alice, mara = factories.a_staff(clinic), app.test_client()
    factories.sign_in(mara, clinic, role="manager", name="Mara")
    factories.a_second_factor(alice)
    mine = db.session.scalars(select(Staff).where(Staff.name == "Dana")).one()
    factories.a_second_factor(mine)
    where = f"/settings/staff/{alice.public_id}"
    assert "A lost phone" not in page(mara, where)
    assert send(mara, f"{where}/factor/off", {}, opened=where).status_code == 403
    send(boss, f"/settings/staff/{mine.public_id}/factor/off", {}, opened="/account")
    db.session.rollback()
    assert len(db.session.scalars(select(SecondFactor)).all()) == 2


def test_the_operator_takes_it_away_from_the_last_administrator(app, client, dana, shows):
    run = app.test_cli_runner().invoke
    assert "password alone" in run(args=["staff", "no-second-factor", dana.email]).output
    assert try_to_sign_in(client, dana.email, factories.PASSWORD).location == "/"
    assert "An operator took your second factor away" in page(client, "/")
    assert "has no second factor" in run(args=["staff", "no-second-factor", dana.email]).output


def test_the_log_of_a_set_up_holds_no_secret(client, clinic, clock, caplog):
    caplog.set_level(logging.DEBUG)
    factories.sign_in_by_form(client, clinic)
    answer, secret = set_up(client, clock)
    assert not [word for word in (secret, secret.replace(" ", ""), *printed(answer)) if word in caplog.text]


def test_a_password_that_a_manager_set_still_asks_for_the_code(client, boss, dana, shows):
    where = f"/settings/staff/{dana.public_id}"
    assert send(boss, f"{where}/password", {"password": NEW}, opened=where).status_code == 303
    assert try_to_sign_in(client, dana.email, NEW).location == "/sign-in/code"


def test_a_form_whose_session_had_ended_comes_back_after_the_code(client, dana, shows, clock):
    sign_in(client, dana, shows())
    form = {"csrf_token": token(page(client, "/patients/new")), "first_name": "Zoë", "last_name": "Novak"}
    clock.let_pass(13 * 3600)
    assert client.post("/patients/new", data=form).location == "/sign-in"
    kept = sign_in(client, dana, shows()).location
    assert kept.startswith("/forms/kept/") and 'value="Zoë"' in page(client, kept)
