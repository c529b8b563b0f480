"""What protects every page: the session, the cookie, the headers, the host, the way back after signing in."""

from datetime import timedelta

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import select

from reminder_site.app import create_app
from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.models import Staff, StaffSession
from reminder_site.queries.accounts import token_hash
from reminder_site.web.redirects import safe_next
from tests import conftest, factories
from tests.web.desk import page, send, token
from tests.web.routes import a_full_clinic, every

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def cookie(client):
    return client.get_cookie("session").value


def copy_of(app, client):
    """A thief's browser with the same cookie."""
    thief = app.test_client()
    thief.set_cookie("session", cookie(client))
    return thief


def test_a_copied_cookie_opens_nothing_after_sign_out(app, client, clinic):
    factories.sign_in_by_form(client, clinic)
    thief = copy_of(app, client)
    assert thief.get("/account").status_code == 200
    send(client, "/sign-out", {}, opened="/account")
    assert thief.get("/account").location.startswith("/sign-in")


def test_switching_an_account_off_ends_its_sessions(app, client, clinic):
    staff = factories.sign_in_by_form(client, clinic)
    boss = app.test_client()
    factories.sign_in(boss, clinic, role="administrator", name="Dana")
    send(boss, f"/settings/staff/{staff.public_id}/off", {}, opened="/settings/staff")
    assert client.get("/account").location.startswith("/sign-in")


def test_a_new_password_ends_every_other_session(app, client, clinic):
    factories.sign_in_by_form(client, clinic)
    thief = copy_of(app, client)
    new = "violin lagoon stapler moss"
    send(client, "/account", {"present": factories.PASSWORD, "new": new, "again": new})
    assert client.get("/account").status_code == 200
    assert thief.get("/account").location.startswith("/sign-in")


def test_signing_in_starts_a_new_session(app, client, clinic):
    factories.a_staff(clinic, "Olga")
    client.get("/sign-in")
    planted = cookie(client)
    factories.sign_in_by_form(client, clinic)
    attacker = app.test_client()
    attacker.set_cookie("session", planted)
    assert attacker.get("/account").location.startswith("/sign-in")
    assert cookie(client) != planted


def test_a_second_sign_in_gets_a_token_of_its_own(app, client, clinic):
    staff = factories.sign_in_by_form(client, clinic)
    form = {"email": staff.email, "password": factories.PASSWORD}
    send(app.test_client(), "/sign-in", form)
    hashes = db.session.scalars(select(StaffSession.token_hash)).all()
    assert len(set(hashes)) == len(hashes) == 2


def test_the_database_holds_no_token_that_could_be_used(app, client, clinic):
    factories.sign_in_by_form(client, clinic)
    with client.session_transaction() as session:
        held = session["_user_id"]
    row = db.session.scalars(select(StaffSession)).one()
    assert len(held) >= 43 and row.token_hash == token_hash(held) != held


def test_a_session_ends_after_twelve_hours(client, clinic, clock):
    factories.sign_in_by_form(client, clinic)
    clock.machine += timedelta(hours=11, minutes=59)
    assert client.get("/account").status_code == 200
    clock.machine += timedelta(minutes=2)
    assert client.get("/account").location.startswith("/sign-in")


def test_a_jump_of_the_sandboxs_clock_signs_nobody_out(client, clinic, clock):
    factories.sign_in_by_form(client, clinic)
    clock.forward(days=35)
    assert client.get("/account").status_code == 200


def test_a_session_that_rests_too_long_is_over(client, clinic, monkeypatch):
    factories.sign_in_by_form(client, clinic)
    real = TimestampSigner.get_timestamp
    rested = settings().session_idle_minutes * 60
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: real(signer) + rested - 5)
    assert client.get("/account").status_code == 200
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: real(signer) + 2 * rested + 5)
    assert client.get("/account").location.startswith("/sign-in")


def test_the_session_of_somebody_who_works_lives_on_with_every_page(client, clinic):
    factories.sign_in_by_form(client, clinic)
    with client.session_transaction() as cookie:
        assert cookie.permanent
    told = client.get("/account").headers["Set-Cookie"]
    assert "Expires=" in told


def test_a_page_that_renews_itself_does_not_keep_the_session_alive(client, clinic):
    factories.sign_in_by_form(client, clinic)
    assert "Set-Cookie" in client.get("/account").headers
    assert "Set-Cookie" not in client.get("/account", headers={"X-Quiet-Refresh": clinic.public_id}).headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client, clinic):
    factories.a_staff(clinic)
    told = client.get("/sign-in").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in told.split(";")}
    assert "Domain" not in told


def test_over_https_the_cookie_is_bound_to_the_host_and_the_browser_told_to_stay(tmp_path, sandbox):
    url = f"sqlite:///{tmp_path}/site.db"
    known = conftest.test_settings(url, f"sqlite:///{tmp_path}/queue.db", sandbox.url)
    app = create_app(type(known)(**{**vars(known), "public_base_url": "https://elm.example"}))
    with app.app_context():
        conftest._migrate()
        factories.a_staff(factories.a_clinic(), "Eve")  # the demo's people are shut out here
        answer = app.test_client().get("/sign-in", base_url="https://elm.example")
        db.session.remove()
        db.engine.dispose()
    app.extensions["alarms"].close()
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_every_answer_carries_the_headers(app, client):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator")
    for _, method, url in [*every(app, filled, methods={"GET", "POST"}), ("", "GET", "/nowhere"), ("", "PUT", "/")]:
        if url == "/sign-out":
            continue
        headers = client.open(url, method=method).headers
        assert COMMON.items() <= dict(headers).items(), url
        assert "no-store" in headers["Cache-Control"], url
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), url
        assert "unsafe" not in headers["Content-Security-Policy"], url
        assert "Server" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "elm.example:80", "127.0.0.2", "localhost@evil"]
)
def test_an_unknown_host_is_refused(client, clinic, host):
    factories.a_staff(clinic)
    assert client.get("/sign-in", headers={"Host": host}).status_code == 400
    assert host not in client.get("/sign-in", headers={"Host": host}).get_data(as_text=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "LOCALHOST:1"])
def test_our_own_host_is_known_with_any_port(client, clinic, host):
    factories.a_staff(clinic)
    assert client.get("/sign-in", headers={"Host": host}).status_code == 200


def test_a_forwarded_host_is_not_believed(client, clinic):
    factories.a_staff(clinic)
    answer = client.get("/account", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "10.0.0.1"})
    assert answer.location == "/sign-in?next=/account"


EVIL = [
    *(
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http://evil.example",
        "https:evil.example",
    ),
    *("javascript:alert(1)", "data:text/html,x", "/%0d%0aSet-Cookie:x\r\n", "/\r\nLocation: x", "/a\tb", "/a\x00b"),
    *(
        " //evil.example",
        "/ /evil.example",
        "/\x0b/evil.example",
        "evil.example",
        "@evil.example",
        "?next=//evil.example",
    ),
    *(
        "/..//evil.example",
        "/a//evil.example",
        "/\u2028/evil.example",
        "/\u200b/evil",
        "ftp://evil",
        "mailto:x@y",
        "",
        None,
    ),
    *(
        "/\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "//evil.example/%2f..",
        "//[::1]/",
    ),
]


@pytest.mark.parametrize("wanted", EVIL)
def test_nobody_is_led_away_after_signing_in(wanted):
    assert safe_next(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/day/2026-11-20", "/settings/rules", "/patients"])
def test_the_way_back_after_signing_in_is_kept(wanted):
    assert safe_next(wanted) == wanted
    assert safe_next(wanted + "?q=Carol") == wanted


def test_signing_in_leads_back_to_the_page_that_was_wanted(client, clinic):
    staff = factories.a_staff(clinic)
    door = client.get("/day/2026-11-20?q=Carol").location
    assert "Carol" not in door
    form = {"email": staff.email, "password": factories.PASSWORD, "next": "/day/2026-11-20"}
    assert send(client, "/sign-in", form, opened=door).location == "/day/2026-11-20"
    assert 'value="/day/2026-11-20"' in page(client.application.test_client(), door)


def test_an_expired_form_shows_what_was_typed_but_no_password(client, clinic):
    factories.sign_in(client, clinic)
    answer = client.post("/account", data={"note": "<b>call Carol</b>", "new": "violin lagoon stapler moss"})
    told = answer.get_data(as_text=True)
    assert answer.status_code == 400 and "This form had expired" in told
    assert "&lt;b&gt;call Carol&lt;/b&gt;" in told and "violin" not in told


@pytest.mark.parametrize("field", ["password", "present", "new", "again", "c-1-password"])
def test_an_expired_form_shows_nothing_of_a_password_whatever_its_field_is_called(client, clinic, field):
    factories.sign_in(client, clinic)
    answer = client.post("/account", data={field: "violin lagoon stapler moss", "note": "kept"})
    assert answer.status_code == 400 and "kept" in answer.text and "violin" not in answer.text


def test_a_sign_in_page_left_open_overnight_can_still_be_used(app, clinic):
    staff = factories.a_staff(clinic)
    later = app.test_client()
    form = {"csrf_token": "of yesterday", "email": staff.email, "password": factories.PASSWORD}
    told = later.post("/sign-in", data=form)
    html = told.get_data(as_text=True)
    assert told.status_code == 422 and "open for too long" in html and staff.email in html
    assert later.post("/sign-in", data={**form, "csrf_token": token(html)}).status_code == 303


def test_a_mishap_is_a_page_with_a_reference_and_logs_no_address(client, clinic, app, caplog):
    factories.sign_in(client, clinic)
    app.testing = False
    view, app.view_functions["settings.overview"] = app.view_functions["settings.overview"], lambda: 1 / 0
    try:
        answer = client.get("/settings?q=Carol")
    finally:
        app.view_functions["settings.overview"], app.testing = view, True
    assert answer.status_code == 500 and "Something went wrong on our side" in answer.get_data(as_text=True)
    assert "settings.overview" in caplog.text and "Carol" not in caplog.text
    assert caplog.text.split("reference ")[1][:8] in answer.get_data(as_text=True)


def test_an_account_without_clinics_opens_nothing(client, clinic):
    staff = factories.sign_in(client, clinic)
    db.session.rollback()
    with factories.transaction() as session:
        session.execute(factories.StaffClinic.__table__.delete().where(factories.StaffClinic.staff_id == staff.id))
    assert client.get("/account").location.startswith("/sign-in")
    assert db.session.get(Staff, staff.id).active


def test_an_account_switched_off_in_the_database_opens_nothing(client, clinic):
    staff = factories.sign_in(client, clinic)
    with factories.transaction() as session:
        session.get_one(Staff, staff.id).active = False
    assert client.get("/account").location.startswith("/sign-in")


def test_a_form_token_from_before_signing_in_is_worth_nothing_after(client, clinic):
    factories.a_staff(clinic, "Olga")
    planted = token(page(client, "/sign-in"))
    factories.sign_in(client, clinic)
    assert client.post("/sign-out", data={"csrf_token": planted}).status_code == 400
