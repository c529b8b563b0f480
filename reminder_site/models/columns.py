"""Column shapes that several tables share."""

import secrets

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column


def new_public_id() -> str:
    """Make the random id that stands in URLs (96 bits, 16 characters)."""
    return secrets.token_urlsafe(12)


def public_id() -> Mapped[str]:
    """Declare the random id that stands in URLs."""
    return mapped_column(String(16), unique=True, default=new_public_id)


def clinic_key() -> Mapped[int]:
    """Declare the clinic that owns the row; every query is scoped by it."""
    return mapped_column(ForeignKey("clinic.id"), index=True)
