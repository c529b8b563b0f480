"""Senders pause; a text says how often it was tried again; those that a person has to tell are found by their mark."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
MISSED = sa.text("waits_for = 'missed'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sender_pause",
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("by_receipt", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("probe_at", moment, nullable=False),
        sa.Column("probe_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_sender_pause")),
    )
    op.add_column("message", sa.Column("tried_again", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("message", sa.Column("written_anew", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_message_missed", "message", ["clinic_id"], sqlite_where=MISSED, postgresql_where=MISSED)


def downgrade() -> None:
    op.drop_index("ix_message_missed", table_name="message")
    op.drop_column("message", "written_anew")
    op.drop_column("message", "tried_again")
    op.drop_table("sender_pause")
