"""Texts that nobody wants any more are found by when they were to leave; a closed day says since when it is closed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index(
        "ix_message_unwanted",
        "message",
        ["send_at"],
        sqlite_where=sa.text("NOT wanted"),
        postgresql_where=sa.text("NOT wanted"),
    )
    op.add_column("closed_day", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("closed_day", "closed_at")
    op.drop_index("ix_message_unwanted", table_name="message")
