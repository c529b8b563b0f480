"""Which version of the tables the database has, and which one this version of the site works with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.config import ROOT
from reminder_site.db import db

MIGRATIONS = ROOT / "migrations"
UPGRADE = "flask --app wsgi db upgrade"
Standing = Literal["right", "empty", "older", "newer", "silent"]


@dataclass(frozen=True)
class Schema:
    """The version found (empty: none) and the version wanted; `standing` says how they compare."""

    found: str
    wanted: str
    standing: Standing

    @property
    def words(self) -> str:
        """What is the matter and what to do, in one line; empty when nothing is."""
        beside = f"(its tables are of version {self.found}, this site works with {self.wanted})"
        return {
            "right": "",
            "silent": "",
            "empty": f"the database is empty: run {UPGRADE}",
            "older": f"the database is older than this site {beside}: make a backup, then run {UPGRADE}",
            "newer": f"the database is newer than this site {beside}: run the site that upgraded it, "
            "or restore a backup from before",
        }[self.standing]


def schema() -> Schema:
    """Compare the tables' version with the site's; "silent" when the database does not answer."""
    wanted = (MIGRATIONS / ".head").read_text().strip()
    try:
        found = _found()
    except SQLAlchemyError:
        db.session.rollback()
        return Schema("", wanted, "silent")
    return Schema(found, wanted, _standing(found, wanted, _known()))


def _found() -> str:
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _known() -> set[str]:
    return {Path(file).name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("*_*.py")}


def _standing(found: str, wanted: str, known: set[str]) -> Standing:
    if not found:
        return "empty"
    if found == wanted:
        return "right"
    return "older" if found in known else "newer"
