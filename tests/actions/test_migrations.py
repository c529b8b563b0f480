"""Migrations lead from nothing to today's tables and back again, on both databases."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from reminder_site.db import Base, db, migration_connection, transaction
from reminder_site.domain.wording import DEFAULT_TEMPLATES, WITHOUT_LINK
from reminder_site.models import Template
from reminder_site.queries.settings import templates
from tests import factories

ROOT = Path(__file__).parents[2]


def differences():
    with migration_connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)


def test_they_lead_to_todays_tables_and_back_to_nothing(app):
    assert differences() == []
    db.session.remove()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade(revision="head")
    assert differences() == []


def test_the_newest_one_is_named_so_that_branches_collide():
    newest = max(path.name for path in (ROOT / "migrations" / "versions").glob("0*.py"))
    assert (ROOT / "migrations" / ".head").read_text().strip() == newest[:4]


def test_clinics_that_used_the_sites_wording_keep_it_when_the_texts_take_the_link_in(app):
    mine = "{{clinic}}: {{day}} {{time}}. Reply 1"
    own, none = (factories.a_clinic(name).id for name in ("Elm Clinic", "Oak Clinic"))
    with transaction() as session:
        session.add(Template(clinic_id=own, kind="moved", body=mine, updated_at=factories.MONDAY))
    db.session.remove()
    downgrade(revision="0011-1")
    upgrade(revision="head")
    kept = {clinic: {kind: text.body for kind, text in templates(clinic).items()} for clinic in (own, none)}
    assert kept[own] == DEFAULT_TEMPLATES | WITHOUT_LINK | {"moved": mine}
    assert kept[none] == DEFAULT_TEMPLATES | WITHOUT_LINK
