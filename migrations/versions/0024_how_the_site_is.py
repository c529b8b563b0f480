"""Workers that are seen, the last backup, refused webhooks, and the counts that /metrics tells."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
OPEN_1 = sa.text("needs_person IS 1 AND handled_at IS NULL")
OPEN_TRUE = sa.text("needs_person IS true AND handled_at IS NULL")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "worker_seen",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_seen")),
    )
    op.create_table(
        "write_probe",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_probe")),
    )
    op.create_table(
        "refused_webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("door", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_webhook")),
    )
    op.create_index("ix_refused_webhook_at", "refused_webhook", ["at"])
    op.create_table(
        "tally",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name=op.f("pk_tally")),
    )
    anew = sa.text("written_anew > 0")
    op.create_index("ix_message_written_anew", "message", ["created_at"], sqlite_where=anew, postgresql_where=anew)
    found = sa.text("found_at IS NOT NULL")
    op.create_index("ix_inbound_found", "inbound_message", ["found_at"], sqlite_where=found, postgresql_where=found)
    these = {"sqlite_where": OPEN_1, "postgresql_where": OPEN_TRUE}
    op.create_index("ix_inbound_open", "inbound_message", ["clinic_id", "received_at"], **these)
    op.add_column("heartbeat", sa.Column("backup_at", moment, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("heartbeat") as table:
        table.drop_column("backup_at")
    op.drop_index("ix_message_written_anew", table_name="message")
    op.drop_index("ix_inbound_found", table_name="inbound_message")
    op.drop_index("ix_inbound_open", table_name="inbound_message")
    op.drop_table("tally")
    op.drop_index("ix_refused_webhook_at", table_name="refused_webhook")
    op.drop_table("refused_webhook")
    op.drop_table("write_probe")
    op.drop_table("worker_seen")
