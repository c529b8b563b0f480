"""A code of the second factor: good once, in its own half-minute, five tries in a quarter of an hour by a device."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import accounts, second_factor, sign_in_tries, staff
from reminder_site.actions.factor_codes import WrongCode
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.models import Audit, RecoveryCode, SecondFactor, SignInTry, StaffSession
from reminder_site.queries.accounts import signed_in
from tests import factories

NEW_KEY = "another-secret-of-more-than-thirty-two-bytes-0123"


@pytest.fixture
def dana(clinic):
    return factories.a_staff(clinic, "Dana", "administrator")


@pytest.fixture
def shows(dana):
    """What Dana's app shows at a moment."""
    return factories.a_second_factor(dana)


@pytest.fixture
def waiting(dana, now):
    """Type Dana's password, as often as one likes; returns the token that waits for its code."""

    def typed():
        with transaction() as session:
            return accounts.open_session(session, dana.id, None, now, awaits_code=True)

    return typed


def passed(token, code, now, device="at the desk"):
    try:
        return second_factor.pass_code(token=token, code=code, device=device, now=now)
    except (WrongCode, second_factor.NotAwaited, sign_in_tries.TooManyTries) as refused:
        return type(refused)


def test_the_right_password_opens_nothing_before_the_code(dana, shows, now):
    given = {"email": dana.email, "password": factories.PASSWORD, "address": "10.0.0.1", "now": now}
    opened = accounts.sign_in(**given)
    assert opened.awaits_code and signed_in(opened.token, now=now) is None
    token = passed(opened.token, shows(now), now)
    assert signed_in(token, now=now).staff.id == dana.id and signed_in(opened.token, now=now) is None
    assert passed(opened.token, shows(now.add(seconds=30)), now) is second_factor.NotAwaited


def test_a_code_that_was_used_is_refused_a_hundred_times(waiting, shows, now):
    assert signed_in(passed(waiting(), shows(now), now), now=now)
    token = waiting()
    again = [passed(token, shows(now), now, f"device {number}") for number in range(100)]
    assert again == [WrongCode] * 100


def test_a_code_from_before_the_one_that_was_used_is_refused_too(waiting, shows, now):
    later = now.add(seconds=30)
    assert signed_in(passed(waiting(), shows(later), now), now=now)
    assert passed(waiting(), shows(now), now) is WrongCode
    assert signed_in(passed(waiting(), shows(later.add(seconds=30)), later), now=later)


@pytest.mark.parametrize(("seconds", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_is_good_for_one_step_before_and_after(waiting, shows, now, seconds, fits):
    assert (passed(waiting(), shows(now.add(seconds=seconds)), now) is not WrongCode) is fits


def at_once(app, tokens, code, now):
    def attempt(numbered):
        with app.app_context():
            said = passed(numbered[1], code, now, f"device {numbered[0]}")
            db.session.remove()
            return said

    with ThreadPoolExecutor(len(tokens)) as crowd:
        return list(crowd.map(attempt, enumerate(tokens)))


@pytest.mark.parametrize("same_browser", [True, False])
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_many_with_one_code_at_the_same_moment_one_gets_in(app, waiting, shows, now, kind, same_browser):
    tokens = [waiting()] * 8 if same_browser else [waiting() for _ in range(8)]
    said = at_once(app, tokens, shows(now) if kind == "app" else factories.RECOVERY[0], now)
    assert sum(isinstance(each, str) for each in said) == 1, said
    alive = select(func.count()).where(StaffSession.ended_at.is_(None), ~StaffSession.awaits_code)
    assert db.session.scalar(alive.select_from(StaffSession)) == 1


def test_a_recovery_code_is_good_once_however_it_is_typed(waiting, shows, now):
    assert signed_in(passed(waiting(), " abcde-23456 ", now), now=now)
    assert passed(waiting(), "ABCDE23456", now) is WrongCode
    assert signed_in(passed(waiting(), "VWXYZ-98765", now), now=now)
    facts = db.session.scalars(select(Audit.facts).where(Audit.what == "session.opened")).all()
    assert facts == [{"with": "recovery code"}] * 2


@pytest.mark.parametrize(
    "typed", ["", "000000", "12345", "1234567", "１２３４５６", "ABCDE-2345O", "'; --", "\x00" * 6, "9" * 40]
)
def test_what_is_no_code_of_hers_is_only_wrong(waiting, shows, now, typed):
    assert passed(waiting(), typed, now) is WrongCode


def test_the_sixth_wrong_code_in_a_quarter_of_an_hour_is_not_looked_at(waiting, shows, now):
    token = waiting()
    said = [passed(token, "000000", now) for _ in range(5)]
    assert said == [WrongCode] * 5
    with pytest.raises(sign_in_tries.TooManyTries) as refused:
        second_factor.pass_code(token=token, code=shows(now), device="at the desk", now=now)
    assert refused.value.wait_seconds == 15 * 60
    later = now.add(minutes=15, seconds=1)
    with transaction() as session:
        again = accounts.open_session(
            session, db.session.scalars(select(SecondFactor.staff_id)).one(), None, later, awaits_code=True
        )
    assert signed_in(passed(again, shows(later), later), now=later)


def test_whoever_knows_the_password_and_guesses_codes_locks_her_own_devices_out_of_nothing(waiting, shows, now):
    thief = waiting()
    said = [passed(thief, "000000", now, device="") for _ in range(40)]
    assert said == [WrongCode] * 5 + [sign_in_tries.TooManyTries] * 35
    assert signed_in(passed(waiting(), shows(now), now), now=now)


def test_after_a_hundred_wrong_codes_in_a_row_unknown_devices_need_a_link(dana, waiting, shows, now):
    marks = {"account_hash": sign_in_tries.keyed_code(dana.email), "address_hash": "", "succeeded": False}
    with transaction() as session:
        session.add_all(SignInTry(**marks, device_hash="", tried_at=now.subtract(hours=1)) for _ in range(100))
    with pytest.raises(sign_in_tries.NeedsLink):
        second_factor.pass_code(token=waiting(), code=shows(now), device="", now=now)
    assert signed_in(passed(waiting(), shows(now), now), now=now)


def test_tries_at_the_same_moment_do_not_slip_past_the_limit(app, waiting, shows, now):
    token = waiting()

    def attempt(_):
        with app.app_context():
            said = passed(token, "000000", now)
            db.session.remove()
            return said

    with ThreadPoolExecutor(8) as crowd:
        said = list(crowd.map(attempt, range(20)))
    assert said.count(WrongCode) == 5 and said.count(sign_in_tries.TooManyTries) == 15


def test_a_sign_in_waits_ten_minutes_for_its_code(waiting, shows, now):
    token, later = waiting(), now.add(minutes=10)
    assert passed(token, shows(later), later) is second_factor.NotAwaited


@pytest.mark.parametrize("change", ["password", "off", "factor"])
def test_a_change_of_the_account_ends_what_waits_for_a_code(dana, waiting, shows, now, change):
    token, of_hers = waiting(), {"staff": dana.public_id, "by": OPERATOR, "now": now}
    if change == "password":
        staff.set_password(password="violin lagoon stapler moss", **of_hers)
    elif change == "off":
        staff.switch_staff(on=False, **of_hers)
    else:
        staff.take_factor(**of_hers)
    assert passed(token, shows(now), now) is second_factor.NotAwaited


def test_nothing_that_is_kept_shows_the_secret_or_a_code(dana, now):
    by, secret = Actor("staff", "Dana", dana.id), factories.APP_SECRET
    code = second_factor.pyotp.TOTP(secret).at(int(now.timestamp()))
    given = {"staff_id": dana.id, "secret": secret, "present": factories.PASSWORD, "code": code, "by": by, "now": now}
    token, codes = second_factor.set_up(**given)
    assert signed_in(token, now=now) and len(set(codes)) == 10
    factor = db.session.scalars(select(SecondFactor)).one()
    hashes = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert secret not in factor.sealed_secret and all(hashed.startswith("$argon2id$") for hashed in hashes)
    assert not [code for code in codes if code in "".join(hashes)]
    assert not [said for said in db.session.scalars(select(Audit.facts)) if said]


def with_keys(app, monkeypatch, **keys):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], **keys))


def test_codes_go_on_fitting_while_the_key_before_is_kept_and_are_then_sealed_with_the_new_one(
    app, waiting, shows, now, monkeypatch
):
    old = app.extensions["settings"].secret_key
    with_keys(app, monkeypatch, secret_key=NEW_KEY, secret_key_previous=old)
    assert signed_in(passed(waiting(), shows(now), now), now=now)
    with_keys(app, monkeypatch, secret_key=NEW_KEY, secret_key_previous="")
    later = now.add(seconds=30)
    assert signed_in(passed(waiting(), shows(later), later), now=later)


def test_before_the_key_goes_a_worker_has_sealed_anew_what_nobody_used_meanwhile(
    app, clinic, waiting, shows, now, worker, monkeypatch
):
    factories.a_second_factor(factories.a_staff(clinic, "Bob"))
    old = app.extensions["settings"].secret_key
    with_keys(app, monkeypatch, secret_key=NEW_KEY, secret_key_previous=old)
    before = db.session.scalars(select(SecondFactor.sealed_secret)).all()
    worker.settle()
    db.session.rollback()
    assert not set(before) & set(db.session.scalars(select(SecondFactor.sealed_secret)))
    assert second_factor.seal_anew(now=now) == 0
    with_keys(app, monkeypatch, secret_key=NEW_KEY, secret_key_previous="")
    assert signed_in(passed(waiting(), shows(now), now), now=now) and second_factor.seal_anew(now=now) == 0
    with_keys(app, monkeypatch, secret_key=old[::-1])
    assert second_factor.seal_anew(now=now) == 0


def test_once_the_key_is_lost_only_recovery_codes_fit_and_the_operator_is_told(
    app, waiting, shows, now, monkeypatch, caplog
):
    with_keys(app, monkeypatch, secret_key=NEW_KEY)
    assert passed(waiting(), shows(now), now) is WrongCode
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told and "SECRET_KEY" in told[0]
    assert signed_in(passed(waiting(), factories.RECOVERY[0], now), now=now)


def test_a_secret_that_was_changed_in_the_database_fits_nothing(dana, waiting, shows, now):
    with transaction() as session:
        session.execute(update(SecondFactor).values(sealed_secret="gAAAAA" + "x" * 100))
    assert passed(waiting(), shows(now), now) is WrongCode


def test_a_draft_is_good_for_an_hour_and_for_whoever_it_was_made_for(dana, now):
    draft = second_factor.draft(staff=dana.public_id, now=now)
    given = {"staff": dana.public_id, "sealed": draft.sealed, "now": now.add(minutes=60)}
    assert second_factor.drafted(**given) == draft and draft.secret not in draft.sealed
    for changed in ({"staff": "x"}, {"sealed": draft.sealed[:-4] + "AAAA"}, {"now": now.add(minutes=60, seconds=1)}):
        with pytest.raises(second_factor.OldPage):
            second_factor.drafted(**{**given, **changed})
