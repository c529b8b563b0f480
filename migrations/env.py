"""Runs migrations on the application's own engine; writes through the same locks as the site."""

from alembic import context
from flask import current_app

from reminder_site import models  # noqa: F401 - the tables must be known
from reminder_site.db import Base, Moment, migration_connection


def plain_types(kind: str, item: object, autogen_context: object) -> str | bool:
    """Write our own column type as the plain one below it: migrations import nothing of the site."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


if context.is_offline_mode():
    context.configure(
        url=current_app.config["SQLALCHEMY_DATABASE_URI"], target_metadata=Base.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    with migration_connection() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            render_as_batch=True,
            render_item=plain_types,
        )
        with context.begin_transaction():
            context.run_migrations()
