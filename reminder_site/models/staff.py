"""People who sign in, their clinics, their sessions, and what guards the sign-in page."""

import pendulum
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.models.columns import public_id


class Staff(Base):
    """One member of staff; `role` is reception, manager, auditor or administrator."""

    __tablename__ = "staff"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=1)
    factor_taken_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)  # the second factor, by somebody else
    factor_taken_by: Mapped[str] = mapped_column(String(80), default="", server_default="")


class StaffClinic(Base):
    """Which clinics a member of staff works for."""

    __tablename__ = "staff_clinic"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), primary_key=True, index=True)


class StaffSession(Base):
    """One signed-in browser; the cookie's token is kept only as its SHA-256.

    While it awaits the code of a second factor it opens nothing.
    """

    __tablename__ = "staff_session"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    expires_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    ended_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    awaits_code: Mapped[bool] = mapped_column(default=False, server_default=false())


class SecondFactor(Base):
    """Somebody's authenticator app: its secret, encrypted, and the last time step whose code was used."""

    __tablename__ = "second_factor"
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    sealed_secret: Mapped[str] = mapped_column(String(255))
    last_step: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)


class RecoveryCode(Base):
    """One code that stands in for the authenticator app once; kept as a password is."""

    __tablename__ = "recovery_code"
    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(255))
    used_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class SignInTry(Base):
    """One attempt to sign in; e-mail, address and device (empty: not known) are kept only as keyed hashes."""

    __tablename__ = "sign_in_try"
    __table_args__ = (
        Index("ix_sign_in_try_account", "account_hash", "tried_at"),
        Index("ix_sign_in_try_address", "address_hash", "tried_at"),
        Index("ix_sign_in_try_tried_at", "tried_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    account_hash: Mapped[str] = mapped_column(String(64))
    address_hash: Mapped[str] = mapped_column(String(64))
    device_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    tried_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    succeeded: Mapped[bool] = mapped_column()


class SignInLink(Base):
    """A link that makes one more browser known for an account, once; only its token's SHA-256 is kept."""

    __tablename__ = "sign_in_link"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    used_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class Invitation(Base):
    """Somebody who may join clinics (their public ids), whether or not the address has an account on this site.

    The first password opens it only where there is no account; kept as a password is.
    """

    __tablename__ = "invitation"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    email: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    clinics: Mapped[list[str]] = mapped_column(JSON)
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    made_by: Mapped[str] = mapped_column(String(80))


class Passkey(Base):
    """A passkey (WebAuthn) by which somebody signs in; its private key never leaves the device."""

    __tablename__ = "passkey"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[str] = mapped_column(String(1000))
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    used_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class PasskeyChallenge(Base):
    """A challenge that was answered: nobody's answer counts twice. Kept for as long as one can be answered."""

    __tablename__ = "passkey_challenge"
    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[pendulum.DateTime] = mapped_column(Moment)


class SetUpCode(Base):
    """The one code that makes the first administrator of a live site; gone once it was used."""

    __tablename__ = "set_up_code"
    id: Mapped[int] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    guesses: Mapped[int] = mapped_column(default=0)


class FormNonce(Base):
    """A form already taken (kept 24 h): sent again it leads to what the first one made, unless it says something else.

    `content_hash` is the keyed hash of what it said; empty for forms taken before this was kept.
    """

    __tablename__ = "form_nonce"
    __table_args__ = (UniqueConstraint("staff_id", "nonce"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    nonce: Mapped[str] = mapped_column(String(43))
    made: Mapped[str] = mapped_column(String(64))
    content_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    taken_at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)


class KeptForm(Base):
    """A form that was sent but not saved (its session had ended, or another clinic was open), kept for an hour.

    Only whoever sent it sees it again. `fields` are [name, value] pairs as they came, without passwords and tokens;
    `offered_at` says when it was shown of itself after signing in.
    """

    __tablename__ = "kept_form"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    path: Mapped[str] = mapped_column(String(200))
    fields: Mapped[list[list[str]]] = mapped_column(JSON)
    kept_at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)
    offered_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
