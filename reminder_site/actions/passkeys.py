"""Passkeys (WebAuthn Level 2): made on one's own account, used to sign in, removed.

Each answer counts once, and only with user verification: it then stands for both factors.
"""

import hashlib
import json
import logging
import secrets
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import pendulum
import webauthn
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from reminder_site.actions import accounts, audit, factor_codes, sealing
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import passkeys as rules
from reminder_site.domain.actor import Actor
from reminder_site.models import Passkey, PasskeyChallenge, SecondFactor, Staff
from reminder_site.queries import passkeys as found

log = logging.getLogger("reminder_site.security")
PURPOSE = "passkey"
ANYBODY = "-"
# What a malformed answer makes the library, or the decoders below it, raise.
UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


class NotPossible(Exception):
    """Browsers make no passkeys for the site's address."""


class BadAnswer(Exception):
    """What the browser answered is not right, too old, was used before, or belongs to no account here."""


class TooManyPasskeys(Exception):
    """The account has as many as it may."""


@dataclass(frozen=True)
class Offer:
    """What the browser is asked (JSON), and the challenge in it sealed, as the form carries it."""

    options: str
    sealed: str


class Proved(NamedTuple):
    """An answer that is right: what is to be used up with it, by the tries that were written down."""

    proof: factor_codes.Proof | None
    tries: tuple[int, ...]


def party() -> rules.Party:
    """Return the site as passkeys know it; raises NotPossible."""
    site = _party()
    if site is None:
        raise NotPossible
    return site


def offer_new(*, staff_id: int, clinic: str, now: pendulum.DateTime) -> Offer:
    """Ask a browser for a new passkey of somebody; nothing is kept. Raises NotPossible."""
    staff, challenge = db.session.get_one(Staff, staff_id), secrets.token_bytes(32)
    options = webauthn.generate_registration_options(
        rp_id=party().host,
        rp_name=clinic,
        user_id=staff.public_id.encode(),
        user_name=staff.email,
        user_display_name=staff.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in found.credential_ids(staff_id)
        ],
    )
    return Offer(webauthn.options_to_json(options), _seal(staff.public_id, challenge, now))


def is_possible() -> bool:
    """Tell whether browsers make passkeys for the site's address."""
    return _party() is not None


def _party() -> rules.Party | None:
    url = urlsplit(settings().public_base_url)
    return rules.party(url.scheme, url.hostname or "", url.port)


def offer_sign_in(*, now: pendulum.DateTime) -> Offer | None:
    """Ask a browser to sign in with any passkey of the site; None while nobody has one. Nothing is kept."""
    if not (is_possible() and found.anybodys()):
        return None
    challenge = secrets.token_bytes(32)
    options = webauthn.generate_authentication_options(
        rp_id=party().host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Offer(webauthn.options_to_json(options), _seal(ANYBODY, challenge, now))


def add(
    *, staff_id: int, name: str, sealed: str, answer: str, present: str, code: str, by: Actor, now: pendulum.DateTime
) -> str:
    """Keep a new passkey, end all sessions and return the token of a fresh one; both factors are proved anew.

    Raises BadAnswer, WrongPassword, WrongCode, TooManyTries, NeedsLink, TooManyPasskeys.
    """
    whose = db.session.get_one(Staff, staff_id).public_id
    challenge, site = _challenge(whose, sealed, now), party()
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except UNREADABLE as error:
        log.warning("a new passkey was refused: %s", type(error).__name__)
        raise BadAnswer from error
    row = {
        "staff_id": staff_id,
        "credential_id": bytes_to_base64url(made.credential_id),
        "public_key": bytes_to_base64url(made.credential_public_key),
        "sign_count": made.sign_count,
        "name": name,
    }
    return _added(row, challenge, _proved_again(staff_id, present, code, now), by, now)


def remove(*, staff_id: int, passkey: str, present: str, code: str, by: Actor, now: pendulum.DateTime) -> str:
    """Remove one's own passkey, by its public id, end all sessions and return the token of a fresh one.

    Raises BadAnswer when there is none, WrongPassword, WrongCode, TooManyTries, NeedsLink.
    """
    return _removed(staff_id, passkey, _proved_again(staff_id, present, code, now), by, now)


def sign_in(*, sealed: str, answer: str, instead_of: str = "", now: pendulum.DateTime) -> tuple[str, str]:
    """Open a session of 12 h by a passkey's answer; return its token and the account's address. Raises BadAnswer."""
    challenge, site = _challenge(ANYBODY, sealed, now), party()
    kept = found.by_credential(_credential_id(answer))
    if kept is None:
        log.warning("a passkey of nobody here was refused")
        raise BadAnswer
    try:
        right = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(kept.public_key),
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
    except UNREADABLE as error:
        log.warning("a passkey's answer was refused: %s", type(error).__name__)
        raise BadAnswer from error
    return _opened(kept, right.new_sign_count, challenge, instead_of, now), kept.email


@retried
def forget(*, now: pendulum.DateTime) -> None:
    """Drop the answered challenges that are too old to be answered again."""
    old = PasskeyChallenge.used_at <= now.subtract(minutes=2 * rules.CHALLENGE_MINUTES)
    if db.session.scalar(select(PasskeyChallenge.id).where(old).limit(1)) is None:
        return
    with transaction() as session:
        session.execute(delete(PasskeyChallenge).where(old))


def _proved_again(staff_id: int, present: str, code: str, now: pendulum.DateTime) -> Proved:
    """Have somebody prove the password, and the second factor where there is one."""
    if db.session.get(SecondFactor, staff_id) is None:
        return Proved(None, (accounts.present_password(staff_id, present, now),))
    return Proved(*factor_codes.prove_again(staff_id, present, code, now))


def _seal(whose: str, challenge: bytes, now: pendulum.DateTime) -> str:
    return sealing.seal(PURPOSE, f"{whose} {bytes_to_base64url(challenge)}", now=now)


def _challenge(whose: str, sealed: str, now: pendulum.DateTime) -> bytes:
    try:
        said = sealing.unseal_fresh(PURPOSE, sealed, minutes=rules.CHALLENGE_MINUTES, now=now)
    except sealing.Unreadable as error:
        raise BadAnswer from error
    of, _, challenge = said.partition(" ")
    if of != whose:
        raise BadAnswer
    return base64url_to_bytes(challenge)


def _credential_id(answer: str) -> str:
    try:
        said = json.loads(answer)["id"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadAnswer from error
    return said if isinstance(said, str) and "\0" not in said and said.isascii() else ""


def _answered(session: Session, challenge: bytes, now: pendulum.DateTime) -> None:
    """Note that a challenge was answered; raises BadAnswer when it was before, also at the same moment."""
    hashed = hashlib.sha256(challenge).hexdigest()
    try:
        with session.begin_nested():
            session.add(PasskeyChallenge(challenge_hash=hashed, used_at=now))
    except IntegrityError as twice:
        log.warning("a passkey's answer was sent a second time, and refused")
        raise BadAnswer from twice


@retried
def _added(row: dict[str, object], challenge: bytes, proved: Proved, by: Actor, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = accounts.locked(session, int(str(row["staff_id"])))
        _answered(session, challenge, now)
        mine = select(func.count()).select_from(Passkey).where(Passkey.staff_id == staff.id)
        if (session.scalar(mine) or 0) >= rules.MOST:
            raise TooManyPasskeys
        try:
            with session.begin_nested():
                session.add(Passkey(**row, made_at=now))
        except IntegrityError as known:
            raise BadAnswer from known
        return _noted(session, staff, "passkey.added", proved, by, now)


@retried
def _removed(staff_id: int, passkey: str, proved: Proved, by: Actor, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = accounts.locked(session, staff_id)
        mine = delete(Passkey).where(Passkey.staff_id == staff_id, Passkey.public_id == passkey)
        if session.scalar(mine.returning(Passkey.id)) is None:
            raise BadAnswer
        return _noted(session, staff, "passkey.removed", proved, by, now)


def _noted(session: Session, staff: Staff, what: str, proved: Proved, by: Actor, now: pendulum.DateTime) -> str:
    if proved.proof is not None:
        factor_codes.use(session, staff.id, proved.proof, now)
    token = accounts.session_anew(session, staff.id, proved.tries, now)
    audit.record(session, actor=by, what=what, clinic_id=None, subject=staff.public_id, now=now)
    return token


@retried
def _opened(kept: found.Kept, count: int, challenge: bytes, instead_of: str, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = accounts.locked(session, kept.staff_id)
        _answered(session, challenge, now)
        used = update(Passkey).where(Passkey.id == kept.id).values(sign_count=count, used_at=now)
        if not staff.active or session.scalar(used.returning(Passkey.id)) is None:
            raise BadAnswer
        accounts.end_token(session, instead_of, now)
        accounts.note_opened(session, staff, {"with": "passkey"}, now)
        return accounts.open_session(session, staff.id, None, now)
